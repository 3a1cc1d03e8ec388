"""Tests of the conformance suite: our own functions pass it, and every kind of wrong one fails where it should."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from linkbalancer.weights.bandwidth import AvailableBandwidth
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.conformance import Case, Weighs, cases
from linkbalancer.weights.cost import Cost, Tariff
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.plugin import SLOW, Parameter
from linkbalancer.weights.view import View

OURS: list[Weighs] = [
    AvailableBandwidth(),
    Checks(("one", "two")),
    Composite((Part(Latency(), 1), Part(Loss(), 2), Part(Cost(cap=1e9), 0.5))),
    Cost(price=3, schedule=(Tariff(price=1),), cap=1e9),
    Expression("if(loss > 5%, 1, scale(rtt, 300ms, 10ms)) - 100 * load + 1Mbit / free"),
    Latency(),
    Loss(),
]


@pytest.mark.parametrize(
    "case",
    [case for function in OURS for case in cases(function, stopwatch=time.monotonic_ns)],
    ids=[f"{one.name}: {case}" for one in OURS for case in cases(one, stopwatch=time.monotonic_ns)],
)
def test_our_own_functions_conform(case: Case) -> None:
    """What is asked of others is asked of ours."""
    case()


@dataclass
class Other:
    """A plug-in of somebody, good as long as nothing else is said."""

    name: Any = "other"
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: {"factor": Parameter(kind=float, default=1.0)})
    does: Callable[[Any], Any] = lambda seen: None if seen.metrics.loss is None else 100 * (1 - seen.metrics.loss)

    def weight(self, view: View) -> Any:
        """Return whatever."""
        return self.does(view)


def failures(function: Weighs, **more: Any) -> dict[str, str]:
    """Return the cases that fail, with what they say."""
    found = {}
    for case in cases(function, **more):
        try:
            case()
        except (AssertionError, TypeError) as error:
            found[str(case)] = str(error)
    return found


def test_a_good_one_passes() -> None:
    """With its defaults, and with what is handed in."""
    assert failures(Other()) == {}
    assert failures(Other(), parameters={"factor": 3}, stopwatch=lambda: 0) == {}


def remembering() -> Callable[[View], float]:
    """Return a function that counts."""
    asked: list[View] = []

    def weight(seen: View) -> float:
        asked.append(seen)
        return len(asked) % 100

    return weight


def meddling(seen: View) -> float:
    """Change what is shown."""
    parameters: Any = seen.parameters
    parameters["factor"] = 9
    return 1


@pytest.mark.parametrize(
    ("wrong", "case", "words"),
    [
        (Other(name=7), "it has a name", "is no text"),
        (Other(name="two words"), "it has a name", "other characters"),
        (Other(name="latency"), "it has a name", "that of a function of linkbalancer"),
        (Other(does=lambda _: 101), "every view has a weight", "101 is not within 0 to 100"),
        (Other(does=lambda _: float("nan")), "every view has a weight", "nan is no number"),
        (Other(does=lambda _: True), "every view has a weight", "True is no number"),
        (Other(does=lambda seen: 100 - float(seen.metrics.rtt)), "every view has a weight", "float() argument"),
        (Other(does=remembering()), "the same view has the same weight", "first "),
        (Other(does=meddling), "it changes nothing", "became"),
        (Other(parameters={"a b": Parameter(kind=int, default=1)}), "its parameters", "'a b' has other characters"),
        (Other(parameters={"a": Parameter(kind=int, default=1.5)}), "its parameters", "the default of a, 1.5, is no"),
        (Other(parameters={"a": Parameter(kind=int)}), "its parameters", "a has no default: hand in"),
    ],
)
def test_each_case_finds_what_it_is_for(wrong: Other, case: str, words: str) -> None:
    """With a sentence that says what is wrong."""
    found = next(what for says, what in failures(wrong).items() if says.startswith(case))

    assert words in found


def test_parameters_that_are_handed_in_must_fit() -> None:
    """By name and value."""
    case = "its parameters have defaults that they allow"

    assert failures(Other(), parameters={"other": 1}) == {case: "other is given, and is no parameter"}
    assert failures(Other(), parameters={"factor": "x"}) == {case: "factor, 'x', is no number"}


def test_a_slow_one_is_found() -> None:
    """By whoever hands a stopwatch in."""
    now = [0]

    def slow(_: View) -> float:
        now[0] += SLOW + 1
        return 1

    assert "10 ms at most" in failures(Other(does=slow), stopwatch=lambda: now[0])["no answer is slow"]
    assert failures(Other(does=slow)) == {}
