"""The timers: the worked values, and the law that a better priority is always faster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.vrrp.packet import CENTISECOND
from linkbalancer.vrrp.timers import (
    LATE_MIN,
    is_late,
    longest_handover,
    master_down_interval,
    proof_of_life,
    skew_time,
)

intervals = st.integers(1, 4095).map(lambda cs: cs * CENTISECOND)
versions = st.one_of(
    st.tuples(intervals, st.just(3)), st.tuples(st.integers(1, 255).map(lambda s: s * SECOND), st.just(2))
)
"""Intervals with the version that has them."""


@pytest.mark.rfc("RFC 9568 6.1")
@pytest.mark.parametrize(
    ("priority", "cs", "skew", "down"),
    [
        (100, 100, 609_375 * MICROSECOND, 3_609_375 * MICROSECOND),
        (255, 100, 3_906_250, 3_003_906_250),
        (254, 1, 78_125, 30_078_125),
        (1, 4095, 40_790_039_062, 163_640_039_062),  # ...062.5, the half nanosecond cut off
        (100, 10, 60_937_500, 360_937_500),
    ],
)
def test_worked_values(priority: int, cs: int, skew: int, down: int) -> None:
    """The formulas give what was worked out on paper, to the nanosecond."""
    assert skew_time(priority, cs * CENTISECOND) == skew
    assert master_down_interval(priority, cs * CENTISECOND) == down


@pytest.mark.rfc("RFC 3768 6.1")
@pytest.mark.parametrize(
    ("priority", "seconds", "skew", "down"),
    [
        (100, 1, 609_375 * MICROSECOND, 3_609_375 * MICROSECOND),
        (254, 1, 7_812_500, 3_007_812_500),
        (1, 255, 996_093_750, 765_996_093_750),
        (100, 10, 609_375 * MICROSECOND, 30_609_375 * MICROSECOND),
    ],
)
def test_worked_values_of_version_2(priority: int, seconds: int, skew: int, down: int) -> None:
    """In version 2 the skew is of a second, whatever the interval, and exact."""
    assert skew_time(priority, seconds * SECOND, 2) == skew
    assert master_down_interval(priority, seconds * SECOND, 2) == down


@given(st.integers(1, 254), versions)
def test_a_better_priority_is_strictly_faster(priority: int, version: tuple[int, int]) -> None:
    """For every interval the next higher priority has a shorter skew and a shorter master-down interval."""
    assert skew_time(priority + 1, *version) < skew_time(priority, *version)
    assert master_down_interval(priority + 1, *version) < master_down_interval(priority, *version)


@given(st.integers(1, 255), versions)
def test_timers_are_exact(priority: int, version: tuple[int, int]) -> None:
    """No timer is further from the formula's true value than a nanosecond."""
    interval, number = version
    scale = interval if number == 3 else SECOND

    assert 0 <= (256 - priority) * scale - 256 * skew_time(priority, interval, number) < 256
    assert master_down_interval(priority, interval, number) - skew_time(priority, interval, number) == 3 * interval


@given(st.integers(1, 255), versions)
def test_a_skew_is_shorter_than_an_interval(priority: int, version: tuple[int, int]) -> None:
    """No skew reaches a whole interval, so master-down lies between three and four of them."""
    interval = version[0]
    assert 0 < skew_time(priority, *version) < interval
    assert 3 * interval < master_down_interval(priority, *version) < 4 * interval


@given(st.integers(1, 255), versions)
def test_a_handover_outlasts_any_successor(successor: int, version: tuple[int, int]) -> None:
    """A leaving Master keeps its addresses an interval longer than any successor's skew, and no more than two."""
    interval = version[0]
    assert skew_time(successor, *version) + interval <= longest_handover(*version) < 2 * interval


@given(intervals)
def test_a_living_master_is_heard_in_time(interval: int) -> None:
    """What proves that a Master lives is more than one interval, and far less than silence takes to prove the rest."""
    assert interval < proof_of_life(interval) < 2 * interval


@given(intervals)
def test_what_is_late(interval: int) -> None:
    """A quarter of an interval is late, but nothing that a scheduler does every day."""
    assert is_late(interval, interval) == (interval > LATE_MIN)
    assert not is_late(LATE_MIN, interval)
    assert is_late(max(interval // 4, LATE_MIN) + 1, interval)


def test_the_skew_is_not_lost_at_the_shortest_interval() -> None:
    """Dividing last keeps a 10 ms interval's skews apart by 39 us."""
    assert skew_time(100, 10 * MILLISECOND) - skew_time(101, 10 * MILLISECOND) == 39_063
