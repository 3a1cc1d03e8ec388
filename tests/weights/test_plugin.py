"""Tests of plug-ins: their parameters, and what is made of whatever they answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.weights.plugin import TROUBLE_MAX, Parameter, Plugged, asked, troubled
from linkbalancer.weights.view import Answer, View
from tests.weights.links import metrics, view


@dataclass
class Stranger:
    """A plug-in that does as it is told."""

    does: Callable[[View], Any]
    name: str = "stranger"
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def weight(self, view: View) -> Any:
        """Return whatever."""
        return self.does(view)


def answer(does: Callable[[Any], Any], seen: View | None = None) -> Answer:
    """Return what comes of a plug-in."""
    return asked(Stranger(does), seen or view())


def test_what_a_plug_in_is_shown() -> None:
    """The view with its own parameters, and nothing of what others say."""
    seen = View(group=view().group, answers={"stranger": Answer(1)})
    shown = Plugged("stranger", (("factor", 4),)).shown(seen)

    assert (shown.parameters, shown.answers) == ({"factor": 4}, {})
    assert answer(lambda one: one.parameters["factor"] * 10, shown) == Answer(40.0)


def test_the_answer_in_the_view_is_the_weight() -> None:
    """Its own; where there is none nothing is known."""
    function = Plugged("stranger", (("factor", 4),))
    known = View(group=view().group, answers={"stranger": Answer(7.0), "other": Answer(8.0)})
    broken = View(group=view().group, answers={"stranger": Answer(trouble="it rusts")})

    assert [function.weight(one) for one in (view(), known, broken)] == [None, 7.0, None]
    assert [function.because(one) for one in (view(), known)] == [("factor 4",), ("factor 4",)]
    assert function.because(broken) == ("factor 4", "it rusts")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (float("nan"), "not a number: nan"),
        ("50", "not a number: '50'"),
        (True, "not a number: True"),
        (100.1, "out of range: 100.1"),
        (-1, "out of range: -1"),
        (float("inf"), "out of range: inf"),
    ],
)
def test_an_answer_that_is_no_weight_is_a_trouble(found: object, why: str) -> None:
    """Then nothing is known."""
    assert answer(lambda _: found) == Answer(None, why)


def test_none_is_an_answer() -> None:
    """No trouble."""
    assert answer(lambda _: None) == Answer(None, "")


def test_an_exception_is_a_trouble() -> None:
    """With what it said; the next answer is taken again."""
    one = Stranger(lambda seen: MILLISECOND / cast("int", seen.metrics.rtt))

    assert asked(one, view()).trouble.startswith("exception: TypeError: ")
    assert asked(one, view(metrics(rtt_ms=1))) == Answer(1.0)


def test_what_is_said_of_a_trouble_is_a_short_line() -> None:
    """Whatever its author writes into it."""
    said = troubled("exception", "a\nb\x1b[2J" + 500 * "x").trouble

    assert said.startswith("exception: a b?[2Jxxx")
    assert len(said) == TROUBLE_MAX


def test_what_ends_a_program_ends_it() -> None:
    """An exit is no answer."""
    with pytest.raises(KeyboardInterrupt):
        answer(lambda _: (_ for _ in ()).throw(KeyboardInterrupt))


def test_equal_plug_ins_are_equal() -> None:
    """By name and parameters, in writing too: a successor knows by that which reckoning it goes on with."""
    one, other = (Plugged("stranger", (("factor", 2),)) for _ in range(2))

    assert one == other != Plugged("stranger", (("factor", 3),))
    assert repr(one) == "Plugged(name='stranger', parameters=(('factor', 2),))"


@pytest.mark.parametrize(
    ("parameter", "value", "wrong"),
    [
        (Parameter(kind=float, default=1.0, least=0, most=2), 1, None),
        (Parameter(kind=float, default=1.0, least=0, most=2), 2.5, "is above 2"),
        (Parameter(kind=float, default=1.0, least=0, most=2), -0.5, "is below 0"),
        (Parameter(kind=float), float("inf"), "is no finite number"),
        (Parameter(kind=float), "1", "is no number"),
        (Parameter(kind=float), True, "is no number"),
        (Parameter(kind=int), 1.5, "is no whole number"),
        (Parameter(kind=int), 10**30, None),
        (Parameter(kind=bool), True, None),
        (Parameter(kind=bool), 1, "is no true or false"),
        (Parameter(kind=str), "x", None),
        (Parameter(kind=str), 1, "is no text"),
    ],
)
def test_parameters_have_a_type_and_bounds(parameter: Parameter, value: object, wrong: str | None) -> None:
    """A whole number is a number, true is none."""
    assert parameter.refusal(value) == wrong
