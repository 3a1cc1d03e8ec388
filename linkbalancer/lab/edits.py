"""The edits of a drill of reloads: what an operator changes in the files of running gateways, one after the other.

Every edit is a fault whose blow is the change and whose healing takes it back, so that what is added is also removed.
Files are changed as an operator would, gateway by gateway, each reloaded before the next one is touched.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any, Final

import yaml

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.load import load_rules
from linkbalancer.lab.conntrack import forget_flows
from linkbalancer.lab.directory import CONFIG, RULES, Directory
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.flows import choose_flows, classify
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Segment
from linkbalancer.links import NodeName, Vid
from linkbalancer.routing.rule import RuleSet

RELOAD_LIMIT_S: Final = 30.0
"""How long a reload may take."""

_OVER: Final = re.compile(r"event=ready|reload (?:unchanged|refused|failed)|stays in force")

Change = Callable[[str], str]
"""Makes a file's new text of its old one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One gateway's files changed, and its daemon told; `times` SIGHUPs follow each other at once."""

    node: NodeName
    changes: Mapping[str, Change]
    times: int = 1


@dataclass(slots=True)
class Editing:
    """An edit under way: its steps, and what each of those found."""

    steps: Sequence[Step]
    found: list[tuple[NodeName, dict[Path, str]]] = field(default_factory=list)

    def strike(self, lab: Lab) -> None:
        """Make the change, step by step."""
        self.found.clear()
        for step in self.steps:
            paths = {lab.directory.path / step.node / name: change for name, change in step.changes.items()}
            self.found.append((step.node, {path: path.read_text() for path in paths}))
            for path, change in paths.items():
                path.write_text(change(path.read_text()))
            reload(lab, step.node, step.times)

    def heal(self, lab: Lab) -> None:
        """Take it back, the last step first."""
        for node, texts in reversed(self.found):
            for path, text in texts.items():
                path.write_text(text)
            reload(lab, node)


def reload(lab: Lab, node: NodeName, times: int = 1) -> None:
    """Have a gateway's daemon read its files again, and wait until it has said what came of it."""
    service = lab.services[node]
    size = service.log.stat().st_size
    for _ in range(times):
        service.reload()
    deadline = time.monotonic() + RELOAD_LIMIT_S
    while time.monotonic() < deadline:
        with service.log.open(errors="replace") as log:
            log.seek(size)
            if len(_OVER.findall(log.read())) >= 1:
                return
        time.sleep(20 * MILLISECOND / SECOND)
    raise LabError(f"{node} did not say within {RELOAD_LIMIT_S:g} s what came of its reload\n{lab.last_words(node)}")


def all_edits(directory: Directory) -> list[Fault]:
    """Return every edit that is rehearsed, in order."""
    makers = (_rules, _applications, _groups, _links, _odd)
    return [edit for make in makers for edit in make(directory)]


def _edit(name: str, steps: Sequence[Step], *, still: bool = True, damage: Damage | None = None) -> Fault:
    editing = Editing(steps)
    return Fault(
        kind="reload",
        target=name.replace(" ", "-"),
        damage=damage or Damage(),
        strike=editing.strike,
        heal=editing.heal,
        still=still,
    )


def _everywhere(directory: Directory, file: str, change: Change) -> list[Step]:
    return [Step(node, {file: change}) for node in directory.topology.gateways]


# -- rules -------------------------------------------------------------------------------------------------------------


def _rules(directory: Directory) -> Iterator[Fault]:
    texts = next(iter(directory.texts.values()))
    first = next(rule for rule in directory.rules.rules)
    vids = " ".join(str(vid) for vid in directory.rules.applications[first.application].vids)
    added = f"App=203.0.113.77 * * * 7 udp [{vids}] name={first.application}\n"
    yield _edit("rule added", _everywhere(directory, RULES, lambda text: added + text))
    lines = [number for number, line in enumerate(texts.rules.splitlines()) if line.startswith("App")]
    if len(lines) > 1:
        yield _edit("rules swapped", _everywhere(directory, RULES, partial(_swapped, pair=(lines[0], lines[1]))))
    widened = _widened(texts.rules)
    if widened != texts.rules:
        yield _edit("rule changed", _everywhere(directory, RULES, _widened))


def _swapped(text: str, pair: tuple[int, int]) -> str:
    lines = text.splitlines(keepends=True)
    lines[pair[0]], lines[pair[1]] = lines[pair[1]], lines[pair[0]]
    return "".join(lines)


def _widened(text: str) -> str:
    """Give the first rule with a single destination port the next one, too."""

    def wider(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}-{int(match[2]) + 1}{match[3]}"

    return re.sub(r"(?m)^(App=(?:\S+\s+){4})(\d+)(\s)", wider, text, count=1)


def _applications(directory: Directory) -> Iterator[Fault]:
    added = f"App=203.0.113.78 * * * 7 udp [{directory.topology.vids[0]}] name=drill\n"
    yield _edit("application added", _everywhere(directory, RULES, lambda text: added + text))
    yield from _application_removed(directory)
    yield from _preference_reversed(directory)


def _application_removed(directory: Directory) -> Iterator[Fault]:
    """Remove the first application whose flows another one takes over."""
    text = next(iter(directory.texts.values())).rules
    flows = choose_flows(directory.topology, directory.rules)
    for name in directory.rules.applications:
        change = partial(_without, name=name)
        rules = _read(change(text))
        if rules is None or name in rules.applications:
            continue
        takers = {classify(flow, rules) for flow in flows if flow.app == name}
        (taker, *others) = takers
        if taker is not None and not others:
            yield _with_rules(_edit("application removed", _everywhere(directory, RULES, change)), rules, {name: taker})
            return


def _without(text: str, name: str) -> str:
    return "".join(
        line for line in text.splitlines(keepends=True) if not re.match(rf"App=.*\bname={re.escape(name)}\b", line)
    )


def _preference_reversed(directory: Directory) -> Iterator[Fault]:
    """Turn round the VIDs of the last application that has several: its flows move."""
    names = [name for name, one in directory.rules.applications.items() if len(one.vids) > 1]
    if not names:
        return
    text = next(iter(directory.texts.values())).rules
    change = partial(_reversed, name=names[-1])
    rules = _read(change(text))
    if rules is not None and rules != directory.rules:
        yield _with_rules(_edit("preference reversed", _everywhere(directory, RULES, change)), rules, {})


def _reversed(text: str, name: str) -> str:
    def turned(match: re.Match[str]) -> str:
        return f"{match[1]}[{' '.join(reversed(match[2].split()))}]{match[3]}"

    return re.sub(rf"(?m)^(App=.*)\[([\d ]+)\](.*\bname={re.escape(name)}\b.*)$", turned, text)


def _read(text: str) -> RuleSet | None:
    rules = load_rules(RULES, lambda _path: text)
    return rules if rules.rules else None


def _with_rules(fault: Fault, rules: RuleSet, becomes: Mapping[str, str]) -> Fault:
    """Say which rules are in force. Flows keep the application that they have begun with; healed, they begin anew."""

    def heal(lab: Lab) -> None:
        fault.heal(lab)
        for node in lab.topology.gateways:
            forget_flows(lab.run.namespace(node))

    return replace(fault, rules=rules, becomes=becomes, heal=heal)


# -- the configuration -------------------------------------------------------------------------------------------------


def _config(change: Callable[[dict[str, Any]], None]) -> Change:
    """Return what changes a configuration's values; its comments are lost, which nobody reads here."""

    def changed(text: str) -> str:
        values = yaml.safe_load(text)
        change(values)
        return yaml.safe_dump(values, sort_keys=False)

    return changed


def _groups(directory: Directory) -> Iterator[Fault]:
    topology = directory.topology
    vid = topology.vids[0]
    yield _edit("VID added", _everywhere_config(directory, partial(_add_group, like=vid, vid=max(topology.vids) + 1)))
    yield _edit("priority", _everywhere_config(directory, partial(_in_groups, change=_raise_priority, vids=[vid])))
    yield from _priority_that_moves(directory, vid)
    yield _edit("advert interval", _everywhere_config(directory, partial(_in_groups, change=_slower, vids=None)))
    yield _edit("virtual IP added", _everywhere_config(directory, partial(_in_groups, change=_add_vip, vids=[vid])))
    gateways = {host.gateway for host in topology.hosts}
    movable = [
        vid
        for vid in topology.vids
        if not any(
            address.ip in gateways
            for config in topology.gateways.values()
            if vid in config.groups
            for address in config.groups[vid].virtual_ips
        )
    ]
    if movable:
        change = partial(_in_groups, change=_change_vip, vids=movable[:1])
        edit = _edit("virtual IP changed", _everywhere_config(directory, change))
        yield replace(edit, readdressed=frozenset(movable[:1]))


def _everywhere_config(directory: Directory, change: Callable[[dict[str, Any]], None]) -> list[Step]:
    return _everywhere(directory, CONFIG, _config(change))


def _add_group(values: dict[str, Any], like: Vid, vid: Vid) -> None:
    group = dict(values["groups"][like])
    group["virtual_ips"] = [_free(values, group["virtual_ips"][0])]
    values["groups"][vid] = group


def _in_groups(
    values: dict[str, Any], change: Callable[[dict[str, Any], dict[str, Any]], None], vids: Sequence[Vid] | None
) -> None:
    for vid, group in values["groups"].items():
        if vids is None or vid in vids:
            change(values, group)


def _raise_priority(_values: dict[str, Any], group: dict[str, Any]) -> None:
    if "priority" in group:
        group["priority"] += 8


def _slower(_values: dict[str, Any], group: dict[str, Any]) -> None:
    group["advert_interval"] = "300ms" if group.get("advert_interval") != "300ms" else "250ms"


def _add_vip(values: dict[str, Any], group: dict[str, Any]) -> None:
    group["virtual_ips"] = [*group["virtual_ips"], _free(values, group["virtual_ips"][0])]


def _change_vip(values: dict[str, Any], group: dict[str, Any]) -> None:
    group["virtual_ips"] = [_free(values, group["virtual_ips"][0])]


def _free(values: dict[str, Any], like: str) -> str:
    """Return an address of the network of another that nobody of this lab has; the same one at every gateway."""
    interface = IPv4Interface(like)
    taken = {IPv4Interface(address).ip for group in values["groups"].values() for address in group["virtual_ips"]}
    address: IPv4Address = interface.network.broadcast_address - 20
    while address in taken:
        address -= 1
    return f"{address}/{interface.network.prefixlen}"


def _priority_that_moves(directory: Directory, vid: Vid) -> Iterator[Fault]:
    """Let the far Master of a VID be outranked: the whole series group moves."""
    far = {
        node: directory.topology.gateways[node].groups[vid].priority
        for node in directory.topology.side_gateways("far")
        if vid in directory.topology.gateways[node].groups
        and directory.topology.gateways[node].groups[vid].mode == "member"
    }
    if len(far) > 1:
        best = max(far, key=far.__getitem__)
        lowered = max(2, min(far.values()) - 20)

        def lower(_values: dict[str, Any], group: dict[str, Any]) -> None:
            group["priority"] = lowered

        change = _config(partial(_in_groups, change=lower, vids=[vid]))
        yield _edit("priority lowered", [Step(best, {CONFIG: change})], still=False)


def _links(directory: Directory) -> Iterator[Fault]:
    topology = directory.topology
    link = topology.links[0]
    yield _edit("probe interval", _everywhere_config(directory, _quicker_probes))
    yield _key_rotated(link)
    steps = [Step(port.node, {CONFIG: _config(partial(_without_link, link=link.name))}) for port in link.ports]
    yield _edit("link removed", steps, still=False, damage=Damage(frozenset({link.name})))


def _quicker_probes(values: dict[str, Any]) -> None:
    for link in values["links"].values():
        link["probe"] = {**link.get("probe", {}), "interval": ["80ms", "160ms"]}


def _without_link(values: dict[str, Any], link: str) -> None:
    """Take a link out of use: its gateway only listens for the VIDs that it had there."""
    del values["links"][link]
    for group in values["groups"].values():
        if group.get("link") == link:
            for key in ("link", "priority", "preempt", "checksum"):
                group.pop(key, None)
            group["mode"] = "observe"


def _key_rotated(link: Segment) -> Fault:
    """Give both ends a second key, then take the first one from both."""
    file = f"keys/{link.name}.key"
    secret = secrets.token_hex(32)

    def add(text: str) -> str:
        return f"{text}2 {secret}\n"

    def second(text: str) -> str:
        return text.partition("\n")[2]

    ends = [port.node for port in link.ports]
    steps = [Step(node, {file: add}) for node in ends] + [Step(node, {file: second}) for node in ends]
    return _edit("key rotated", steps)


def _odd(directory: Directory) -> Iterator[Fault]:
    node = next(iter(directory.topology.gateways))
    yield _edit("comment", [Step(node, {CONFIG: lambda text: f"# seen\n{text}"})])
    yield _edit("bad file", [Step(node, {RULES: lambda text: f"{text}App=nonsense\n"})])
    added = f"App=203.0.113.79 * * * 9 udp [{directory.topology.vids[0]}] name=twice\n"
    yield _edit("twice at once", [Step(node, {RULES: lambda text: added + text}, times=2)])
