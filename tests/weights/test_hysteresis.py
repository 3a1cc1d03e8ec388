"""Tests of hysteresis and hold: noise never elects, and a failure is never held back."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.weights.hysteresis import Calm, Settled

CALM = Calm(least=5, hold=10 * SECOND)
OLD = Settled(50, 0)
LATE = 60 * SECOND


def test_a_small_change_is_noise() -> None:
    """Less than the least change never comes into force, and asks for no tick."""
    assert OLD.followed(LATE, 54.9, CALM) == OLD
    assert OLD.followed(LATE, 45.1, CALM) == OLD
    assert OLD.deadline(54.9, CALM) is None
    assert OLD.followed(LATE, 55, CALM) == Settled(55, LATE, rose=True)


def test_a_change_waits_for_the_hold_time() -> None:
    """It comes into force at the deadline, to the nanosecond."""
    due = OLD.deadline(80, CALM)

    assert due == 10 * SECOND
    assert OLD.followed(due - 1, 80, CALM) == OLD
    assert OLD.followed(due, 80, CALM) == Settled(80, due, rose=True)


def test_a_fall_below_usefulness_is_not_held_back() -> None:
    """Neither by the hold time nor by its size; the way up is."""
    assert OLD.followed(1, 0, CALM) == Settled(0, 1, rose=False)
    assert Settled(1.5, 0).followed(1, 0.5, CALM) == Settled(0.5, 1, rose=False)
    assert Settled(0, 0).followed(1, 90, CALM) == Settled(0, 0)


def test_the_ends_are_reached() -> None:
    """98 becomes 100, or a link would never be as good as another that came there at once."""
    assert Settled(98, 0).followed(LATE, 100, CALM) == Settled(100, LATE, rose=True)
    assert Settled(0.5, 0).followed(LATE, 0, CALM) == Settled(0, LATE, rose=False)
    assert Settled(100, 0).followed(LATE, 100, CALM) == Settled(100, 0)


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.floats(1, 100)), max_size=60))
def test_changes_are_never_closer_than_the_hold_time(story: list[tuple[int, float]]) -> None:
    """As long as the link is of use."""
    now, settled, changes = 0, OLD, []
    for pause, reckoned in story:
        now += pause
        after = settled.followed(now, reckoned, CALM)
        if after != settled:
            changes.append(now)
            assert abs(after.weight - settled.weight) >= CALM.least or after.weight == 100
        settled = after

    assert all(later - sooner >= CALM.hold for sooner, later in zip([0, *changes], changes, strict=False))


FINE = Calm(least=1, hold=10 * SECOND)
"""So little counts that five turns later a swing of 60 still does."""


def turned(settled: Settled, times: int, calm: Calm = FINE) -> Settled:
    """Have a weight turn back so often, each time as soon as it may."""
    for _ in range(times):
        other = 20.0 if settled.weight == 80 else 80.0
        due = settled.deadline(other, calm)
        assert due is not None
        settled = settled.followed(due, other, calm)
    return settled


def test_every_turn_doubles_the_hold_time() -> None:
    """Five times; then it stands still until one is forgotten."""
    holds = []
    for times in range(7):
        settled = turned(Settled(20, 0), times)
        due = settled.deadline(100 - settled.weight, FINE)
        assert due is not None
        holds.append((due - settled.since) // SECOND)

    assert holds == [10, 10, 20, 40, 80, 160, 640]


def test_every_turn_doubles_the_change_that_counts() -> None:
    """So that what its own consequences drive comes to rest: a swing of 60 is one too many at the fourth turn."""
    settled = turned(Settled(20, 0), 5, CALM)
    assert (settled.turns, settled.weight) == (4, 80)
    assert settled.followed(settled.since + CALM.forgets - 1, 20, CALM) == settled
    late = CALM.forgets - 1
    assert Settled(100, 0, turns=4).followed(late, 20, CALM) == Settled(20, late, rose=False, turns=4)


def test_the_best_is_reached_only_where_nothing_turned() -> None:
    """What alternates between 97 and 100 is no better at its best."""
    assert Settled(97, 0, turns=1).followed(LATE, 100, CALM) == Settled(97, 0, turns=1)


def test_a_ramp_is_no_turn() -> None:
    """What goes on in one direction is followed at the pace of the hold time."""
    settled = Settled(20, 0)
    for step in range(1, 8):
        settled = settled.followed(step * CALM.hold, 20 + 10 * step, CALM)

    assert settled == Settled(90, 7 * CALM.hold, rose=True)


def test_quiet_forgets_one_turn_after_another() -> None:
    """Each after twice the longest hold time; a weight that waited for it has its deadline then."""
    settled = Settled(80, 0, rose=True, turns=4)
    assert CALM.forgets == 640 * SECOND
    assert settled.deadline(20, CALM) == CALM.forgets
    assert settled.deadline(50, CALM) == 2 * CALM.forgets
    assert settled.deadline(76, CALM) is None
    assert settled.followed(CALM.forgets - 1, 20, CALM) == settled
    assert settled.followed(CALM.forgets, 20, CALM) == Settled(20, CALM.forgets, rose=False, turns=3)


def test_a_turn_long_after_the_hold_time_is_none() -> None:
    """Who was quiet for as long again did not turn back because of what it did."""
    settled = Settled(80, 0, rose=True, turns=1)
    assert settled.followed(40 * SECOND, 20, CALM).turns == 2
    assert settled.followed(40 * SECOND + 1, 20, CALM).turns == 1


def test_what_is_measured_late_turns_back_late() -> None:
    """Rates are believed by and by: with a hold time of next to nothing a turn may be seconds late, and is one."""
    quick = Calm(least=5, hold=SECOND // 10)
    settled = Settled(80, 0, rose=True)
    assert settled.followed(SECOND, 20, quick).turns == 1
    assert settled.followed(SECOND * 51 // 10, 20, quick).turns == 1
    assert settled.followed(SECOND * 52 // 10, 20, quick).turns == 0
    assert quick.forgets == 320 * SECOND
