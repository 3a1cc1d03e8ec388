"""Tests of expressions: what they come to, what they refuse and where, and what unknown values do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.syntax import DEPTH_MAX
from linkbalancer.weights.tokens import ExpressionError
from linkbalancer.weights.variables import VARIABLES
from tests.weights.links import metrics, view

LINK = metrics(rtt_ms=40, jitter_ms=2, loss=0.02, rate=2e7, capacity=1e8)


def value(text: str, known: Metrics = LINK, *, mastered: bool = False) -> float | None:
    """Return what an expression comes to."""
    return Expression(text).weight(view(known, mastered=mastered))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("50", 50),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("80 / 4 / 2", 10),
        ("--5", 5),
        ("100 - 2 * -5 / 1 - 20", 90),
        ("rtt / 1ms", 40),
        ("100 * free / 1Gbit", 8),
        ("100 * load", 20),
        ("100 - loss * 1000", 80),
        ("min(70, 80, 90)", 70),
        ("max(rtt, 50ms) / 1ms", 50),
        ("max(0, rate - 15Mbit) / 1Mbit", 5),
        ("abs(rtt - 50ms) / 1ms", 10),
        ("clamp(rtt, 50ms, 60ms) / 1ms", 50),
        ("clamp(70ms, 50ms, 60ms) / 1ms", 60),
        ("scale(rtt, 120ms, 20ms)", 80),
        ("scale(free, 0, 160Mbit)", 50),
        ("scale(rtt, 20ms, 20ms) ", None),
        ("10 * log(capacity / 1Mbit)", 10 * math.log(100)),
        ("log(0)", None),
        ("if(rtt < 50ms, 80, 20)", 80),
        ("if(rtt < 40ms or loss >= 2% and not mastered, 80, 20)", 80),
        ("if(not rtt <= 40ms, 80, 20)", 20),
        ("if(rtt == 40ms, 80, 20)", 80),
        ("if(rtt != 40ms, 80, 20)", 20),
        ("if(rtt > 40ms, 80, 20)", 20),
        ("100 / (rtt - 40ms) * 1ms", None),
        ("if(rtt == 40ms, 7, 100 / (rtt - 40ms) * 1s)", 7),
        ("default(1s / (rtt - 40ms), 3)", 3),
        ("default(rtt, 1s) / 1ms", 40),
        ("masters * 10", 0),
        ("0 * rtt", 0),
        ("0 / rtt", 0),
        ("1000", 100),
        ("-1000", 0),
        ("0", 0),
        (" + ".join(["9" * 300 + " * " + "9" * 300]), None),
    ],
)
def test_what_they_come_to(text: str, weight: float | None) -> None:
    """Within 0..100; a division by zero and an overflow are unknown."""
    found = value(text)

    assert found == (None if weight is None else pytest.approx(weight))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("rtt / 1ms", None),
        ("min(50, rtt / 1ms)", None),
        ("if(rtt < 1s, 1, 2)", None),
        ("if(mastered, rtt / 1ms, 30)", 30),
        ("not rtt < 1s and mastered", "condition"),
        ("default(rtt / 1ms, 7)", 7),
        ("if(known(rtt), 1, 2)", 2),
        ("if(known(masters), 1, 2)", 1),
        ("free / 1Mbit + free_in / 1bit", None),
        ("load * 1", None),
        ("backlog_out / capacity_out / 1s", None),
        ("default(loss, 50% + 0) * 100", 50),
    ],
)
def test_what_is_unknown_makes_the_rest_unknown(text: str, weight: float | str | None) -> None:
    """Only `default`, `known`, and what `if` does not choose, look past it."""
    if weight == "condition":
        with pytest.raises(ExpressionError, match="a weight is a plain number, and this is a condition"):
            value(text, Metrics())
    else:
        assert value(text, Metrics()) == weight


def test_names_are_of_the_direction_that_they_say() -> None:
    """Outward is to the far end."""
    known = Metrics(
        outward=Lane(rate=1e6, capacity=4e6, loss=0.1, backlog=1000, drops=3),
        inward=Lane(rate=8e6, capacity=2e6, loss=0.2, backlog=2000, drops=4),
        loss=0.15,
    )
    found = {name: one.value(view(known, mastered=True)) for name, one in VARIABLES.items()}

    assert found == {
        "rtt": None,
        "jitter": None,
        "loss": 0.2,
        "loss_out": 0.1,
        "loss_in": 0.2,
        "rate": 8e6,
        "rate_out": 1e6,
        "rate_in": 8e6,
        "capacity": 2e6,
        "capacity_out": 4e6,
        "capacity_in": 2e6,
        "free": 0,
        "free_out": 3e6,
        "free_in": 0,
        "load": 4,
        "load_out": 0.25,
        "load_in": 4,
        "backlog_out": 8000,
        "backlog_in": 16000,
        "drops_out": 3,
        "drops_in": 4,
        "masters": 1,
        "mastered": 1,
    }
    assert all(one.about for one in VARIABLES.values())
    assert VARIABLES["load"].value(view(metrics(rate=1, capacity=0))) is None


@pytest.mark.parametrize(
    ("text", "offset", "what", "remedy"),
    [
        ("", 0, "the expression ends too early", "write a number, a name, or a function here"),
        ("1 +", 3, "the expression ends too early", ""),
        ("1 + * 2", 4, "* is not expected here", ""),
        ("1 2", 2, "2 is not expected here", "write an operator before it"),
        ("(1 + 2", 6, ") is missing before the end", "add )"),
        ("(1 + 2 3", 7, ") is missing before 3", "add )"),
        ("50 + ritt / 1ms", 5, "ritt is nothing that is known of a link", "did you mean rtt?"),
        ("zzzzzzzz", 0, "zzzzzzzz is nothing", "use one of: rtt, jitter, loss"),
        ("1 + mix(2, 3)", 4, "there is no function mix", "did you mean min?"),
        ("1 + sqrt(2)", 4, "there is no function sqrt", "use one of: min, max, abs"),
        ("1 + min", 4, "min is a function", "write min( and what it is of )"),
        ("1 + and", 4, "and is not expected here", ""),
        ("5 + if(1 > 2, 3)", 4, "if is given 2 values", "give it 3"),
        ("5 + min(3)", 4, "min is given 1 values", "give it 2 to 16"),
        ("min()", 4, ") is not expected here", ""),
        ("5 + rtt", 4, "a plain number and a time do not go together", "divide each by"),
        ("rtt + rate", 6, "a time and a rate do not go together", ""),
        ("1 - (rtt < 20ms)", 9, "a condition cannot be reckoned with", "write if("),
        ("(rtt < 20ms) * 4", 5, "a condition cannot be reckoned with", "write if("),
        ("4 * mastered", 4, "a condition cannot be reckoned with", "write if("),
        ("1 < 2 < 3", 2, "a condition cannot be reckoned with", ""),
        ("rate * rtt < 0", 11, "a weight is a plain number, and this is a condition", ""),
        ("rate * rate", 5, "a weight is a plain number, and this is another kind of thing", "divide by an amount"),
        ("rtt", 0, "a weight is a plain number, and this is a time", ""),
        ("backlog_in", 0, "a weight is a plain number, and this is a volume", ""),
        ("drops_in", 0, "this is a number per second", ""),
        ("100 / 0", 6, "a division by zero", "divide by something else"),
        ("log(rtt)", 4, "a plain number is needed here, and this is a time", "divide it by"),
        ("if(rtt, 1, 2)", 3, "a condition is needed here, and this is a time", "write such as loss > 2%"),
        ("if(0, 1, 2)", 3, "a condition is needed here, and this is a plain number", ""),
        ("if(rtt > 1s, 1, rtt)", 16, "a plain number and a time do not go together", ""),
        ("not rtt", 4, "a condition is needed here, and this is a time", ""),
        ("known(mastered) + 1", 6, "a condition cannot be reckoned with", ""),
        ("(" * 40 + "1" + ")" * 40, DEPTH_MAX, "more than 32 deep", "write less"),
        ("not " * 40 + "mastered", 4 * DEPTH_MAX, "more than 32 deep", "write less"),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(text: str, offset: int, what: str, remedy: str) -> None:
    """With the place of the offending part, and what to do."""
    with pytest.raises(ExpressionError) as refused:
        Expression(text)
    assert (refused.value.offset, refused.value.what[: len(what)]) == (offset, what) or what in refused.value.what
    assert refused.value.offset == offset
    assert remedy in refused.value.remedy


def test_nothing_is_handed_to_python() -> None:
    """Attributes, indices, strings, assignments and calls of other things are no words of the language."""
    for text in ("__import__('os')", "rtt.real", "rtt[0]", "x = 1", "lambda: 1", "rtt if loss else 1", "1e5", "2**9"):
        with pytest.raises(ExpressionError):
            Expression(text)


def test_they_say_what_they_used() -> None:
    """Every name once, in base units."""
    text = "scale(rtt, 300ms, 20ms) - loss * 100 + if(known(rate), 1, 0) + 0 * rtt / 1s"

    assert Expression(text).because(view(metrics(rtt_ms=40, loss=0.5))) == ("loss 0.5", "rate unknown", "rtt 0.04")


def test_equal_texts_are_equal() -> None:
    """So that a reload of the same configuration changes nothing."""
    assert Expression("1 + 1") == Expression("1 + 1") != Expression("2")
    assert repr(Expression("2")) == "Expression(text='2')"


words = st.sampled_from(
    [
        "1",
        "2%",
        "5ms",
        "3Mbit",
        "0",
        *VARIABLES,
        "+",
        "-",
        "*",
        "/",
        "(",
        ")",
        ",",
        "<",
        "==",
        "and",
        "not",
        "min(",
        "if(",
    ]
)


def tried(text: str) -> Expression | ExpressionError:
    """Return an expression, or why it is none."""
    try:
        return Expression(text)
    except ExpressionError as error:
        return error


@given(st.lists(words, max_size=14).map(" ".join), st.none() | st.floats(0, 1e5), st.none() | st.floats(0, 1e10))
def test_any_words_are_refused_or_come_to_a_weight(text: str, rtt: float | None, rate: float | None) -> None:
    """Nothing else ever happens, whatever is known of the link."""
    expression = tried(text)
    if isinstance(expression, ExpressionError):
        assert 0 <= expression.offset <= len(text)
    else:
        weight = expression.weight(view(metrics(rtt_ms=rtt, rate=rate, capacity=1e9)))
        assert weight is None or 0 <= weight <= 100


@given(st.text(max_size=40))
def test_any_text_is_refused_with_a_place(text: str) -> None:
    """Or it is an expression."""
    refused = tried(text)
    if isinstance(refused, ExpressionError):
        assert 0 <= refused.offset <= len(text)
        assert refused.remedy


def test_integers_become_no_wonder() -> None:
    """A round-trip time of 0 is known."""
    assert value("100 - rtt / 1ms", Metrics(rtt=0)) == 100
    assert value("100 - rtt / 1ms", Metrics(rtt=3 * MILLISECOND)) == pytest.approx(97)
