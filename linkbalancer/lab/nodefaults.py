"""The faults of gateways and their LANs: no power, a dead leg, a LAN in two parts, an outdated neighbour entry."""

from collections.abc import Iterator
from functools import partial

from linkbalancer.config.model import Group
from linkbalancer.lab.commands import ip
from linkbalancer.lab.faults import Bounds, Fault, nothing
from linkbalancer.lab.impairments import repair, split
from linkbalancer.lab.judge import HEALING_MS, OUTAGE_MS
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import SIDES, Host, Segment, Topology
from linkbalancer.links import GroupId, LinkName, NodeName, Vid

REUNION_MS = 1500.0
"""The longest outage when the parts of a LAN meet again: what was cut off has to come back first."""


def links_of(topology: Topology, node: NodeName) -> frozenset[LinkName]:
    """Return the links that a gateway takes along when it fails."""
    return frozenset(topology.gateways[node].links)


def _lans_of(topology: Topology, node: NodeName) -> list[Segment]:
    return [segment for segment, _ in topology.ports(node) if not segment.is_link]


def unplugged(topology: Topology, node: NodeName) -> Fault:
    """A gateway's LAN leg without carrier."""

    def plug(lab: Lab, *, up: bool) -> None:
        for lan in _lans_of(topology, node):
            lab.network.carrier(lan, [node], up=up)

    return Fault(
        kind="lan",
        target=node,
        details={"how": "carrier"},
        damage=Damage(links_of(topology, node)),
        strike=partial(plug, up=False),
        heal=partial(plug, up=True),
    )


def deaf(topology: Topology, node: NodeName) -> Fault:
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
        damage=Damage(links_of(topology, node)),
        strike=strike,
        heal=heal,
    )


def dead(topology: Topology, node: NodeName) -> Fault:
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
        damage=Damage(links_of(topology, node), frozenset({node})),
        strike=strike,
        heal=heal,
    )


def splits(topology: Topology) -> Iterator[Fault]:
    """Yield each LAN in two parts, the hosts once with the first gateway and, of more than two, once with the last.

    Every gateway still hears somebody, so none is at fault; each part has Masters of its own.
    """
    for side in SIDES:
        gateways = topology.side_gateways(side)
        for node in (gateways[0], *gateways[2:][-1:]):
            yield _split(topology, side, node)


def _split(topology: Topology, side: str, node: NodeName) -> Fault:
    """One gateway with all hosts on one part of a LAN, the other gateways on the other.

    What runs over that gateway's link goes on. What the far election gives to another link comes to a part without
    hosts, on one of its two ways.
    """
    host = topology.host(side)
    lan = next(segment for segment, _ in topology.ports(host.name))
    spared = frozenset(_preferred(topology, node))
    # Where the hosts' gateway itself is on the other part, another one takes its place first.
    stays = _by_priority(topology, side, host)[:1] == [node]
    part = [node, *(host.name for host in topology.hosts if host.side == side)]
    return Fault(
        kind="split",
        target=lan.name,
        details={"how": f"hosts with {node}"},
        strike=lambda lab: split(lab.network, lan, part),
        heal=lambda lab: repair(lab.network, lan),
        exempt=True,
        bounds=Bounds(outage_ms=HEALING_MS if stays else OUTAGE_MS["lan"], healing_ms=REUNION_MS, spared=spared),
    )


def _preferred(topology: Topology, node: NodeName) -> Iterator[Vid]:
    """Yield the VIDs that are at a gateway's link while all is well: its far end has the highest priority there."""
    for vid in topology.vids:
        far = {
            gateway: group.priority
            for gateway in topology.side_gateways("far")
            if (group := topology.gateways[gateway].groups.get(GroupId(vid))) is not None and group.mode != "observe"
        }
        if far and links_of(topology, max(far, key=far.__getitem__)) & links_of(topology, node):
            yield vid


def outdated(topology: Topology, side: str) -> Fault:
    """A host's neighbour entry for its gateway leads to another one, as if the host had missed who is Master now."""
    host = topology.host(side)
    lan = next(segment for segment, _ in topology.ports(host.name))
    master, *others = _by_priority(topology, side, host)
    wrong = others[-1] if others else master

    def strike(lab: Lab) -> None:
        mac = lab.network.mac(lan, wrong)
        ip([f"neigh replace {host.gateway} lladdr {mac} dev eth0 nud permanent"], lab.run.namespace(host.name))

    def heal(lab: Lab) -> None:
        ip([f"neigh del {host.gateway} dev eth0"], lab.run.namespace(host.name))

    return Fault(
        kind="neighbour", target=host.name, details={"how": f"at {wrong}"}, strike=strike, heal=heal, still=True
    )


def _by_priority(topology: Topology, side: str, host: Host) -> list[NodeName]:
    """Return the gateways that may have a host's default gateway as their virtual IP, the best first."""
    priorities = {
        node: group.priority
        for node in topology.side_gateways(side)
        for group in topology.gateways[node].groups.values()
        if group.mode != "observe" and host.gateway in (one.ip for one in group.virtual_ips)
    }
    return sorted(priorities, key=priorities.__getitem__, reverse=True)


def mispinned(topology: Topology, node: NodeName) -> Iterator[Fault]:
    """Yield a gateway's own neighbour entry for another Master, which somebody makes lead to a third gateway."""
    lan = _lans_of(topology, node)[0]
    side = topology.side(node)
    for (vid, _family), group in sorted(topology.gateways[node].groups.items()):
        home = next((one for one in topology.side_gateways(side) if vid in set(_preferred(topology, one))), node)
        others = [one for one in topology.side_gateways(side) if one not in {node, home}]
        if home == node or not others:
            continue
        yield _mispinned(node, lan, others[-1], group)
        return


def _mispinned(node: NodeName, lan: Segment, wrong: NodeName, group: Group) -> Fault:
    def strike(lab: Lab) -> None:
        mac = lab.network.mac(lan, wrong)
        line = f"neigh replace {group.virtual_ips[0].ip} lladdr {mac} dev {group.device} nud permanent"
        ip([line], lab.run.namespace(node))

    # The gateway itself puts it right.
    return Fault(kind="neighbour", target=node, details={"how": f"at {wrong}"}, strike=strike, heal=nothing, still=True)
