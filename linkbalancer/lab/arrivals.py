"""What hosts write down of the traffic, and the figures of a flow in a span of time.

A host appends one record of 16 bytes for everything that it notices; the drill reads the file. So nothing is computed
on a host while packets run.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Final

from linkbalancer.clock import Duration, Instant

RECORD: Final = Struct("<BBHIQ")
"""Kind, gateways passed, flow, number, instant (ns, CLOCK_MONOTONIC)."""

ECHO_EVERY: Final = 2
"""A steady echo sends one request for so many numbers of the flows."""

ARP_EVERY: Final = 5
"""An address is asked for by ARP once for so many numbers of the flows."""

MOST_GATEWAYS: Final = 4
"""Two on each side: a packet that passed more has met a gateway twice, unless its link crosses routers."""


_HASTE: Final = 8
"""So many arrivals before a span are looked at too."""


class Kind(IntEnum):
    """What a record says."""

    ARRIVAL = 1
    REDIRECT = 2
    """An ICMP redirect came for a packet of this flow."""
    LOOP = 3
    """A packet of this flow died of old age, or arrived after too many gateways."""
    CONNECTED = 4
    BROKEN = 5
    """A TCP connection was closed or reset."""
    UNREACHABLE = 6
    """A gateway refused a packet of this flow (ICMP destination unreachable)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that a host noticed."""

    kind: Kind
    gateways: int
    flow: int
    number: int
    at: Instant


def read_records(data: bytes) -> Iterator[Record]:
    """Parse a host's file; a record that is still being written is left out."""
    whole = len(data) - len(data) % RECORD.size
    for kind, gateways, flow, number, at in RECORD.iter_unpack(data[:whole]):
        yield Record(Kind(kind), gateways, flow, number, at)


@dataclass(slots=True)
class Trace:
    """All that is known of one flow: arrivals in order of time, numbers beside them, and what went wrong.

    `most_gateways` is how many gateways and routers a packet may pass.
    """

    most_gateways: int = MOST_GATEWAYS
    instants: list[Instant] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    redirects: list[Instant] = field(default_factory=list)
    loops: list[Instant] = field(default_factory=list)
    breaks: list[Instant] = field(default_factory=list)
    refusals: list[Instant] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take one record of this flow."""
        match record.kind:
            case Kind.ARRIVAL:
                self._arrive(record.at, record.number)
                if record.gateways > self.most_gateways:
                    self.loops.append(record.at)
            case Kind.REDIRECT:
                self.redirects.append(record.at)
            case Kind.LOOP:
                self.loops.append(record.at)
            case Kind.BROKEN:
                self.breaks.append(record.at)
            case Kind.UNREACHABLE:
                self.refusals.append(record.at)
            case Kind.CONNECTED:
                pass

    def _arrive(self, at: Instant, number: int) -> None:
        place = len(self.instants)
        # What a host writes down comes in order, but for a little haste of its clock's readings.
        while place and self.instants[place - 1] > at:
            place -= 1
        self.instants.insert(place, at)
        self.numbers.insert(place, number)

    def within(self, span: "Span") -> tuple[int, int]:
        """Return where the arrivals of a span begin in the lists, and where they end."""
        return bisect_left(self.instants, span.start), bisect_left(self.instants, span.end)


class Notes:
    """A host's file, read as it grows: each record once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> Iterator[Record]:
        """Return the records that have come since the last time; one that is still being written is left for later."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = len(data) - len(data) % RECORD.size
        self._offset += whole
        return read_records(data[:whole])


@dataclass(frozen=True, slots=True)
class Schedule:
    """When numbers are sent: number n at `start` + n * `interval`."""

    start: Instant
    interval: Duration

    def numbers(self, span: "Span") -> range:
        """Return the numbers that are due within a span."""
        first = math.ceil(max(0, span.start - self.start) / self.interval)
        last = math.ceil(max(0, span.end - self.start) / self.interval)
        return range(first, last)

    def turn(self, number: int, period: int) -> "Schedule":
        """Return when one sends that has every so many intervals a turn, the one of this number."""
        return Schedule(self.start + number % period * self.interval, period * self.interval)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` (included) to `end` (not)."""

    start: Instant
    end: Instant

    def count(self, instants: Iterable[Instant]) -> int:
        """How many of the instants lie within."""
        return sum(self.start <= instant < self.end for instant in instants)


@dataclass(frozen=True, slots=True)
class Figures:
    """A flow in a span: the report's figures (design 8); `silence` is how long it had been silent at the end."""

    sent: int
    lost: int
    reordered: int
    outage: Duration
    redirects: int
    loops: int
    breaks: int
    refusals: int
    silence: Duration


def figures(trace: Trace, span: Span, schedule: Schedule) -> Figures:
    """Return what happened to the numbers that were due in the span, and the longest gap between arrivals in it.

    A number is lost when it never arrived, however late. The gap is given less the sending interval; a flow that was
    silent before the span counts from its start, one that stays silent to its end.
    """
    due = schedule.numbers(span)
    # What is due in the span cannot have arrived before it, but for the little that two clocks differ by.
    arrived = set(trace.numbers[max(0, trace.within(span)[0] - _HASTE) :])
    return Figures(
        sent=len(due),
        lost=sum(number not in arrived for number in due),
        reordered=_reordered(trace, span),
        outage=_longest_gap(trace, span, schedule.interval),
        redirects=span.count(trace.redirects),
        loops=span.count(trace.loops),
        breaks=span.count(trace.breaks),
        refusals=span.count(trace.refusals),
        silence=_silence(trace, span),
    )


def _reordered(trace: Trace, span: Span) -> int:
    """How many arrivals of the span had been overtaken by a later number."""
    first, end = trace.within(span)
    highest, overtaken = max(trace.numbers[:first], default=-1), 0
    for number in trace.numbers[first:end]:
        overtaken += number < highest
        highest = max(highest, number)
    return overtaken


def _silence(trace: Trace, span: Span) -> Duration:
    first, end = trace.within(span)
    return span.end - (trace.instants[end - 1] if end > first else span.start)


def _longest_gap(trace: Trace, span: Span, interval: Duration) -> Duration:
    first, end = trace.within(span)
    before = trace.instants[first - 1] if first else span.start
    after = trace.instants[end] if end < len(trace.instants) else span.end
    marks = [max(before, span.start - interval), *trace.instants[first:end], min(after, span.end)]
    return max(0, max(later - earlier for earlier, later in pairwise(marks)) - interval)
