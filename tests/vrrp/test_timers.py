"""The timers: the worked values, and the law that a better priority is always faster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND
from linkbalancer.vrrp.packet import CENTISECOND
from linkbalancer.vrrp.timers import longest_handover, master_down_interval, skew_time

intervals = st.integers(1, 4095).map(lambda cs: cs * CENTISECOND)


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


@given(st.integers(1, 254), intervals)
def test_a_better_priority_is_strictly_faster(priority: int, interval: int) -> None:
    """For every interval the next higher priority has a shorter skew and a shorter master-down interval."""
    assert skew_time(priority + 1, interval) < skew_time(priority, interval)
    assert master_down_interval(priority + 1, interval) < master_down_interval(priority, interval)


@given(st.integers(1, 255), intervals)
def test_a_skew_is_shorter_than_an_interval(priority: int, interval: int) -> None:
    """No skew reaches a whole interval, so master-down lies between three and four of them."""
    assert 0 < skew_time(priority, interval) < interval
    assert 3 * interval < master_down_interval(priority, interval) < 4 * interval


@given(st.integers(1, 255), intervals)
def test_a_handover_outlasts_any_successor(successor: int, interval: int) -> None:
    """A leaving Master keeps its addresses an interval longer than any successor's skew, and no more than two."""
    assert skew_time(successor, interval) + interval <= longest_handover(interval) < 2 * interval


def test_the_skew_is_not_lost_at_the_shortest_interval() -> None:
    """Dividing last keeps a 10 ms interval's skews apart by 39 us."""
    assert skew_time(100, 10 * MILLISECOND) - skew_time(101, 10 * MILLISECOND) == 39_063
