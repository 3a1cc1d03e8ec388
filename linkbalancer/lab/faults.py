"""The faults of a drill: what each one breaks, how it is healed, and what it leaves working."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lab.commands import ip, ip_json, nft
from linkbalancer.lab.draining import Drain, drains
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Segment, Topology
from linkbalancer.links import NodeName, Vid
from linkbalancer.routing.rule import RuleSet

Deed = Callable[[Lab], None]

NO_DAMAGE = Damage()

_PROCESS_LIMIT_S = 5.0

_HOG = "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass"
"""Wants a whole core, and ends by itself should nobody end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    `kind` and `target` name it in the report, `details` say more of it there. `damage` is what does not work while it
    lasts. A momentary fault heals by itself (a process that is started again). An exempt one is reported, and its
    flows are not judged. While a still one lasts, and is healed, no mastership may move anywhere. `rules` are in force
    while it lasts, where they are others, and `becomes` says which application's flows are another's then. The virtual
    IPs of `readdressed` VIDs are others meanwhile.
    """

    kind: str
    target: str
    strike: Deed
    heal: Deed
    details: Mapping[str, str] = field(default_factory=dict)
    damage: Damage = NO_DAMAGE
    momentary: bool = False
    exempt: bool = False
    still: bool = False
    rules: RuleSet | None = None
    becomes: Mapping[str, str] = field(default_factory=dict)
    readdressed: frozenset[Vid] = frozenset()

    @property
    def name(self) -> str:
        """How people call it: kind, target and details."""
        return " ".join([self.kind, self.target, *self.details.values()])


def _nothing(_lab: Lab) -> None:
    """Heal what has healed by itself."""


def all_faults(topology: Topology, applications: Sequence[str]) -> list[Fault]:
    """Return every fault that is rehearsed, in order; most of them on the first link and its two gateways."""
    first = topology.links[0]
    near = next(port.node for port in first.ports if topology.side(port.node) == "near")
    far = next(port.node for port in first.ports if topology.side(port.node) == "far")
    faults = [*map(_cut, topology.links), _silent(first), _oneway(first, near, "out"), _oneway(first, far, "back")]
    faults += [_lan(topology, node) for node in (near, far)]
    faults += [_lan_silent(topology, node) for node in (near, far)]
    faults += [_node(topology, node) for node in (near, far)]
    faults += _of_the_service(topology, near, far, applications)
    faults += [_killall(near), *map(_drain, drains(topology, near, far)), _blackout(topology)]
    return faults + list(_strangers(topology, near))


def _cut(link: Segment) -> Fault:
    """Carrier lost at both ends of a link."""
    nodes = [port.node for port in link.ports]
    return Fault(
        kind="cut",
        target=link.name,
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.carrier(link, nodes, up=False),
        heal=lambda lab: lab.network.carrier(link, nodes, up=True),
    )


def _silent(link: Segment) -> Fault:
    """Carrier stays, nothing passes."""
    nodes = [port.node for port in link.ports]
    return Fault(
        kind="silent",
        target=link.name,
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.silence(link, incoming=nodes),
        heal=lambda lab: lab.network.speak(link),
    )


def _oneway(link: Segment, node: NodeName, direction: str) -> Fault:
    """Carrier stays, and what a node sends on the link is lost."""
    return Fault(
        kind="oneway",
        target=link.name,
        details={"direction": direction},
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.silence(link, incoming=[node]),
        heal=lambda lab: lab.network.speak(link),
    )


def _links_of(topology: Topology, node: NodeName) -> frozenset[str]:
    return frozenset(topology.gateways[node].links)


def _lans_of(topology: Topology, node: NodeName) -> list[Segment]:
    return [segment for segment, _ in topology.ports(node) if not segment.is_link]


def _lan(topology: Topology, node: NodeName) -> Fault:
    """A gateway's LAN leg without carrier."""

    def plug(lab: Lab, *, up: bool) -> None:
        for lan in _lans_of(topology, node):
            lab.network.carrier(lan, [node], up=up)

    return Fault(
        kind="lan",
        target=node,
        details={"how": "carrier"},
        damage=Damage(_links_of(topology, node)),
        strike=partial(plug, up=False),
        heal=partial(plug, up=True),
    )


def _lan_silent(topology: Topology, node: NodeName) -> Fault:
    """A gateway's LAN leg silent both ways, with carrier."""

    def strike(lab: Lab) -> None:
        for lan in _lans_of(topology, node):
            lab.network.silence(lan, incoming=[node], outgoing=[node])

    def heal(lab: Lab) -> None:
        for lan in _lans_of(topology, node):
            lab.network.speak(lan)

    return Fault(
        kind="lan",
        target=node,
        details={"how": "silent"},
        damage=Damage(_links_of(topology, node)),
        strike=strike,
        heal=heal,
    )


def _node(topology: Topology, node: NodeName) -> Fault:
    """A gateway loses its power, and boots again."""

    def strike(lab: Lab) -> None:
        lab.services[node].abandon()
        lab.network.remove_node(node)

    def heal(lab: Lab) -> None:
        lab.network.restore_node(node)
        lab.services[node].forget_run_files()
        lab.services[node].start()

    return Fault(
        kind="node",
        target=node,
        damage=Damage(_links_of(topology, node), frozenset({node})),
        strike=strike,
        heal=heal,
    )


def _leave_and_return(node: NodeName, lab: Lab) -> None:
    lab.services[node].stop()
    lab.services[node].start()


def _restart(node: NodeName, lab: Lab) -> None:
    lab.services[node].restart()


def _upgrade(node: NodeName, lab: Lab) -> None:
    lab.services[node].upgrade()


def _of_the_service(topology: Topology, node: NodeName, far: NodeName, applications: Sequence[str]) -> Iterator[Fault]:
    """What happens to the service alone: nothing is lost by any of it, and where it goes on nothing moves either."""
    for one in topology.gateways:
        yield _still("restart", one, partial(_restart, one))
    for one in (node, far):
        yield _still("upgrade", one, partial(_upgrade, one))
        # `systemctl stop`, and a start later: its masterships move away, and come back.
        yield Fault(kind="leave", target=one, strike=partial(_leave_and_return, one), heal=_nothing, momentary=True)
    processes = ["agent", *(f"app:{name}" for name in applications[:1]), "zygote", "api", "supervisor"]
    kills = [_kill(node, process) for process in processes]
    yield from kills
    yield _loaded(kills[0])
    yield _loaded(kills[-1])
    yield _loaded(_still("upgrade", node, partial(_upgrade, node)))


def _still(kind: str, node: NodeName, strike: Deed) -> Fault:
    return Fault(kind=kind, target=node, strike=strike, heal=_nothing, momentary=True, still=True)


def _kill(node: NodeName, process: str) -> Fault:
    """One process of a gateway is killed (-9)."""

    def strike(lab: Lab) -> None:
        deadline = time.monotonic() + _PROCESS_LIMIT_S
        while time.monotonic() < deadline:
            pid = lab.services[node].processes().get(process)
            if pid:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(50 * MILLISECOND / SECOND)
        raise LabError(f"{node} has no process {process}")

    return replace(_still("kill", node, strike), details={"process": process})


def _loaded(fault: Fault) -> Fault:
    """The same while other processes want all of every core."""
    hogs: list[subprocess.Popen[bytes]] = []

    def strike(lab: Lab) -> None:
        hogs.extend(subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(os.cpu_count() or 1))
        fault.strike(lab)

    def heal(lab: Lab) -> None:
        fault.heal(lab)
        for hog in hogs:
            hog.kill()
            hog.wait()
        hogs.clear()

    return replace(fault, details={**fault.details, "load": "loaded"}, strike=strike, heal=heal)


def _killall(node: NodeName) -> Fault:
    """Every process of a gateway is killed (-9) at once; the service manager starts the service again."""

    def strike(lab: Lab) -> None:
        if not lab.services[node].kill_all():
            raise LabError(f"{node} has no process to kill")

    return Fault(kind="killall", target=node, strike=strike, heal=_nothing, momentary=True)


def _drain(drain: Drain) -> Fault:
    """A person takes something out of service, and puts it back."""
    return Fault(
        kind="drain",
        target=drain.node,
        details={"how": drain.kind},
        damage=drain.damage,
        strike=drain.begin,
        heal=drain.end,
    )


def _blackout(topology: Topology) -> Fault:
    """Every link loses its carrier."""

    def carrier(lab: Lab, *, up: bool) -> None:
        for link in topology.links:
            lab.network.carrier(link, [port.node for port in link.ports], up=up)

    return Fault(
        kind="blackout",
        target="all links",
        damage=Damage(frozenset(link.name for link in topology.links)),
        strike=partial(carrier, up=False),
        heal=partial(carrier, up=True),
        exempt=True,
    )


def _strangers(topology: Topology, node: NodeName) -> Iterator[Fault]:
    """Somebody removes what is ours from a gateway's kernel; the service is restarted afterwards."""
    config = topology.gateways[node]
    vid, group = next((vid, group) for vid, group in sorted(config.groups.items()) if group.mode == "member")
    address = group.virtual_ips[0]

    def flush(lab: Lab) -> None:
        nft("flush ruleset\n", lab.run.namespace(node))

    def unrule(lab: Lab) -> None:
        namespace = lab.run.namespace(node)
        table = str(config.marks.table(vid))
        rules = [rule for rule in ip_json(["rule", "show"], namespace) if rule.get("table") == table]
        if not rules:
            raise LabError(f"{node} has no rule for table {table}")
        ip([f"rule del pref {rules[0]['priority']}"], namespace)

    def unaddress(lab: Lab) -> None:
        namespace = lab.run.namespace(node)
        devices = ip_json(["addr", "show", "dev", group.device], namespace)
        found = [one for device in devices for one in device["addr_info"] if one["local"] == str(address.ip)]
        if not found:
            raise LabError(f"{node} does not have the virtual IP {address.ip}")
        ip([f"addr del {address.ip}/{found[0]['prefixlen']} dev {group.device}"], namespace)

    for what, deed in (("ruleset", flush), ("rule", unrule), ("address", unaddress)):
        yield Fault(
            kind="stranger",
            target=node,
            details={"removes": what},
            strike=deed,
            heal=partial(_leave_and_return, node),
            exempt=True,
        )


def select_faults(faults: Iterable[Fault], names: Sequence[str]) -> list[Fault]:
    """Return the faults that people named, by kind or by kind and target (`cut`, `cut l1`); LabError for another."""
    known = list(faults)
    if not names:
        return known
    wanted = [name.replace(":", " ") for name in names]
    for name in wanted:
        if not any(_is_called(fault, name) for fault in known):
            kinds = ", ".join(dict.fromkeys(fault.kind for fault in known))
            raise LabError(f"there is no fault {name!r}; there are {kinds}, each alone or with its target (`cut l1`)")
    return [fault for fault in known if any(_is_called(fault, name) for name in wanted)]


def _is_called(fault: Fault, name: str) -> bool:
    return f"{fault.name} ".startswith(f"{name} ")
