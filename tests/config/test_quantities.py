"""Tests of durations, ranges and sizes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config import quantities
from linkbalancer.config.findings import FieldError


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("200ms", 200 * MILLISECOND),
        ("1.5 s", 1500 * MILLISECOND),
        ("2min", 120 * SECOND),
        ("0.000000001s", 1),
        ("0s", 0),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    """A number and a unit, exactly."""
    assert quantities.parse_duration(text) == nanoseconds


@given(st.integers(0, quantities.DAY))
def test_durations_are_written_as_they_are_read(nanoseconds: int) -> None:
    """Nothing is lost between text and value."""
    assert quantities.parse_duration(quantities.write_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(("text", "hours"), [("90d", 2160), ("36 h", 36), ("1h", 1), ("24h", 24), ("3653d", 87672)])
def test_how_long_something_is_kept(text: str, hours: int) -> None:
    """Hours or days, written in days where they are whole."""
    keep = quantities.parse_keep(text)

    assert keep == hours * 3600 * SECOND
    assert quantities.parse_keep(quantities.write_keep(keep)) == keep
    assert quantities.write_keep(keep)[-1] == ("h" if hours % 24 else "d")


@pytest.mark.parametrize(("text", "mebibytes"), [("64MiB", 64), ("1 GiB", 1024), ("1500MiB", 1500), ("64GiB", 65536)])
def test_how_large_a_file_may_become(text: str, mebibytes: int) -> None:
    """Written in the largest unit that is whole."""
    size = quantities.parse_size(text)

    assert size == mebibytes << 20
    assert quantities.parse_size(quantities.write_size(size)) == size
    assert quantities.write_size(size)[-3] == ("M" if mebibytes % 1024 else "G")


def test_ranges() -> None:
    """A fixed interval, and one that is drawn."""
    assert quantities.parse_range("50ms") == (50 * MILLISECOND, 50 * MILLISECOND)
    assert quantities.parse_range(["50ms", "1s"]) == (50 * MILLISECOND, SECOND)


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (quantities.parse_duration, 200, "200 has no unit; write such as 200ms or 200s"),
        (quantities.parse_duration, True, "true is no duration; write such as 200ms or 1s"),
        (quantities.parse_duration, "fast", "'fast' is no duration; write a number and us, ms, s or min"),
        (quantities.parse_duration, "0.0001us", "'0.0001us' is finer than a nanosecond; write fewer digits"),
        (quantities.parse_duration, "1441min", "'1441min' is longer than a day; write a day or less"),
        (quantities.parse_keep, 90, "90 is no time to keep something; write such as 90d"),
        (quantities.parse_keep, "90", "'90' is no time to keep something; write a number and h or d"),
        (quantities.parse_keep, "0h", "0h will not do; write 1h to 3653d"),
        (quantities.parse_keep, "4000d", "4000d will not do; write 1h to 3653d"),
        (quantities.parse_size, 64, "64 is no size; write such as 64MiB"),
        (quantities.parse_size, "64MB", "'64MB' is no size; write a whole number and MiB or GiB"),
        (quantities.parse_size, "0MiB", "0MiB will not do; write 1MiB to 64GiB"),
        (quantities.parse_size, "65GiB", "65GiB will not do; write 1MiB to 64GiB"),
        (quantities.parse_range, ["1s"], "1 durations, not two; write [shortest, longest]"),
        (quantities.parse_range, ["2s", "1s"], "the range runs backwards; write [1s, 2s]"),
        (quantities.parse_range, "9ms", "9ms is too short; probe every 10ms or less often"),
        (quantities.parse_advert_interval, "9ms", "9ms is out of range; write 10ms to 40.95s (version 2: 1s to 255s)"),
        (quantities.parse_advert_interval, "256s", "256s is out of range"),
        (quantities.parse_advert_interval, "125ms", "125ms is no multiple of 10ms; write 120ms or 130ms"),
        (quantities.parse_detect, "10.5ms", "10.5ms will not do; write whole milliseconds, from 10ms to 60min"),
        (quantities.parse_detect, "9ms", "9ms will not do"),
        (quantities.parse_detect, "61min", "61min will not do"),
    ],
)
def test_wrong_values(parse: Callable[[object], object], raw: object, error: str) -> None:
    """What is wrong is said with what to write instead."""
    with pytest.raises(FieldError) as caught:
        parse(raw)

    assert str(caught.value).startswith(error) or f" {error}" in str(caught.value)
