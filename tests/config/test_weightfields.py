"""Tests of how the values of weights are written, read and refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.config import weightfields as fields
from linkbalancer.config.findings import FieldError
from linkbalancer.weights.wall import Days, Hours


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (fields.parse_number, 0, 0.0),
        (fields.parse_number, 2.5, 2.5),
        (fields.parse_factor, 3, 3.0),
        (fields.parse_weight, 100, 100.0),
        (fields.parse_share, "5%", 0.05),
        (fields.parse_share, "12.5 %", 0.125),
        (fields.parse_volume, "50GB", 50e9),
        (fields.parse_volume, "2GiB", 2.0 * (1 << 30)),
        (fields.parse_hours, "08:00-18:00", Hours(480, 1080)),
        (fields.parse_hours, "22:00 - 06:30", Hours(1320, 390)),
        (fields.parse_hours, "18:00-24:00", Hours(1080, 1440)),
        (fields.parse_hours, Hours(1, 2), Hours(1, 2)),
        (fields.parse_days, "mon-fri", Days(frozenset(range(5)))),
        (fields.parse_days, "Sat, sun", Days(frozenset({5, 6}))),
        (fields.parse_days, "fri-mon,wed", Days(frozenset({4, 5, 6, 0, 2}))),
        (fields.parse_days, Days(frozenset({1})), Days(frozenset({1}))),
        (fields.parse_check, "resolver", "resolver"),
        (fields.parse_check, 9, 9),
        (fields.parse_expression, " 100 - rtt / 1ms", " 100 - rtt / 1ms"),
        (fields.parse_expression, 50, "50"),
        (fields.parse_steps, {0: 10, 50: 100}, ((0.0, 10), (50.0, 100))),
        (fields.parse_steps, [[0, 10], [2.5, 100]], ((0.0, 10), (2.5, 100))),
        (fields.parse_steps, {"0": 10, "2.5": 100}, ((0.0, 10), (2.5, 100))),
    ],
)
def test_what_is_read(parse: Callable[[object], object], raw: object, value: object) -> None:
    """As operators write it, and as our own processes hand it on."""
    assert parse(raw) == pytest.approx(value) if isinstance(value, float) else parse(raw) == value


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (fields.parse_number, "2", "'2' is no number; write such as 2 or 0.5, without quotes"),
        (fields.parse_number, True, "true is no number; write such as"),
        (fields.parse_number, float("nan"), "nan is no number"),
        (fields.parse_number, -1, "-1 is out of range; write a number from 0 on"),
        (fields.parse_factor, 0, "0 does not count at all; remove it, or write a number above 0"),
        (fields.parse_weight, 101, "101 is more than the best weight; write 0 to 100"),
        (fields.parse_share, 5, "5 has no unit; write a number and %, such as 5%"),
        (fields.parse_share, "5", "'5' is no share; write a number and %, such as 5%"),
        (fields.parse_share, "120%", "120% is more than all; write 0% to 100%"),
        (fields.parse_share, "5ms", "'5ms' is no share; write a number and %"),
        (
            fields.parse_volume,
            ["1GB"],
            "a list is no volume; write a number and B, kB, MB, GB, TB, KiB, MiB, GiB or TiB",
        ),
        (fields.parse_volume, "0GB", "0GB is nothing; write such as 50GB"),
        (fields.parse_volume, "50 gb", "'50 gb' is no volume; write 50GB"),
        (fields.parse_hours, "8:00-18:00", "'8:00-18:00' are no hours of the day; write such as 08:00-18:00, or 22:00"),
        (fields.parse_hours, "08:00", "'08:00' are no hours of the day"),
        (fields.parse_hours, "08:00-18:60", "'08:00-18:60' are no hours"),
        (fields.parse_hours, "08:00-25:00", "'08:00-25:00' are no hours"),
        (fields.parse_hours, "24:00-08:00", "'24:00-08:00' are no hours"),
        (fields.parse_hours, "08:00-08:00", "'08:00-08:00' are no hours"),
        (fields.parse_hours, 1080, "1080 is no hours of the day; write such as 08:00-18:00"),
        (fields.parse_days, "monday", "'monday' are no days of the week; write such as mon-fri, or sat,sun"),
        (fields.parse_days, "mon-fri-sun", "'mon-fri-sun' are no days"),
        (fields.parse_days, "mon-", "'mon-' are no days"),
        (fields.parse_check, 0, "0 is no VID; write the name of a tracker, or a VID from 1 to 255"),
        (fields.parse_check, "a b", "the name 'a b'"),
        (fields.parse_expression, " ", "the expression is empty or too long; write 1 to 1000 characters"),
        (fields.parse_expression, "1" * 1001, "the expression is empty or too long"),
        (fields.parse_expression, None, "nothing is no expression; write such as"),
        (fields.parse_steps, {0: "x"}, "'x' is no priority; write weights with their priorities, such as {0: 10"),
        (fields.parse_steps, {0: True}, "true is no priority"),
        (fields.parse_steps, [1, 2], "a list are no steps"),
        (fields.parse_steps, 5, "5 are no steps; write weights"),
        (fields.parse_steps, {"x": 5}, "'x' is no number"),
        (fields.parse_steps, {101: 5}, "101 is more than the best weight"),
    ],
)
def test_what_is_refused(parse: Callable[[object], object], raw: object, error: str) -> None:
    """With what to write instead."""
    with pytest.raises(FieldError) as refused:
        parse(raw)
    assert str(refused.value).startswith(error)


@pytest.mark.parametrize(
    ("write", "parse", "words"),
    [
        (fields.write_share, fields.parse_share, "12.5%"),
        (fields.write_volume, fields.parse_volume, "50GB"),
        (str, fields.parse_hours, "22:00-06:00"),
        (str, fields.parse_days, "mon-fri,sun"),
    ],
)
def test_what_is_written_is_read_again(
    write: Callable[[object], str], parse: Callable[[object], object], words: str
) -> None:
    """As `plan` shows it."""
    assert write(parse(words)) == words


@given(st.integers(1, 10**15))
def test_volumes_lose_nothing_on_the_way(volume: int) -> None:
    """To nine digits behind the point."""
    assert fields.parse_volume(fields.write_volume(float(volume))) == pytest.approx(volume)
