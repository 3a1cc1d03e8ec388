"""The traffic of a drill: conversations of every application, numbered both ways.

One conversation for an application; of one with a balanced step several, so that each of its ways has some. All of
them together are bounded, so that a drill of many applications is one for the same computer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import islice, product
from typing import Final

from linkbalancer.config.model import Group
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.topology import SIDES, Topology
from linkbalancer.links import GroupId, Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import Order, order_of
from linkbalancer.routing.classifier import Classifier, compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Ranges
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky

TCP, UDP = 6, 17

MOST_CONVERSATIONS: Final = 400
"""Sockets of a host; less than the 1,024 files that a process may have open everywhere."""

MOST_OF_ONE: Final = 16
"""Conversations of one balanced application, and a few more where chance leaves out one of its VIDs."""

_TRIED: Final = 256
"""How many of an application's packets are looked at for one that takes a way which the others have left out."""

_FREE_PORT: Final = 40_000
"""Where a rule leaves a port open, ports count up from here."""

_Ends = tuple[IPv4Address, IPv4Address]
"""A source and a destination."""

_Ports = tuple[int, int]
"""Theirs, where a rule leaves them open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One direction of an application's conversation, as its packets look.

    `direction` is `out` (near to far) or `back`; `protocol` is `tcp` or `udp`. The two directions of a conversation
    have addresses and ports swapped, and numbers one after the other. `orders` are, of an application with a balanced
    step, the VIDs of each of its steps in the order in which a conversation that begins takes them.
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
    orders: tuple[Order, ...] = ()

    @property
    def answer(self) -> int:
        """The number of the other direction."""
        return self.number ^ 1

    @property
    def conversation(self) -> int:
        """Which conversation of the drill it belongs to."""
        return self.number // 2


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
    """Return flows out and back for every application of the rules, near host to far host.

    LabError when an application's rules mean no TCP or UDP packet between these hosts: nothing would rehearse it; and
    when there are more applications than the hosts have sockets for.
    """
    applications = ruleset.applications
    if len(applications) > MOST_CONVERSATIONS:
        raise LabError(
            f"{len(applications)} applications are more than a drill has conversations for ({MOST_CONVERSATIONS}); "
            "rehearse a part of them: the others are steered alike"
        )
    classifier = compile_rules(ruleset)
    balanced = sum(one.balanced for one in applications.values())
    several = min(MOST_OF_ONE, 1 + (MOST_CONVERSATIONS - len(applications)) // max(1, balanced))
    flows: list[Flow] = []
    taken: set[tuple[int, int, int]] = set()
    for index, (name, application) in enumerate(applications.items()):
        free = _FREE_PORT + len(flows) // 2, _FREE_PORT + 1000 + index
        packets = _packets(name, ruleset, classifier, list(_ends(topology, application)), free)
        unused = (packet for packet in packets if _known_by(packet) not in taken)
        for packet in _sample(application, unused, several):
            taken.add(_known_by(packet))
            flows += _both_ways(len(flows), application, packet)
        if not flows or flows[-1].app != name:
            near, far = topology.host("near").address.ip, topology.host("far").address.ip
            raise LabError(
                f"no TCP or UDP packet from {near} to {far} belongs to application {name}: "
                "give the hosts in topology.yaml addresses that its rules mean"
            )
    return flows


def _known_by(packet: Packet) -> tuple[int, int, int]:
    """Return by what a host knows a conversation, also where its addresses are translated on the way."""
    return packet.protocol, packet.source_port, packet.destination_port


def _ends(topology: Topology, application: Application) -> Iterator[_Ends]:
    """Yield the addresses between which an application's conversations run: several where it keeps hosts together."""
    near, far = (topology.host(side).addresses for side in SIDES)
    several = application.balanced and application.sticky is not Sticky.FLOW
    yield from product(near, far) if several else [(near[0], far[0])]


def _sample(application: Application, packets: Iterator[Packet], several: int) -> Iterator[Packet]:
    """Yield the packets that begin conversations: the first as they come, then those of ways that these leave out."""
    if not application.balanced:
        yield from islice(packets, 1)
        return
    missing = {member.vid for step in application.steps if len(step) > 1 for member in step}
    for number, packet in enumerate(islice(packets, _TRIED)):
        first = {order[0] for order in orders(application, packet)}
        if number < several or first & missing:
            missing -= first
            yield packet
        if number >= several and not missing:
            return


def orders(application: Application, packet: Packet) -> tuple[Order, ...]:
    """Return the VIDs of each step in the order in which a conversation takes them; nothing where none is balanced."""
    if not application.balanced:
        return ()
    slot = slot_of(packet, application.sticky)
    return tuple(order_of(step, slot) if len(step) > 1 else (step[0].vid,) for step in application.steps)


def _packets(
    application: str, ruleset: RuleSet, classifier: Classifier, ends: Sequence[_Ends], free: _Ports
) -> Iterator[Packet]:
    """Yield packets of an application, by the first of its rules that means any; each with a source port of its own."""
    for rule in ruleset.rules:
        if rule.application != application:
            continue
        found = False
        for packet in _several(rule, ends, free):
            decided = classifier.lookup(packet)
            if decided is not None and decided.application == application:
                found = True
                yield packet
        if found:
            return


def _several(rule: Rule, ends: Sequence[_Ends], free: _Ports) -> Iterator[Packet]:
    """Yield what a rule may mean: the protocols that it names, between all ends, by ports that nobody uses yet."""
    for packet in _candidates(rule, ends[0], free):
        seen: set[int] = set()
        for further in range(_TRIED):
            port = _port(rule.selector.source_port, free[0] + further)
            if port in seen:
                break
            seen.add(port)
            source, destination = ends[further % len(ends)]
            yield replace(packet, source=source, destination=destination, source_port=port)


def _candidates(rule: Rule, ends: _Ends, free: _Ports) -> Iterator[Packet]:
    selector = rule.selector
    for protocol in (UDP, TCP):
        if selector.protocols is None or protocol in selector.protocols:
            yield Packet(
                source=ends[0],
                destination=ends[1],
                protocol=protocol,
                source_port=_port(selector.source_port, free[0]),
                destination_port=_port(selector.destination_port, free[1]),
                tos=0 if selector.dscp is None else selector.dscp[0].first << 2,
            )


def _port(wanted: Ranges | None, free: int) -> int:
    """Return the port that a rule wants which is nearest to a free one."""
    if wanted is None:
        return free
    return min((min(max(free, one.first), one.last) for one in wanted), key=lambda port: abs(port - free))


def _both_ways(number: int, application: Application, packet: Packet) -> Iterator[Flow]:
    for offset, (direction, seen) in enumerate((("out", packet), ("back", packet.mirrored()))):
        if not isinstance(seen.source, IPv4Address) or not isinstance(seen.destination, IPv4Address):
            raise LabError("the lab's hosts have IPv4 addresses")
        yield Flow(
            number=number + offset,
            app=application.name,
            direction=direction,
            protocol="tcp" if seen.protocol == TCP else "udp",
            source=seen.source,
            destination=seen.destination,
            source_port=seen.source_port,
            destination_port=seen.destination_port,
            tos=seen.tos,
            orders=orders(application, packet),
        )
