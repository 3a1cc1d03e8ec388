"""Tests of composites."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.metrics import Metrics
from tests.weights.links import metrics, view

BOTH = Composite((Part(Latency(good=0, bad=100_000_000, jitter=0), 2), Part(Loss(bad=0.1), 1)))


def test_it_is_the_weighted_geometric_mean() -> None:
    """Latency counts twice."""
    weight = BOTH.weight(view(metrics(rtt_ms=20, loss=0.09)))

    assert weight == pytest.approx((80 * 80 * 10) ** (1 / 3))


def test_a_part_at_nothing_makes_it_nothing() -> None:
    """Even where the other part is not known."""
    assert BOTH.weight(view(metrics(rtt_ms=1, loss=0.1))) == 0
    assert BOTH.weight(view(metrics(loss=1))) == 0


def test_a_part_that_is_unknown_makes_it_unknown() -> None:
    """The last weight stands then, rather than one of half the facts."""
    assert BOTH.weight(view(metrics(rtt_ms=1))) is None
    assert BOTH.weight(view(Metrics())) is None


def test_it_says_why() -> None:
    """Every part with its weight, its factor and its own reasons."""
    assert BOTH.because(view(metrics(rtt_ms=20, jitter_ms=1))) == (
        "latency 80 x 2 (rtt 20 ms, jitter 1 ms)",
        "loss unknown x 1 (loss unknown)",
    )


@given(st.floats(0, 200), st.floats(0, 0.2), st.floats(0.1, 9))
def test_it_is_between_its_parts(rtt: float, loss: float, factor: float) -> None:
    """Never better than the best part, never worse than the worst."""
    parts = (Part(Latency(), factor), Part(Loss(), 1))
    shown = view(metrics(rtt_ms=rtt, loss=loss))
    weights = [part.function.weight(shown) for part in parts]
    whole = Composite(parts).weight(shown)

    assert whole is not None
    assert None not in weights
    known = [weight for weight in weights if weight is not None]
    assert min(known) <= whole + 1e-9
    assert whole <= max(known) + 1e-9
    assert math.isfinite(whole)
