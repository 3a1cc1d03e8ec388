"""The traffic of a drill: for every application one conversation, numbered both ways."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from linkbalancer.config.model import Group
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.topology import SIDES, Topology
from linkbalancer.links import GroupId, Vid
from linkbalancer.routing.classifier import Classifier, compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Ranges

TCP, UDP = 6, 17

_FREE_PORT = 40_000
"""Where a rule leaves a port open, ports count up from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One direction of an application's conversation, as its packets look.

    `direction` is `out` (near to far) or `back`; `protocol` is `tcp` or `udp`. The two directions of an application
    are one conversation: addresses and ports swapped.
    """

    number: int
    app: str
    direction: str
    protocol: str
    source: IPv4Address
    destination: IPv4Address
    source_port: int
    destination_port: int
    tos: int


@dataclass(frozen=True, slots=True)
class Echo:
    """Echo requests of a side's host to a virtual IP of its own LAN, ARP requests for it, and the replies to them.

    `number` and `arp` are their traces', beside those of the flows.
    """

    number: int
    side: str
    vid: Vid
    address: IPv4Address
    arp: int


def choose_echoes(topology: Topology, first: int) -> list[Echo]:
    """Return an echo for a virtual IP of every VID that a side is a member of; their numbers begin at `first`."""
    wanted = [
        (side, vid, address)
        for side in SIDES
        for vid in topology.vids
        if (groups := [group for group in _groups(topology, side, vid) if group.mode in {"member", "keepalived"}])
        and isinstance(address := groups[0].virtual_ips[0].ip, IPv4Address)
    ]
    return [Echo(number, *one, arp=number + len(wanted)) for number, one in enumerate(wanted, first)]


def _groups(topology: Topology, side: str, vid: Vid) -> Iterator[Group]:
    for node in topology.side_gateways(side):
        group = topology.gateways[node].groups.get(GroupId(vid))
        if group is not None:
            yield group


def classify(flow: Flow, ruleset: RuleSet) -> str | None:
    """Return the application that a flow belongs to by other rules than those it was chosen by."""
    packet = Packet(
        source=flow.source,
        destination=flow.destination,
        protocol=TCP if flow.protocol == "tcp" else UDP,
        source_port=flow.source_port,
        destination_port=flow.destination_port,
        tos=flow.tos,
    )
    found = compile_rules(ruleset).lookup(packet if flow.direction == "out" else packet.mirrored())
    return None if found is None else found.application


def choose_flows(topology: Topology, ruleset: RuleSet) -> list[Flow]:
    """Return a flow out and one back for every application of the rules, near host to far host.

    LabError when an application's rules mean no TCP or UDP packet between these hosts: nothing would rehearse it.
    """
    near, far = topology.host("near").address.ip, topology.host("far").address.ip
    classifier = compile_rules(ruleset)
    flows: list[Flow] = []
    for index, application in enumerate(ruleset.applications):
        packet = _packet_for(application, ruleset, classifier, (near, far), index)
        flows += _both_ways(len(flows), application, packet)
    return flows


def _packet_for(
    application: str, ruleset: RuleSet, classifier: Classifier, ends: tuple[IPv4Address, IPv4Address], index: int
) -> Packet:
    for rule in ruleset.rules:
        if rule.application != application:
            continue
        for packet in _candidates(rule, ends, index):
            found = classifier.lookup(packet)
            if found is not None and found.application == application:
                return packet
    raise LabError(
        f"no TCP or UDP packet from {ends[0]} to {ends[1]} belongs to application {application}: "
        "give the hosts in topology.yaml addresses that its rules mean"
    )


def _candidates(rule: Rule, ends: tuple[IPv4Address, IPv4Address], index: int) -> Iterator[Packet]:
    selector = rule.selector
    for protocol in (UDP, TCP):
        if selector.protocols is None or protocol in selector.protocols:
            yield Packet(
                source=ends[0],
                destination=ends[1],
                protocol=protocol,
                source_port=_port(selector.source_port, _FREE_PORT + index),
                destination_port=_port(selector.destination_port, _FREE_PORT + 1000 + index),
                tos=0 if selector.dscp is None else selector.dscp[0].first << 2,
            )


def _port(wanted: Ranges | None, free: int) -> int:
    """Return the port that a rule wants which is nearest to a free one."""
    if wanted is None:
        return free
    return min((min(max(free, one.first), one.last) for one in wanted), key=lambda port: abs(port - free))


def _both_ways(number: int, application: str, packet: Packet) -> Iterator[Flow]:
    for offset, (direction, seen) in enumerate((("out", packet), ("back", packet.mirrored()))):
        if not isinstance(seen.source, IPv4Address) or not isinstance(seen.destination, IPv4Address):
            raise LabError("the lab's hosts have IPv4 addresses")
        yield Flow(
            number=number + offset,
            app=application,
            direction=direction,
            protocol="tcp" if seen.protocol == TCP else "udp",
            source=seen.source,
            destination=seen.destination,
            source_port=seen.source_port,
            destination_port=seen.destination_port,
            tos=seen.tos,
        )
