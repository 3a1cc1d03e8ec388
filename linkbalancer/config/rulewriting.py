"""Writing rules as a rule file has them: what is read of the text is what was written."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from typing import Literal

from linkbalancer.config.rulefields import ANY
from linkbalancer.routing.application import Application, options_in_words, steps_in_words
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector


def line_of(selectors: Sequence[Selector], application: Application) -> str:
    """Write a line: one selector, or one of each family that are alike but for their addresses.

    What host names select by is written as those, which stand in sets alone: it is for people, not to be read back.
    """
    first = selectors[0]
    source, destination = (
        _list(list(dict.fromkeys(word for selector, field, names in ends for word in _end(selector, field, names))))
        for ends in (
            [(selector, selector.source, selector.source_names) for selector in selectors],
            [(selector, selector.destination, selector.destination_names) for selector in selectors],
        )
    )
    fields = (
        source,
        destination,
        _list([f"{one.first << 2:#04x}" for one in _singles(first.dscp)]),
        _list([str(one) for one in first.source_port or ()]),
        _list([str(one) for one in first.destination_port or ()]),
        _protocols(first),
    )
    words = [*fields, steps_in_words(application.steps), f"name={application.name}", *options_in_words(application)]
    return f"App={' '.join(words)}"


def _end(selector: Selector, addresses: Ranges | None, names: Sequence[str]) -> Sequence[str]:
    return names or [in_words(one, selector.family) for one in addresses or ()]


def in_words(interval: Interval, family: Literal[4, 6] | None) -> str:
    """Write a range of addresses: an address, a prefix where it is one, else both ends."""
    make = IPv6Address if family == 6 else IPv4Address
    first, last = make(interval.first), make(interval.last)
    if first == last:
        return str(first)
    prefix, *more = summarize_address_range(first, last)
    return f"{first}-{last}" if more else str(prefix)


def _list(words: Sequence[str]) -> str:
    return ",".join(words) or ANY


def _singles(ranges: Ranges | None) -> list[Interval]:
    return [Interval(value, value) for one in ranges or () for value in range(one.first, one.last + 1)]


def _protocols(selector: Selector) -> str:
    with_ports = selector.source_port is not None or selector.destination_port is not None
    if selector.protocols is None or (with_ports and selector.protocols == PROTOCOLS_WITH_PORTS):
        return ANY
    return ",".join(map(protocol_name, selector.protocols))
