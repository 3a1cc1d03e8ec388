"""What is done in a case, step by step, and what VRRP allows after each: who is Master, and how long nobody or both.

The bounds are the protocol's own formulas (VRRP fact sheet 5.1), so that the judge needs no figures of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from tests.interop.cases import Case, Cast, Event, Maker

HIGH, LOW, FALLEN = 150, 100, 50
"""Priorities: of the better gateway, of the other, and of the better one when it has fallen."""

STARTING: Duration = 30 * SECOND
"""How long a program may take from its start to its first word, on a machine with other work."""
CHANGING: Duration = 20 * SECOND
"""How long a program may take to leave, or to read its configuration again."""
TOUCH: Duration = 50 * MILLISECOND
"""How far apart two gateways' hands may be where one passes the virtual IPs to the other."""
FOREVER: Duration = 3600 * SECOND


class Deed(StrEnum):
    """What is done to a gateway, or to the LAN."""

    START = "start"
    STOP = "stop"
    KILL = "kill"
    DIE = "die"
    BOOT = "boot"
    CUT = "cut"
    RESTORE = "restore"
    PART = "part"
    JOIN = "join"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A deed, and what is to be true after it.

    `masters` who is Master then (both while they cannot hear each other); `gap` how long nobody may hold the virtual
    IPs, `doubled` how long both, `by` when all of it must be over. `priority` and `preempt` are what the gateway is
    configured with before the deed.
    """

    deed: Deed
    who: Maker
    masters: frozenset[Maker]
    by: Duration
    gap: Duration = TOUCH
    doubled: Duration = TOUCH
    priority: int | None = None
    preempt: bool = True

    def __str__(self) -> str:
        place = "the LAN" if self.deed in (Deed.PART, Deed.JOIN) else str(self.who)
        return f"{self.deed} {place}" + (f" at {self.priority}" if self.priority else "")


def skew(case: Case, priority: int) -> Duration:
    """Return Skew_Time: version 2 counts it in seconds, whatever the interval."""
    unit = SECOND if case.version == 2 else case.interval
    return (256 - priority) * unit // 256


def down(case: Case, priority: int) -> Duration:
    """Return Master_Down_Interval."""
    return 3 * case.interval + skew(case, priority)


def steps(case: Case) -> list[Step]:
    """Return what is done in a case."""
    better = {Event.PREEMPT: (LOW, HIGH), Event.TIE: (LOW, LOW)}.get(case.event, (HIGH, LOW))
    return [*_beginning(case, *better), *_STORIES[case.event](case)]


def _beginning(case: Case, first: int, second: int) -> Iterator[Step]:
    """The first gateway becomes Master of an empty LAN; a second one of no better priority changes nothing."""
    one, two = case.first, case.first.other
    yield Step(
        deed=Deed.START, who=one, masters=frozenset({one}), gap=FOREVER, by=STARTING + down(case, first), priority=first
    )
    if second <= first:
        yield Step(deed=Deed.START, who=two, masters=frozenset({one}), by=STARTING, gap=0, doubled=0, priority=second)


def _return(case: Case, deed: Deed, priority: int | None = HIGH, *, kept: bool = False) -> Step:
    """The better gateway is there again, and takes over when the other's time is up.

    What ours finds in the kernel (`kept`) it lets go when it hears a Master, at its next advert: without one, nobody
    else has the virtual IPs. Keepalived sends unicast adverts to a neighbour that its kernel asked for in vain while
    the leg was down, and asks for again a second later: until then ours hears nothing of it.
    """
    one = case.first
    unheard = one is Maker.THEIRS and case.cast is Cast.UNICAST and deed in (Deed.BOOT, Deed.RESTORE)
    by = (0 if deed is Deed.RESTORE else STARTING) + down(case, HIGH)
    doubled = TOUCH + (SECOND if unheard else 0) + (case.interval if kept else 0)
    return Step(deed=deed, who=one, masters=frozenset({one}), by=by, doubled=doubled, priority=priority)


def _loss(case: Case, deed: Deed) -> Step:
    """The Master is gone without a word."""
    wait = down(case, LOW)
    return Step(deed=deed, who=case.first, masters=frozenset({case.first.other}), gap=wait, by=wait + SECOND)


def _farewell(case: Case, who: Maker, priority: int) -> Step:
    """The Master leaves with priority 0: ours keeps the virtual IPs until the successor is heard, theirs does not."""
    gap = skew(case, priority) if who is Maker.THEIRS else 0
    masters = frozenset({who.other})
    return Step(deed=Deed.STOP, who=who, masters=masters, gap=gap, by=CHANGING + skew(case, priority))


def _leave(case: Case) -> Iterator[Step]:
    yield _farewell(case, case.first, LOW)
    yield _return(case, Deed.START)


def _kill(case: Case) -> Iterator[Step]:
    yield _loss(case, Deed.KILL)
    yield _return(case, Deed.START, kept=case.first is Maker.OURS)


def _death(case: Case) -> Iterator[Step]:
    yield _loss(case, Deed.DIE)
    yield _return(case, Deed.BOOT)


def _carrier(case: Case) -> Iterator[Step]:
    yield _loss(case, Deed.CUT)
    yield _return(case, Deed.RESTORE, None)


def _parting(case: Case, winner: Maker) -> Iterator[Step]:
    """Two Masters while they are apart; together again, the loser leaves when it hears the winner's next advert."""
    one = case.first
    yield Step(deed=Deed.PART, who=one, masters=frozenset(Maker), gap=0, doubled=FOREVER, by=down(case, LOW) + SECOND)
    until = case.interval + TOUCH
    yield Step(deed=Deed.JOIN, who=one, masters=frozenset({winner}), doubled=until, by=2 * case.interval + SECOND)


def _partition(case: Case) -> Iterator[Step]:
    yield from _parting(case, case.first)


def _tie(case: Case) -> Iterator[Step]:
    yield from _parting(case, case.first.other)


def _priority(case: Case) -> Iterator[Step]:
    one, two = case.first, case.first.other
    by = CHANGING + case.interval + down(case, LOW)
    yield Step(deed=Deed.RELOAD, who=one, masters=frozenset({two}), by=by, priority=FALLEN)
    yield Step(deed=Deed.RELOAD, who=one, masters=frozenset({one}), by=by, priority=HIGH)


def _preempt(case: Case) -> Iterator[Step]:
    one, two = case.first, case.first.other
    late = STARTING + down(case, HIGH)
    yield Step(deed=Deed.START, who=two, masters=frozenset({two}), by=late, priority=HIGH)
    yield _farewell(case, two, LOW)
    yield Step(deed=Deed.START, who=two, masters=frozenset({one}), by=late, doubled=0, priority=HIGH, preempt=False)


_STORIES = {
    Event.LEAVE: _leave,
    Event.KILL: _kill,
    Event.DEATH: _death,
    Event.CARRIER: _carrier,
    Event.PARTITION: _partition,
    Event.PRIORITY: _priority,
    Event.PREEMPT: _preempt,
    Event.TIE: _tie,
}
assert set(_STORIES) == set(Event)
