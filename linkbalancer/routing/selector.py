"""A selector: which packets a rule means, as ranges of integers."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

PROTOCOLS_WITH_PORTS: Final = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP, UDP-Lite: what a rule with ports and protocol `*` means (mission A2)."""

LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """All integers from `first` to `last`, both included."""

    first: int
    last: int

    def holds(self, other: "Interval") -> bool:
        """Return whether all of another interval is in this one."""
        return self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        """Write `a-b`, or `a` alone."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


Ranges: TypeAlias = tuple[Interval, ...]
"""The values of a field: sorted, disjoint, not touching, never empty, so that equal sets of values are equal."""


def merged(intervals: Iterable[Interval]) -> Ranges:
    """Return the same integers as few intervals in order; those that overlap or touch become one."""
    found: list[Interval] = []
    for interval in sorted(intervals):
        if found and interval.first <= found[-1].last + 1:
            found[-1] = Interval(found[-1].first, max(found[-1].last, interval.last))
        else:
            found.append(interval)
    return tuple(found)


def difference(mine: Ranges, its: Ranges) -> Ranges:
    """Return the values of the one that the other does not have."""
    found: list[Interval] = []
    for interval in mine:
        first = interval.first
        for other in _overlapping(interval, its):
            if first < other.first:
                found.append(Interval(first, other.first - 1))
            first = other.last + 1
        if first <= interval.last:
            found.append(Interval(first, interval.last))
    return tuple(found)


def intersection(mine: Ranges, its: Ranges) -> Ranges:
    """Return the values that both have."""
    return tuple(
        Interval(max(interval.first, other.first), min(interval.last, other.last))
        for interval in mine
        for other in _overlapping(interval, its)
    )


def _overlapping(interval: Interval, ranges: Ranges) -> Iterator[Interval]:
    for index in range(bisect_left(ranges, interval.first, key=lambda one: one.last), len(ranges)):
        if ranges[index].first > interval.last:
            return
        yield ranges[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """The packets that one rule means: in each field a value of its list; a field that is None takes everything.

    `family` is 4 or 6 when an address says so, else None: both. Addresses are intervals of the addresses' integers.
    `dscp` is the TOS byte without its two ECN bits (0..63). `protocols` is never empty, and where a port is given it
    holds only protocols that have ports.

    An end can also be the addresses that host names have: `source_names` and `destination_names` (sorted) say which.
    Such an end's addresses are those known at present, none until they are; the names alone are what is selected by.
    """

    family: Literal[4, 6] | None = None
    source: Ranges | None = None
    destination: Ranges | None = None
    dscp: Ranges | None = None
    source_port: Ranges | None = None
    destination_port: Ranges | None = None
    protocols: tuple[int, ...] | None = None
    source_names: tuple[str, ...] = ()
    destination_names: tuple[str, ...] = ()
    _canonical: str = field(default="", init=False, repr=False, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The host names of both ends."""
        return (*self.source_names, *self.destination_names)

    def mirrored(self) -> "Selector":
        """Return the selector of the answers: source and destination swapped, and their ports."""
        return Selector(
            family=self.family,
            source=self.destination,
            destination=self.source,
            dscp=self.dscp,
            source_port=self.destination_port,
            destination_port=self.source_port,
            protocols=self.protocols,
            source_names=self.destination_names,
            destination_names=self.source_names,
        )

    def covers(self, other: "Selector") -> bool:
        """Return whether every packet that another one means is meant by this one too, whatever names stand for."""
        named = (
            (self.source, self.source_names, other.source_names),
            (self.destination, self.destination_names, other.destination_names),
        )
        if not all(mine is None or ({*its} <= {*ours} and bool(its) == bool(ours)) for mine, ours, its in named):
            return False
        ranges = (
            (self.source, other.source),
            (self.destination, other.destination),
            (self.dscp, other.dscp),
            (self.source_port, other.source_port),
            (self.destination_port, other.destination_port),
        )
        return (
            self.family in {None, other.family}
            and (self.protocols is None or (other.protocols is not None and {*self.protocols} >= {*other.protocols}))
            and all(mine is None or (its is not None and not difference(its, mine)) for mine, its in ranges)
        )

    def canonical(self) -> str:
        """Write the selector so that two of them read the same exactly when they mean the same fields."""
        if not self._canonical:  # written down at the first time: thousands of them are asked for it at each reload
            object.__setattr__(self, "_canonical", self._written())
        return self._canonical

    def _written(self) -> str:
        fields = (
            None if self.family is None else (self.family,),
            self.source_names or self.source,
            self.destination_names or self.destination,
            self.dscp,
            self.source_port,
            self.destination_port,
            None if self.protocols is None else sorted(self.protocols),
        )
        return " ".join("*" if field is None else ",".join(map(str, field)) for field in fields)


def application_name(selectors: Iterable[Selector]) -> str:
    """Name the application of an unnamed line by what it selects, never by where it stands."""
    told = "\n".join(one.canonical() for one in selectors)
    return f"app-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
