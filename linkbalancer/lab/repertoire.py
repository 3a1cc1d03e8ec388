"""Every fault that a drill rehearses: what breaks around a service, what happens to it, and what people do to it."""

from collections.abc import Iterator, Sequence
from functools import partial

from linkbalancer.lab.blackout import blackouts
from linkbalancer.lab.commands import ip, ip_json, nft
from linkbalancer.lab.draining import Drain, drains
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.interruptions import interruptions, killall, leave_and_return
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Segment, Topology
from linkbalancer.links import NodeName


def all_faults(topology: Topology, applications: Sequence[str]) -> list[Fault]:
    """Return every fault that is rehearsed, in order; most of them on the first link and its two gateways."""
    first = topology.links[0]
    near = next(port.node for port in first.ports if topology.side(port.node) == "near")
    far = next(port.node for port in first.ports if topology.side(port.node) == "far")
    faults = [*map(_cut, topology.links), _silent(first), _oneway(first, near, "out"), _oneway(first, far, "back")]
    faults += [_lan(topology, node) for node in (near, far)]
    faults += [_lan_silent(topology, node) for node in (near, far)]
    faults += [_node(topology, node) for node in (near, far)]
    faults += interruptions(topology, near, far, applications)
    faults += [killall(near), *map(_drain, drains(topology, near, far)), *blackouts(topology)]
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


def _strangers(topology: Topology, node: NodeName) -> Iterator[Fault]:
    """Somebody removes what is ours from a gateway's kernel; the service is restarted afterwards."""
    config = topology.gateways[node]
    (vid, _family), group = next(
        (id_, group) for id_, group in sorted(config.groups.items()) if group.mode != "observe"
    )
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

    # A virtual IP of a group that Keepalived runs is not ours to put back.
    ours = (("address", unaddress),) if group.mode == "member" else ()
    for what, deed in (("ruleset", flush), ("rule", unrule), *ours):
        yield Fault(
            kind="stranger",
            target=node,
            details={"removes": what},
            strike=deed,
            heal=partial(leave_and_return, node),
            exempt=True,
        )
