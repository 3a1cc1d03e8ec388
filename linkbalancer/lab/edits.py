"""The edits of a drill of reloads: what an operator changes in the files of running gateways, one after the other.

Every edit is a fault whose blow is the change and whose healing takes it back, so that what is added is also removed.
How files are changed is `lab.editing`'s.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from linkbalancer.config.load import load_rules
from linkbalancer.lab.conntrack import forget_flows
from linkbalancer.lab.directory import CONFIG, RULES, Directory, Texts
from linkbalancer.lab.editing import Step, edited, everywhere, in_config, in_configs
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.flows import choose_flows, classify
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Segment
from linkbalancer.links import GroupId, Vid
from linkbalancer.routing.rule import RuleSet


def all_edits(directory: Directory) -> list[Fault]:
    """Return every edit that is rehearsed, in order."""
    makers = (_rules, _applications, _groups, _links, _odd)
    return [edit for make in makers for edit in make(directory)]


# -- rules -------------------------------------------------------------------------------------------------------------


def _rules(directory: Directory) -> Iterator[Fault]:
    texts = next(iter(directory.texts.values()))
    first = next(rule for rule in directory.rules.rules)
    vids = " ".join(str(vid) for vid in directory.rules.applications[first.application].vids)
    added = f"App=203.0.113.77 * * * 7 udp [{vids}] name={first.application}\n"
    yield edited("rule added", everywhere(directory, RULES, lambda text: added + text))
    lines = [number for number, line in enumerate(texts.rules.splitlines()) if line.startswith("App")]
    if len(lines) > 1:
        yield edited("rules swapped", everywhere(directory, RULES, partial(_swapped, pair=(lines[0], lines[1]))))
    widened = _widened(texts.rules)
    if widened != texts.rules:
        yield edited("rule changed", everywhere(directory, RULES, _widened))


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
    yield edited("application added", everywhere(directory, RULES, lambda text: added + text))
    yield from _application_removed(directory)
    yield from _preference_reversed(directory)


def _application_removed(directory: Directory) -> Iterator[Fault]:
    """Remove the first application whose flows another one takes over."""
    texts = next(iter(directory.texts.values()))
    flows = choose_flows(directory.topology, directory.rules)
    for name in directory.rules.applications:
        change = partial(_without, name=name)
        rules = _read(change(texts.rules), texts)
        if rules is None or name in rules.applications:
            continue
        takers = {classify(flow, rules) for flow in flows if flow.app == name}
        (taker, *others) = takers
        if taker is not None and not others:
            yield _with_rules(edited("application removed", everywhere(directory, RULES, change)), rules, {name: taker})
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
    texts = next(iter(directory.texts.values()))
    change = partial(_reversed, name=names[-1])
    rules = _read(change(texts.rules), texts)
    if rules is not None and rules != directory.rules:
        yield _with_rules(edited("preference reversed", everywhere(directory, RULES, change)), rules, {})


def _reversed(text: str, name: str) -> str:
    def turned(match: re.Match[str]) -> str:
        return f"{match[1]}[{' '.join(reversed(match[2].split()))}]{match[3]}"

    return re.sub(rf"(?m)^(App=.*)\[([\d ]+)\](.*\bname={re.escape(name)}\b.*)$", turned, text)


def _read(text: str, texts: Texts) -> RuleSet | None:
    rules = load_rules(RULES, lambda path: text if path == RULES else texts.sets[path])
    return rules if rules.rules else None


def _with_rules(fault: Fault, rules: RuleSet, becomes: Mapping[str, str]) -> Fault:
    """Say which rules are in force. Flows are classified anew, in all gateways; healed, they begin anew."""

    def heal(lab: Lab) -> None:
        fault.heal(lab)
        for node in lab.topology.gateways:
            forget_flows(lab.run.namespace(node))

    return replace(fault, rules=rules, becomes=becomes, heal=heal)


# -- the configuration -------------------------------------------------------------------------------------------------


def _groups(directory: Directory) -> Iterator[Fault]:
    topology = directory.topology
    vid = topology.vids[0]
    yield edited("VID added", in_configs(directory, partial(_add_group, like=vid, vid=max(topology.vids) + 1)))
    yield edited("priority", in_configs(directory, partial(_in_groups, change=_raise_priority, vids=[vid])))
    yield from _priority_that_moves(directory, vid)
    yield edited("advert interval", in_configs(directory, partial(_in_groups, change=_slower, vids=None)))
    yield edited("virtual IP added", in_configs(directory, partial(_in_groups, change=_add_vip, vids=[vid])))
    gateways = {host.gateway for host in topology.hosts}
    movable = [
        vid
        for vid in topology.vids
        if not any(
            address.ip in gateways
            for config in topology.gateways.values()
            if GroupId(vid) in config.groups
            for address in config.groups[GroupId(vid)].virtual_ips
        )
    ]
    if movable:
        change = partial(_in_groups, change=_change_vip, vids=movable[:1])
        edit = edited("virtual IP changed", in_configs(directory, change))
        yield replace(edit, readdressed=frozenset(movable[:1]))


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
        node: group.priority
        for node in directory.topology.side_gateways("far")
        if (group := directory.topology.gateways[node].groups.get(GroupId(vid))) is not None and group.mode == "member"
    }
    if len(far) > 1:
        best = max(far, key=far.__getitem__)
        lowered = max(2, min(far.values()) - 20)

        def lower(_values: dict[str, Any], group: dict[str, Any]) -> None:
            group["priority"] = lowered

        change = in_config(partial(_in_groups, change=lower, vids=[vid]))
        yield edited("priority lowered", [Step(best, {CONFIG: change})], still=False)


def _links(directory: Directory) -> Iterator[Fault]:
    topology = directory.topology
    link = topology.links[0]
    yield edited("probe interval", in_configs(directory, _quicker_probes))
    yield _key_rotated(link)
    steps = [Step(port.node, {CONFIG: in_config(partial(_without_link, link=link.name))}) for port in link.ports]
    yield edited("link removed", steps, still=False, damage=Damage(frozenset({link.name})))


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
    return edited("key rotated", steps)


def _odd(directory: Directory) -> Iterator[Fault]:
    node = next(iter(directory.topology.gateways))
    yield edited("comment", [Step(node, {CONFIG: lambda text: f"# seen\n{text}"})])
    yield edited("bad file", [Step(node, {RULES: lambda text: f"{text}App=nonsense\n"})])
    added = f"App=203.0.113.79 * * * 9 udp [{directory.topology.vids[0]}] name=twice\n"
    yield edited("twice at once", [Step(node, {RULES: lambda text: added + text}, times=2)])
