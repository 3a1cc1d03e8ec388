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
    assert OLD.followed(LATE, 55, CALM) == Settled(55, LATE)


def test_a_change_waits_for_the_hold_time() -> None:
    """It comes into force at the deadline, to the nanosecond."""
    due = OLD.deadline(80, CALM)

    assert due == 10 * SECOND
    assert OLD.followed(due - 1, 80, CALM) == OLD
    assert OLD.followed(due, 80, CALM) == Settled(80, due)


def test_a_fall_below_usefulness_is_not_held_back() -> None:
    """Neither by the hold time nor by its size; the way up is."""
    assert OLD.followed(1, 0, CALM) == Settled(0, 1)
    assert Settled(1.5, 0).followed(1, 0.5, CALM) == Settled(0.5, 1)
    assert Settled(0, 0).followed(1, 90, CALM) == Settled(0, 0)


def test_the_ends_are_reached() -> None:
    """98 becomes 100, or a link would never be as good as another that came there at once."""
    assert Settled(98, 0).followed(LATE, 100, CALM) == Settled(100, LATE)
    assert Settled(0.5, 0).followed(LATE, 0, CALM) == Settled(0, LATE)
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
