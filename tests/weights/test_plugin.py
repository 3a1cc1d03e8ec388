"""Tests of plug-ins: their parameters, and what keeps them from harming a link."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.plugin import REST_LEAST, REST_MOST, Guard, Parameter, Plugged, Refusal, no_stopwatch
from linkbalancer.weights.view import View
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


@dataclass
class Watch:
    """A stopwatch that moves when told."""

    now: int = 0

    def __call__(self) -> int:
        """Return the instant."""
        return self.now


def plugged(does: Callable[[Any], Any], watch: Callable[[], int] = no_stopwatch, **parameters: Any) -> Plugged:
    """Return a plug-in as a weight function."""
    stranger = Stranger(does)
    return Plugged(stranger.name, tuple(parameters.items()), stranger, Guard(watch))


def test_it_is_shown_its_parameters() -> None:
    """Beside the view."""
    function = plugged(lambda seen: seen.parameters["factor"] * 10, factor=4)

    assert function.weight(view()) == 40
    assert function.because(view()) == ("factor 4",)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (float("nan"), Refusal.NOT_A_NUMBER),
        ("50", Refusal.NOT_A_NUMBER),
        (True, Refusal.NOT_A_NUMBER),
        (100.1, Refusal.OUT_OF_RANGE),
        (-1, Refusal.OUT_OF_RANGE),
        (float("inf"), Refusal.OUT_OF_RANGE),
    ],
)
def test_an_answer_that_is_no_weight_is_refused_and_counted(answer: object, why: Refusal) -> None:
    """Then nothing is known, and the last weight stands."""
    function = plugged(lambda _: answer)

    assert function.weight(view()) is None
    assert function.guard.refusals == {why: 1}
    assert function.because(view())[0].startswith("1 answers refused, the last: ")


def test_none_is_an_answer() -> None:
    """It refuses nothing."""
    function = plugged(lambda _: None)

    assert function.weight(view()) is None
    assert function.guard.refusals == {}
    assert function.because(view()) == ()


def test_an_exception_is_refused_and_counted() -> None:
    """With what it said; the next answer is taken again."""
    function = plugged(lambda seen: MILLISECOND / int(seen.metrics.rtt))

    assert function.weight(view(metrics(rtt_ms=0))) is None
    assert function.weight(view()) is None
    assert function.weight(view(metrics(rtt_ms=1))) == 1
    assert function.guard.refusals == {Refusal.EXCEPTION: 2}
    assert function.guard.last.startswith("exception: TypeError: ")


def test_what_ends_a_program_ends_it() -> None:
    """An exit is no answer."""
    with pytest.raises(KeyboardInterrupt):
        plugged(lambda _: (_ for _ in ()).throw(KeyboardInterrupt)).weight(view())


def test_the_same_view_is_asked_once() -> None:
    """So whoever explains a weight neither waits nor counts twice."""
    asked = []

    def counted(seen: View) -> int:
        asked.append(seen)
        return 5

    function = plugged(counted)

    assert [function.weight(view()), function.weight(view())] == [5, 5]
    assert len(asked) == 1


def test_a_slow_answer_is_refused_and_brings_a_rest() -> None:
    """Twice as long each time, up to a limit, until an answer is quick again."""
    watch, asked = Watch(), []

    def slow(seen: View) -> float:
        asked.append(seen)
        watch.now += int(seen.metrics.rtt or 0)
        return 7

    function = plugged(slow, watch)

    def weight(took_ms: float) -> float | None:
        return function.weight(view(Metrics(rtt=int(took_ms * MILLISECOND), loss=watch.now / 1e18)))

    assert weight(10) == 7
    assert weight(11) is None
    assert function.guard.refusals == {Refusal.SLOW: 1}
    assert function.guard.last == "slow: it took 11 ms"
    rested = watch.now + REST_LEAST
    watch.now = rested - 1
    assert weight(0) is None
    assert len(asked) == 2
    watch.now = rested
    assert weight(500) is None
    assert function.guard.rest == 4 * REST_LEAST
    for _ in range(20):
        watch.now += REST_MOST
        assert weight(20) is None
    assert function.guard.rest == REST_MOST
    watch.now += REST_MOST
    assert weight(1) == 7
    assert function.guard.rest == SECOND


def test_equal_plug_ins_are_equal() -> None:
    """By name and parameters, whatever became of them since."""
    one, other = plugged(lambda _: 1, factor=2), plugged(lambda _: 1, factor=2)
    one.weight(view())

    assert one == other != plugged(lambda _: 1, factor=3)
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
