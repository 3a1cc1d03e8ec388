"""Whether a link meets a level: it leaves by one bound and comes back by another, and never flaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.engine.assurance.compliance import TURNS_MAX, Compliance
from linkbalancer.engine.assurance.figures import NOTHING, Figures
from linkbalancer.routing.servicelevel import ServiceLevel

LEVEL = ServiceLevel(rtt=80 * MILLISECOND)


def rtt(milliseconds: int) -> Figures:
    """Return a link of this round-trip time."""
    return Figures(rtt=milliseconds * MILLISECOND)


def story(one: Compliance, *said: tuple[float, int | None]) -> list[tuple[float, str]]:
    """Let a link have round-trip times from instants on; return when the verdict changed, and what broke it."""
    told: list[tuple[float, str]] = []
    for at, milliseconds in said:
        now = round(at * SECOND)
        while (due := one.deadline()) is not None and due < now:
            if one.handle(due):
                told.append((due / SECOND, one.broken))
        if one.handle(now, None if milliseconds is None else rtt(milliseconds)):
            told.append((at, one.broken))
    return told


def test_it_breaks_after_a_while_and_is_met_after_a_longer_one() -> None:
    """The recording of one bad quarter of an hour."""
    said = [(0, 20), (10, 120), (12, 120), (14, 120), (100, 70), (200, 63), (231, None)]

    assert story(Compliance(LEVEL), *said) == [(13, "rtt 120 ms > 80 ms"), (230, "")]


def test_a_short_burst_breaks_nothing() -> None:
    """Above the bound for less than `after`, however often."""
    assert story(Compliance(LEVEL), *[(at, 120 if at % 3 else 79) for at in range(100)]) == []


def test_at_the_bound_nothing_moves_to_and_fro() -> None:
    """A figure that hovers about its bound breaks the level once and for all."""
    hovering = [(at, 81) for at in range(5)] + [(at, 75 + at % 10) for at in range(5, 3600)]

    assert story(Compliance(LEVEL), *hovering) == [(3, "rtt 81 ms > 80 ms")]


def test_what_soon_breaks_again_waits_twice_as_long() -> None:
    """A link that is good without the application and bad with it, as far as it goes; then there is quiet."""
    one, told = Compliance(LEVEL), []
    now: Instant = 0
    for _ in range(8):
        told += story(one, (now / SECOND, 120), (now / SECOND + 3, 120), (now / SECOND + 4, 20))
        waits = one.deadline()
        assert waits is not None
        told += story(one, (waits / SECOND, None))
        now = waits + SECOND
    gone = [round(back[0] - left[0] - 1) for left, back in zip(told[::2], told[1::2], strict=True)]

    assert gone == [30, 60, 120, 240, 480, 960, 960, 960]
    assert gone[-1] == 30 << TURNS_MAX
    later = now / SECOND + 2000
    assert story(one, (later, 120), (later + 4, 20), (later + 40, 20)) == [
        (later + 3, "rtt 120 ms > 80 ms"),
        (later + 34, ""),
    ]


def test_what_is_not_known_breaks_nothing_and_keeps_nobody_away() -> None:
    """A neighbour that tells nothing is believed to be good, in the end."""
    one = Compliance(LEVEL)

    assert not one.handle(0, NOTHING)
    assert one.deadline() is None
    assert story(one, (1, 120), (5, 120)) == [(4, "rtt 120 ms > 80 ms")]
    assert not one.handle(6 * SECOND, NOTHING)
    assert one.deadline() == 36 * SECOND
    assert one.handle(36 * SECOND)
    assert one.broken == ""


def test_without_waiting_it_breaks_at_once() -> None:
    """By choice: `after:0s`."""
    assert story(Compliance(ServiceLevel(rtt=80 * MILLISECOND, after=0)), (1, 80)) == [(1, "rtt 80 ms > 80 ms")]


def test_a_successor_goes_on() -> None:
    """What was broken stays so until it has been good for as long; how often it turned is not forgotten."""
    one = Compliance(LEVEL)
    story(one, (0, 120), (3, 120), (4, 20), (34, None), (35, 120), (38, 120))
    heir = Compliance(LEVEL)
    heir.restore(one.snapshot())

    assert heir.broken == "rtt 120 ms > 80 ms"
    assert not heir.handle(40 * SECOND, rtt(20))
    assert not one.handle(40 * SECOND, rtt(20))
    assert heir.deadline() == one.deadline() == 100 * SECOND


@pytest.mark.parametrize("left", [[], ["x"], [1, 0, None], ["x", -1, None], ["x", 9, None], ["x", 0, "soon"]])
def test_what_makes_no_sense_is_nothing(left: list[object]) -> None:
    """A snapshot must never stop a start."""
    one = Compliance(LEVEL)
    one.restore(left)

    assert one.broken == ""


FIGURES = st.lists(st.tuples(st.integers(1, 40), st.none() | st.integers(1, 200)), max_size=60)


@given(FIGURES, st.integers(0, 10), st.integers(1, 60), st.integers(0, 90))
def test_every_verdict_has_stood_as_long_as_it_must(
    said: list[tuple[int, int | None]], after: int, back: int, margin: int
) -> None:
    """Whatever the figures: a level is broken for `back` at least, met for `after` at least, and says why."""
    level = ServiceLevel(rtt=80 * MILLISECOND, after=after * SECOND, back=back * SECOND, margin=margin / 100)
    one, now = Compliance(level), 0
    timed = []
    for step, milliseconds in said:
        now += step
        timed.append((now, milliseconds))
    told = story(one, *timed)

    for (left, why), (came, none) in zip(told[::2], told[1::2], strict=False):
        assert why.endswith("> 80 ms")
        assert none == ""
        assert came - left >= back
    for (came, _), (left, _) in zip(told[1::2], told[2::2], strict=False):
        assert left - came >= after


def at_most(seconds: Duration) -> int:
    """Return how often a verdict can change to and fro in so long, by what is stated."""
    turns, gone = 0, 0
    while gone <= seconds:
        gone += 3 + (30 << min(turns, TURNS_MAX))
        turns += 1
    return turns


@pytest.mark.thorough
@given(st.lists(st.sampled_from((20, 120)), min_size=600, max_size=600))
def test_a_link_that_turns_as_soon_as_it_may_turns_ever_more_seldom(said: list[int]) -> None:
    """Ten minutes of anything: it leaves no oftener than the doubled times allow."""
    told = story(Compliance(LEVEL), *enumerate(said))

    assert len(told[::2]) <= at_most(600) + 1
