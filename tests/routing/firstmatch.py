"""First match by a plain loop, written from the mission's text alone: the judge of the classifier."""

from collections.abc import Sequence

from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Selector


def means(selector: Selector, packet: Packet) -> bool:
    """Tell, field by field, whether a selector means a packet."""
    if selector.family is not None and selector.family != packet.source.version:
        return False
    ranges = [
        (selector.source, int(packet.source)),
        (selector.destination, int(packet.destination)),
        (selector.source_port, packet.source_port),
        (selector.destination_port, packet.destination_port),
        (selector.dscp, packet.tos // 4),
    ]
    for wanted, value in ranges:
        if wanted is not None and not any(one.first <= value <= one.last for one in wanted):
            return False
    return selector.protocols is None or packet.protocol in selector.protocols


def first_match(rules: Sequence[Rule], packet: Packet) -> Rule | None:
    """Return the first rule that means the packet."""
    for rule in rules:
        if means(rule.selector, packet):
            return rule
    return None


def answer_to(packet: Packet) -> Packet:
    """Swap both ends of a packet."""
    return Packet(
        packet.destination,
        packet.source,
        packet.protocol,
        packet.destination_port,
        packet.source_port,
        packet.tos,
    )
