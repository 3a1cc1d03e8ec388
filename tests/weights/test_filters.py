"""The filters: what they make of steps, bursts, uneven intervals, and counters that begin anew."""

from itertools import pairwise
from math import exp, isclose

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.weights.filters import PEAK_WINDOW, TIME_CONSTANT, Peak, Rate, Smoothed

durations = st.integers(1, 60 * SECOND)
values = st.floats(0, 1e12)


def smoothed(*steps: tuple[float, Duration]) -> float | None:
    """Return what a fresh filter makes of values that lasted for a while each."""
    one = Smoothed()
    for value, lasted in steps:
        one.take(value, lasted)
    return one.value


def test_nothing_is_known_before_the_first() -> None:
    """Nor after forgetting."""
    one = Smoothed()
    assert one.value is None
    one.take(7, SECOND)
    assert one.value == 7
    one.forget()
    assert one.value is None


def test_a_step_is_believed_by_the_time_constant() -> None:
    """63 % after one of them, 95 % after three."""
    for constants in (1, 3):
        value = smoothed((0, SECOND), (100, constants * TIME_CONSTANT))
        assert value is not None
        assert isclose(value, 100 * (1 - exp(-constants)))


@given(values, values, st.lists(durations, min_size=1, max_size=20))
def test_it_is_exact_whatever_the_intervals(before: float, after: float, parts: list[Duration]) -> None:
    """Looking more often at what does not change comes to the same."""
    one, other = smoothed((before, 1), (after, sum(parts))), smoothed((before, 1), *((after, part) for part in parts))
    assert one is not None
    assert other is not None
    assert isclose(one, other, rel_tol=1e-9, abs_tol=1e-3)


@given(st.lists(st.tuples(values, durations), min_size=1))
def test_it_never_overshoots(steps: list[tuple[float, Duration]]) -> None:
    """It stays between the least and the greatest of what it was told."""
    value = smoothed(*steps)
    assert value is not None
    told = [one for one, _lasted in steps]
    assert min(told) * (1 - 1e-9) <= value <= max(told) * (1 + 1e-9)


def test_a_rate_is_of_the_interval_and_scaled() -> None:
    """1,000 bytes in half a second are 16,000 bits a second."""
    rate = Rate(8)
    rate.take(10 * SECOND, 5000)
    assert (rate.value, rate.peak) == (None, None)
    rate.take(10 * SECOND + 500 * MILLISECOND, 6000)
    assert (rate.value, rate.peak) == (16_000, 16_000)


def test_no_time_is_no_rate() -> None:
    """Two readings of one instant, or one of an earlier, change nothing, and what they counted is not lost."""
    rate = Rate()
    rate.take(SECOND, 100)
    rate.take(SECOND, 150)
    rate.take(0, 200)
    assert rate.value is None
    rate.take(2 * SECOND, 200)
    assert rate.value == 100


def test_a_counter_that_runs_backwards_begins_anew() -> None:
    """It is another device's: no rate until two readings of that one."""
    rate = Rate()
    for at, count in enumerate((1000, 2000, 500)):
        rate.take(at * SECOND, count)
    assert (rate.value, rate.peak) == (None, None)
    rate.take(3 * SECOND, 510)
    assert (rate.value, rate.peak) == (10, 10)


@given(st.lists(st.tuples(durations, st.integers(0, 10**12)), min_size=2))
def test_a_rate_lies_between_those_of_single_intervals(steps: list[tuple[Duration, int]]) -> None:
    """And is never above its peak, as long as that is remembered."""
    rate, now, count = Rate(), 0, 0
    readings = [(0, 0)]
    for lasted, counted in steps:
        now, count = now + lasted, count + counted
        readings.append((now, count))
    for at, counted in readings:
        rate.take(at, counted)
    singly = [(new - old) * SECOND / (later - at) for (at, old), (later, new) in pairwise(readings)]
    assert rate.value is not None
    assert min(singly) * (1 - 1e-9) <= rate.value <= max(singly) * (1 + 1e-9)


@given(st.lists(st.tuples(durations, values), min_size=1))
def test_a_peak_is_the_greatest_of_its_window(steps: list[tuple[Duration, float]]) -> None:
    """A plain search through all that was taken in finds the same."""
    peak, now, taken = Peak(), 0, []
    for lasted, value in steps:
        now += lasted
        taken.append((now, value))
        peak.take(now, value)
        assert peak.value == max(value for at, value in taken if now - at < PEAK_WINDOW)
    peak.forget()
    assert peak.value is None
