"""Tests of the wall clock: billing months, hours, days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.weights.wall import ALL_DAY, EVERY_DAY, Days, Hours, Wall


def test_a_billing_month_begins_on_its_day() -> None:
    """The day before still belongs to the month before, over the end of a year too."""
    assert Wall(date(2026, 1, 4), 0).period(5) + 1 == Wall(date(2026, 1, 5), 0).period(5)
    assert Wall(date(2025, 12, 31), 1439).period(1) + 1 == Wall(date(2026, 1, 1), 0).period(1)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 28))
def test_a_billing_month_never_goes_back(day: date, resets: int) -> None:
    """From one day to the next it is the same or the next one, which begins on its day alone."""
    step = Wall(day + timedelta(days=1), 0).period(resets) - Wall(day, 0).period(resets)

    assert step == ((day + timedelta(days=1)).day == resets)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        (Hours(8 * 60, 18 * 60), [480, 1079], [479, 1080, 0]),
        (Hours(22 * 60, 6 * 60), [1320, 1439, 0, 359], [360, 1319]),
        (ALL_DAY, [0, 1439], []),
    ],
)
def test_hours_may_pass_midnight(hours: Hours, inside: list[int], outside: list[int]) -> None:
    """The end is no part of them."""
    assert all(minute in hours for minute in inside)
    assert not any(minute in hours for minute in outside)


def test_they_are_written_as_they_are_read() -> None:
    """Runs of days are written short."""
    assert str(Hours(8 * 60, 18 * 60 + 30)) == "08:00-18:30"
    assert str(EVERY_DAY) == "mon-sun"
    assert str(Days(frozenset({0, 1, 2, 5}))) == "mon-wed,sat"
    assert str(Days(frozenset({6}))) == "sun"
