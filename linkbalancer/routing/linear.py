"""Rules for a kernel that knows one value, prefix or range a field: each selector as lines, tried one after the other.

`firewall: iptables` is such a kernel. A line has one range of sources and one of destinations, one prefix of DSCPs, one
protocol, and of ports a short list: what a selector has more of makes more lines.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from linkbalancer.routing.dispatch import FAMILIES, LAST_ADDRESS, Family
from linkbalancer.routing.selector import LAST_PORT, PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector

PORTS_MAX: Final = 15
"""Places for ports in one line; a range takes two."""

_DSCPS: Final = 64

Prefix: TypeAlias = tuple[int, int]
"""A value of the DSCP's six bits, and which of them count."""


class Line(NamedTuple):
    """What one rule of the kernel's asks of a packet; None: everything will do."""

    source: Interval | None = None
    destination: Interval | None = None
    dscp: Prefix | None = None
    protocol: int | None = None
    source_ports: Ranges | None = None
    destination_ports: Ranges | None = None


def lines(selector: Selector, family: Family) -> Iterator[Line]:
    """Yield the lines for a family's packets; none where the selector is the other family's."""
    if selector.family in {None, family}:
        for fields in product(*_choices(selector, family)):
            yield Line(*fields)


def count(selector: Selector) -> int:
    """Return how many lines a selector makes in the family that has more of them."""
    return max(_many(selector, family) for family in FAMILIES)


def _many(selector: Selector, family: Family) -> int:
    if selector.family not in {None, family}:
        return 0
    found = 1
    for some in _choices(selector, family):
        found *= len(some)
    return found


def _choices(
    selector: Selector, family: Family
) -> tuple[
    Sequence[Interval | None],
    Sequence[Interval | None],
    Sequence[Prefix | None],
    Sequence[int | None],
    Sequence[Ranges | None],
    Sequence[Ranges | None],
]:
    """Return of each field what one line after the other has there."""
    ports = (_ports(selector.source_port), _ports(selector.destination_port))
    anything: tuple[int | None, ...] = (None,) if ports == ((None,), (None,)) else PROTOCOLS_WITH_PORTS
    return (
        _addresses(selector.source, family),
        _addresses(selector.destination, family),
        (None,) if selector.dscp is None else [one for part in selector.dscp for one in prefixes(part, _DSCPS)],
        anything if selector.protocols is None else selector.protocols,
        *ports,
    )


def _addresses(ranges: Ranges | None, family: Family) -> Sequence[Interval | None]:
    whole = Interval(0, LAST_ADDRESS[family])
    return (None,) if ranges is None or ranges == (whole,) else ranges


def _ports(ranges: Ranges | None) -> Sequence[Ranges | None]:
    """Return the lists of ports that several lines have."""
    if ranges is None or ranges == (Interval(0, LAST_PORT),):
        return (None,)
    found: list[list[Interval]] = [[]]
    room = PORTS_MAX
    for one in ranges:
        places = 1 if one.first == one.last else 2
        if places > room:
            found.append([])
            room = PORTS_MAX
        found[-1].append(one)
        room -= places
    return [tuple(some) for some in found]


def prefixes(interval: Interval, size: int) -> Iterator[Prefix]:
    """Yield the fewest prefixes, as value and mask, that make a range of values below `size` (a power of 2)."""
    first = interval.first
    while first <= interval.last:
        length = first & -first or size
        while first + length - 1 > interval.last:
            length >>= 1
        yield first, size - length
        first += length
