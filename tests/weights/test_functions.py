"""Tests of the simple functions: latency, loss, available bandwidth, checks; each at its ends, between, and unknown."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupId
from linkbalancer.weights.bandwidth import AvailableBandwidth, Direction
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.function import Function
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.view import View
from tests.weights.links import metrics, view

LATENCY = Latency(good=20 * MILLISECOND, bad=120 * MILLISECOND, jitter=2.0)
BANDWIDTH = AvailableBandwidth(best=1e8)


@pytest.mark.parametrize(
    ("rtt", "jitter", "weight"),
    [(5, 0, 100), (20, None, 100), (70, 0, 50), (60, 5, 50), (120, 0, 0), (900, 0, 0), (None, 3, None)],
)
def test_latency(rtt: float | None, jitter: float | None, weight: float | None) -> None:
    """A straight line from good to bad; jitter counts as often as configured, and not at all while unknown."""
    assert LATENCY.weight(view(metrics(rtt_ms=rtt, jitter_ms=jitter))) == weight


def test_latency_says_why() -> None:
    """Known or not."""
    assert LATENCY.because(view(metrics(rtt_ms=31.2))) == ("rtt 31.2 ms", "jitter unknown")


def test_loss_is_the_worst_that_anybody_sees() -> None:
    """Round trips, or either direction alone; what is not known is left out."""
    function = Loss(good=0.01, bad=0.11)
    one_way = Metrics(inward=Lane(loss=0.06), loss=0.02)

    assert function.weight(view(one_way)) == pytest.approx(50)
    assert function.weight(view(Metrics(outward=Lane(loss=0.005)))) == 100
    assert function.weight(view(Metrics(loss=0.5))) == 0
    assert function.weight(view()) is None
    assert function.because(view(one_way)) == ("loss 6 %",)
    assert function.because(view()) == ("loss unknown",)


def test_bandwidth_is_that_of_the_fuller_direction() -> None:
    """In proportion to what is worth 100."""
    busy = Metrics(outward=Lane(rate=1e7, capacity=1e8), inward=Lane(rate=8e7, capacity=1e8))

    assert BANDWIDTH.weight(view(busy)) == pytest.approx(1 + 99 * 0.2)
    assert replace(BANDWIDTH, direction=Direction.OUTWARD).weight(view(busy)) == pytest.approx(1 + 99 * 0.9)
    assert replace(BANDWIDTH, direction=Direction.INWARD).weight(view(busy)) == pytest.approx(1 + 99 * 0.2)
    assert replace(BANDWIDTH, best=1e6).weight(view(busy)) == 100
    assert BANDWIDTH.because(view(busy)) == ("out 10 Mbit/s of 100 Mbit/s", "in 80 Mbit/s of 100 Mbit/s")


def test_bandwidth_needs_every_direction_that_counts() -> None:
    """One that is not known makes it unknown; where it does not count, it does not matter."""
    half = Metrics(outward=Lane(rate=1e7, capacity=1e8), inward=Lane(rate=1e7))

    assert BANDWIDTH.weight(view(half)) is None
    assert replace(BANDWIDTH, direction=Direction.OUTWARD).weight(view(half)) == pytest.approx(1 + 99 * 0.9)
    assert BANDWIDTH.because(view(half))[1] == "in 10 Mbit/s of unknown"


def test_a_vid_is_not_driven_off_by_its_own_load() -> None:
    """Where it is mastered, a load up to `busy` counts as free; beyond that only where no other VID is there."""
    loaded, full = metrics(rate=7e7, capacity=1e8), metrics(rate=9.5e7, capacity=1e8)
    alone, shared = view(full, mastered=True), replace(view(full, mastered=True), masters=2)

    assert BANDWIDTH.weight(view(loaded)) == pytest.approx(1 + 99 * 0.3)
    assert BANDWIDTH.weight(replace(shared, metrics=loaded)) == 100
    assert BANDWIDTH.weight(shared) == pytest.approx(1 + 99 * 0.05)
    assert BANDWIDTH.weight(alone) == 100
    assert BANDWIDTH.because(alone)[-1] == "its own load is forgiven"


def test_more_load_than_capacity_is_no_negative_weight() -> None:
    """A configured capacity may be wrong; and a full link is of more use than a dead one."""
    assert BANDWIDTH.weight(view(metrics(rate=2e8, capacity=1e8))) == 1


def test_checks_are_a_share() -> None:
    """Of trackers and gateways alike; one that is not known makes it unknown."""
    function = Checks(("dns", "web", "9"))

    def seen(dns: float | None, web: float | None, gateway: float | None) -> View:
        return View(group=GroupId(1), checks={"dns": dns, "web": web, "9": gateway})

    assert function.weight(seen(1.0, 1.0, 1.0)) == 100
    assert function.weight(seen(1.0, 0.0, 0.5)) == pytest.approx(50)
    assert function.weight(seen(0.0, 0.0, 0.0)) == 0
    assert function.weight(seen(1.0, None, 1.0)) is None
    assert function.weight(view()) is None
    assert function.because(seen(1.0, 0.0, 0.5)) == ("dns up", "web down", "9 50 % up")
    assert function.because(seen(None, 0.0, 1.0))[0] == "dns unknown"


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_worse_is_never_better(one: float, other: float) -> None:
    """In latency, loss and load."""
    better, worse = sorted((one, other))
    worlds: list[tuple[Function, Callable[[float], Metrics]]] = [
        (LATENCY, lambda value: metrics(rtt_ms=value)),
        (Loss(), lambda value: metrics(loss=value / 1000)),
        (BANDWIDTH, lambda value: metrics(rate=value * 1e5, capacity=1e8)),
    ]
    for function, seen in worlds:
        good, bad = (function.weight(view(seen(value))) for value in (better, worse))
        assert good is not None
        assert bad is not None
        assert 0 <= bad <= good <= 100
