"""The gauge of a link: both directions, what is not known, and devices that come and go."""

from dataclasses import replace

from linkbalancer.clock import SECOND
from linkbalancer.weights.gauge import Capacity, Gauge, Peaks, Reading
from linkbalancer.weights.metrics import Lane, Metrics

FIRST = Reading(index=3, received=1000, sent=500, dropped=7, backlog=0)
SECOND_ONE = Reading(index=3, received=2000, sent=750, dropped=9, backlog=0)


def gauged(*readings: Reading | None, capacity: Capacity | None = None) -> Gauge:
    """Return a gauge that was given these, one a second."""
    gauge = Gauge(capacity)
    for at, reading in enumerate(readings):
        gauge.take(at * SECOND, reading)
    return gauge


def test_two_readings_are_rates_in_both_directions() -> None:
    """Bits a second; drops and backlog belong to what is sent."""
    gauge = gauged(FIRST, SECOND_ONE)
    assert gauge.metrics == Metrics(outward=Lane(rate=2000, backlog=0, drops=2), inward=Lane(rate=8000))
    assert gauge.peaks == Peaks(outward=2000, inward=8000)


def test_one_reading_is_no_rate() -> None:
    """But what waits is known at once, and the capacity."""
    lane = Lane(backlog=0, capacity=10**9)
    assert gauged(replace(FIRST, speed=10**9)).metrics == Metrics(outward=lane, inward=Lane(capacity=10**9))


def test_a_peak_stays_when_the_rate_has_gone() -> None:
    """A burst of one second is seen for a minute."""
    quiet = [replace(SECOND_ONE, sent=750_750)] * 20
    gauge = gauged(FIRST, SECOND_ONE, *quiet)
    assert gauge.metrics.outward.rate is not None
    assert gauge.metrics.outward.rate < 200_000
    assert gauge.peaks.outward == 6_000_000


def test_a_backlog_is_smoothed() -> None:
    """A queue that is found full once is not taken for one that always is."""
    backlog = gauged(FIRST, replace(SECOND_ONE, backlog=10_000)).metrics.outward.backlog
    assert backlog is not None
    assert 1_800 < backlog < 1_820


def test_what_is_configured_wins() -> None:
    """A virtual device says anything; each direction has its own."""
    gauge = gauged(replace(FIRST, speed=10**10), capacity=Capacity(outward=20_000_000, inward=100_000_000))
    assert (gauge.metrics.outward.capacity, gauge.metrics.inward.capacity) == (20_000_000, 100_000_000)
    assert gauged(capacity=Capacity(outward=1, inward=2)).metrics.inward == Lane(capacity=2)


def test_another_device_of_the_name_begins_anew() -> None:
    """Even when its counters are higher than those of the one before."""
    other = replace(SECOND_ONE, index=4, sent=10**12, received=10**12)
    assert gauged(FIRST, SECOND_ONE, other).metrics == Metrics(outward=Lane(backlog=0))
    assert gauged(FIRST, SECOND_ONE, other).peaks == Peaks()


def test_a_device_that_is_gone_leaves_nothing_known() -> None:
    """And comes back as one that was never seen."""
    assert gauged(FIRST, SECOND_ONE, None).metrics == Metrics()
    assert gauged(FIRST, SECOND_ONE, None, FIRST).metrics == Metrics(outward=Lane(backlog=0))


def test_one_counter_alone_may_begin_anew() -> None:
    """The queue was replaced: its drops begin at 0, the rates go on."""
    gauge = gauged(FIRST, SECOND_ONE, replace(SECOND_ONE, received=3000, dropped=0, backlog=None))
    assert gauge.metrics.outward.drops is None
    assert gauge.metrics.outward.backlog is None
    assert gauge.metrics.inward.rate == 8000
