"""Tests of what a link has carried."""

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.usage import GAP_MAX, Usage
from linkbalancer.weights.wall import Wall
from tests.weights.links import MONDAY, at

FAST = Metrics(outward=Lane(rate=8e6), inward=Lane(rate=16e6))


def test_both_directions_count() -> None:
    """3 MB a second, since rates were last heard."""
    usage = Usage().dated(at(0), {1}).measured(0, FAST).measured(10 * SECOND, FAST)

    assert usage.used == {1: pytest.approx(30e6)}


def test_what_is_not_known_counts_as_nothing() -> None:
    """A direction without a rate, a time before the first rate, and long silences."""
    usage = Usage().dated(at(0), {1}).measured(5 * SECOND, FAST)
    assert usage.used == {1: 0}
    assert usage.measured(6 * SECOND, Metrics(outward=Lane(rate=8e6))).used == {1: pytest.approx(1e6)}
    assert usage.measured(9000 * SECOND, FAST).used == {1: pytest.approx(3e6 * GAP_MAX / SECOND)}
    assert usage.measured(1, FAST).used == {1: 0}


def test_every_billing_month_begins_at_nothing() -> None:
    """Each on its own day."""
    usage = Usage().dated(at(0), {1, 25}).measured(0, FAST).measured(SECOND, FAST)
    later = usage.dated(Wall(MONDAY.replace(day=25), 0), {1, 25})

    assert later.used == {1: pytest.approx(3e6), 25: 0}
    assert later.dated(Wall(MONDAY.replace(month=12, day=1), 0), {1}).used == {1: 0}


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    """A gateway without a battery starts in 1970, until it is told the time."""
    usage = Usage().dated(at(0), {1}).measured(0, FAST).measured(SECOND, FAST)

    assert usage.dated(Wall(MONDAY.replace(year=1970), 0), {1}).used == usage.used
