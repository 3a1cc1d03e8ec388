"""Every fault that a drill rehearses: what breaks around a service, what happens to it, and what people do to it."""

from collections.abc import Iterator, Sequence
from functools import partial

from linkbalancer.lab.blackout import blackouts
from linkbalancer.lab.commands import ip, ip_json, nft
from linkbalancer.lab.doubles import chosen, every_pair
from linkbalancer.lab.draining import Drain, drains
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.interruptions import interruptions, killall, killed, leave_and_return, restarted, together
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.linkfaults import cut, ends, link_faults, lone, silent, swapped
from linkbalancer.lab.nodefaults import dead, deaf, mispinned, outdated, splits, unplugged
from linkbalancer.lab.topology import SIDES, Segment, Topology
from linkbalancer.links import NodeName

MANY_LINKS = 3
"""From so many links on two of them may fail at once, and a third carries everything."""


def all_faults(topology: Topology, applications: Sequence[str]) -> list[Fault]:
    """Return every fault that is rehearsed, in order; most of them on the first link and its two gateways."""
    first = topology.links[0]
    near, far = ends(topology, first)
    faults = [*map(cut, topology.links), *link_faults(topology, first)]
    faults += [fault for link in topology.links[1:] if link.routers for fault in _of_a_cloud(topology, link)]
    faults += swapped(topology)
    faults += [unplugged(topology, node) for node in (near, far)]
    faults += [deaf(topology, node) for node in (near, far)]
    faults += splits(topology)
    faults += [outdated(topology, side) for side in SIDES]
    faults += mispinned(topology, near)
    faults += [dead(topology, node) for node in (near, far)]
    faults += interruptions(topology, near, far, applications)
    faults += [killall(near), *together(near, far), *map(_drain, drains(topology, near, far))]
    faults += _doubles(topology, faults)
    return [*faults, *blackouts(topology), *_strangers(topology, near)]


def double_faults(topology: Topology) -> list[Fault]:
    """Return every fault of a link or one of its gateways together with every one of another link."""
    return list(every_pair({link.name: list(_breaking(topology, link)) for link in topology.links}))


def _breaking(topology: Topology, link: Segment) -> Iterator[Fault]:
    """Yield what takes a link out of use, by itself or with one of its gateways."""
    yield cut(link)
    yield silent(link)
    for node in ends(topology, link):
        yield from (dead(topology, node), unplugged(topology, node), deaf(topology, node))


def _of_a_cloud(topology: Topology, link: Segment) -> Iterator[Fault]:
    """Yield those faults of a link with routers in which it is unlike a wire."""
    yield from (fault for fault in link_faults(topology, link) if fault.kind in {"silent", "loss"})


def _doubles(topology: Topology, faults: Sequence[Fault]) -> Iterator[Fault]:
    """Yield the pairs that are rehearsed every time, and all links but one lost at once."""
    if len(topology.links) < MANY_LINKS:
        return
    first, second = topology.links[:2]
    (near, _far), (near_2, far_2) = ends(topology, first), ends(topology, second)
    known = {fault.name: fault for fault in faults}
    for fault in (*_breaking(topology, second), killed(near_2, "agent"), restarted(far_2)):
        known.setdefault(fault.name, fault)
    pairs = [
        (f"cut {first.name}", f"cut {second.name}"),
        (f"silent {first.name}", f"silent {second.name}"),
        (f"cut {first.name}", f"node {near_2}"),
        (f"node {near}", f"node {far_2}"),
        (f"lan {near} silent", f"lan {far_2} silent"),
        (f"silent {first.name}", f"lan {near_2} carrier"),
        (f"cut {first.name}", f"kill {near_2} agent"),
        (f"cut {first.name}", f"restart {far_2}"),
    ]
    yield from chosen(known, pairs)
    yield lone(topology)


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
