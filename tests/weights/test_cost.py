"""Tests of cost: prices by the hour, and data caps."""

from dataclasses import replace
from datetime import timedelta

import pytest

from linkbalancer.weights.cost import Cost, Tariff
from linkbalancer.weights.view import View
from linkbalancer.weights.wall import Days, Hours
from tests.weights.links import MONDAY, at, view

WORKDAYS = Days(frozenset(range(5)))
BY_NIGHT = Hours(22 * 60, 6 * 60)


def spent(gigabytes: float, resets: int = 1) -> View:
    """Return a view of a link that has carried so much."""
    return replace(view(clock=at(12)), used={resets: gigabytes * 1e9})


@pytest.mark.parametrize(("price", "weight"), [(0, 100), (2.5, 75), (10, 0), (99, 0)])
def test_a_price_is_a_weight(price: float, weight: float) -> None:
    """Free is 100, dear is 0; no clock is needed."""
    assert Cost(price=price, dear=10).weight(view()) == pytest.approx(weight)


def test_the_first_tariff_that_holds_counts() -> None:
    """Else the price itself; without a clock nobody knows."""
    function = Cost(
        price=1, schedule=(Tariff(price=8, days=WORKDAYS, hours=Hours(480, 1080)), Tariff(price=5, days=WORKDAYS))
    )
    saturday = MONDAY + timedelta(days=5)

    assert function.weight(view(clock=at(9))) == pytest.approx(20)
    assert function.weight(view(clock=at(19))) == pytest.approx(50)
    assert function.weight(view(clock=at(9, day=saturday))) == pytest.approx(90)
    assert function.weight(view()) is None
    assert function.because(view(clock=at(9))) == ("price 8",)
    assert function.because(view()) == ("price unknown",)


def test_hours_past_midnight_belong_to_the_day_before() -> None:
    """Friday's night ends on Saturday morning, and Sunday's is no workday's."""
    tariff = Tariff(price=0, days=WORKDAYS, hours=BY_NIGHT)
    saturday, sunday = MONDAY + timedelta(days=5), MONDAY + timedelta(days=6)

    assert tariff.holds(at(23))
    assert tariff.holds(at(3, day=saturday))
    assert not tariff.holds(at(3))  # Monday's morning is Sunday's night
    assert not tariff.holds(at(23, day=sunday))
    assert not tariff.holds(at(12))


@pytest.mark.parametrize(("used", "weight"), [(0, 100), (40, 100), (45, 50), (50, 0), (60, 0)])
def test_a_cap_is_a_weight(used: float, weight: float) -> None:
    """100 until the careful share, then down to nothing when all is used."""
    assert Cost(cap=50e9, careful=0.8).weight(spent(used)) == pytest.approx(weight)


def test_price_and_cap_together_are_the_lesser() -> None:
    """And an exhausted cap is known to be nothing whatever the price."""
    function = Cost(price=5, cap=50e9)

    assert function.weight(spent(10)) == pytest.approx(50)
    assert function.weight(spent(49)) == pytest.approx(10)
    assert function.weight(view(clock=at(12))) is None
    assert function.weight(spent(10, resets=15)) is None
    assert replace(function, schedule=(Tariff(price=1),)).weight(replace(spent(60), wall=None)) == 0
    assert function.because(spent(10)) == ("price 5", "used 10 GB of 50 GB")
    assert function.because(view()) == ("price 5", "used unknown of 50 GB")
