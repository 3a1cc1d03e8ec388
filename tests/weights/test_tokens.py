"""Tests of the words of expressions."""

import pytest

from linkbalancer.weights.dimension import PLAIN, RATE, TIME, VOLUME, Dimension
from linkbalancer.weights.tokens import LENGTH_MAX, ExpressionError, tokens


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("12", 12, PLAIN),
        ("2.5", 2.5, PLAIN),
        ("5%", 0.05, PLAIN),
        ("10Mbit", 1e7, RATE),
        ("1kB", 8000, VOLUME),
        ("20ms", 0.02, TIME),
        ("2min", 120, TIME),
    ],
)
def test_numbers_have_units(text: str, value: float, dimension: Dimension) -> None:
    """In base units: bits and seconds."""
    first, end = tokens(text)

    assert first.value == pytest.approx(value)
    assert (first.dimension, end.text) == (dimension, "")


def test_every_word_knows_its_place() -> None:
    """Spaces and line ends are none."""
    found = [(token.offset, token.text) for token in tokens("max( rtt,\n 3) <= 2")]

    assert found == [(0, "max"), (3, "("), (5, "rtt"), (8, ","), (11, "3"), (12, ")"), (14, "<="), (17, "2"), (18, "")]


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("rtt $ 2", 4, "'\\$' cannot stand"),
        ("1 + 3furlong", 5, "the unit furlong is not known"),
        ("rtt ** 2.", 8, "'.' cannot stand"),
        ("1" * (LENGTH_MAX + 1), LENGTH_MAX, "an expression of 1001 characters"),
    ],
)
def test_what_is_no_word_is_refused_where_it_stands(text: str, offset: int, what: str) -> None:
    """At its first character."""
    with pytest.raises(ExpressionError, match=what) as refused:
        list(tokens(text))
    assert refused.value.offset == offset
