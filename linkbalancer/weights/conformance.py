"""What every weight function must do, as cases for its author's tests (docs/weights.md).

```python
import time

import pytest
from linkbalancer.weights.conformance import cases

from mine import MyFunction


@pytest.mark.parametrize("case", cases(MyFunction(), stopwatch=time.monotonic_ns), ids=str)
def test_conforms(case):
    case()
```
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any, Final, Protocol

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.links import Family, GroupId
from linkbalancer.weights.function import BUILT_IN
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.plugin import SLOW, Parameter
from linkbalancer.weights.view import BEST, LEAST, Value, View
from linkbalancer.weights.wall import Wall

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)

Stopwatch = Callable[[], Instant]
"""Says how late it is, to measure by."""


class Weighs(Protocol):
    """Whatever has a name and reckons weights: a plug-in, or a function of our own."""

    @property
    def name(self) -> str:
        """What it is called."""

    def weight(self, view: View) -> float | None:
        """Return the weight."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is asked of a function: calling it raises AssertionError, with a sentence, where that fails."""

    says: str
    tries: Callable[[], None]

    def __call__(self) -> None:
        """Try it."""
        self.tries()

    def __str__(self) -> str:
        return self.says


def cases(
    function: Weighs, parameters: Mapping[str, Value] | None = None, stopwatch: Stopwatch | None = None
) -> tuple[Case, ...]:
    """Return every case; `parameters` are given to the plug-in beside its defaults, `stopwatch` finds slow answers."""
    trial = _Trial(function, dict(parameters or {}), stopwatch)
    found = [
        Case("it has a name that a configuration can have", trial.name),
        Case("every view has a weight within 0 to 100, or None", trial.range),
        Case("the same view has the same weight, whatever was asked between", trial.purity),
        Case("it changes nothing that it is shown", trial.manners),
    ]
    if hasattr(function, "parameters"):
        found.append(Case("its parameters have defaults that they allow", trial.parameters))
    if stopwatch is not None:
        found.append(Case("no answer is slow", trial.speed))
    return tuple(found)


def views(checks: tuple[str, ...] = ("check",)) -> Iterator[View]:
    """Yield views of links of every kind: nothing known, everything at its best and worst, and much between."""
    lanes = (
        Lane(),
        Lane(rate=0.0, capacity=1e9, loss=0.0, backlog=0.0, drops=0.0),
        Lane(rate=2e8, capacity=1e8, loss=1.0, backlog=1e9, drops=1e6),
        Lane(rate=5e7, capacity=0.0, loss=0.01, backlog=1500.0, drops=0.1),
    )
    trips = ((None, None, None), (0, 0, 0.0), (30 * MILLISECOND, 2 * MILLISECOND, 0.02), (60 * SECOND, SECOND, 1.0))
    worlds: tuple[tuple[Wall | None, float | None], ...] = (
        (None, None),
        (Wall(date(2026, 11, 22), 0), 1.0),
        (Wall(date(2028, 2, 29), 1439), 0.5),
    )
    kinds = product(lanes, lanes, trips, worlds, (False, True))
    for outward, inward, (rtt, jitter, loss), (wall, share), mastered in kinds:
        group = GroupId(3, Family.IPV6 if mastered else Family.IPV4)
        masters = (GroupId(1, group.family), group) if mastered else ()
        yield View(
            group=group,
            metrics=Metrics(outward=outward, inward=inward, rtt=rtt, jitter=jitter, loss=loss, masters=masters),
            mastered=mastered,
            masters=len(masters),
            checks=dict.fromkeys(checks, share),
            wall=wall,
            used={} if wall is None else dict.fromkeys(range(1, 29), 1e9 * wall.minute),
        )


@dataclass(frozen=True, slots=True)
class _Trial:
    """The cases of one function."""

    function: Weighs
    given: Mapping[str, Value]
    stopwatch: Stopwatch | None

    def name(self) -> None:
        """Judge the name."""
        name: Any = self.function.name
        assert isinstance(name, str), f"the name {name!r} is no text"
        assert NAME.fullmatch(name), f"the name {name!r} has other characters than letters, digits, _ . -"
        taken = name in BUILT_IN and hasattr(self.function, "parameters")
        assert not taken, f"the name {name} is that of a function of linkbalancer"

    def parameters(self) -> None:
        """Judge the parameters and what is given for them."""
        specified = self._specified()
        for name, parameter in specified.items():
            assert NAME.fullmatch(name), f"the parameter {name!r} has other characters than letters, digits, _ . -"
            if parameter.default is not None:
                wrong = parameter.refusal(parameter.default)
                assert wrong is None, f"the default of {name}, {parameter.default!r}, {wrong}"
            else:
                assert name in self.given, f"{name} has no default: hand in parameters={{{name!r}: ...}}"
        for name, value in self.given.items():
            assert name in specified, f"{name} is given, and is no parameter"
            wrong = specified[name].refusal(value)
            assert wrong is None, f"{name}, {value!r}, {wrong}"

    def range(self) -> None:
        """Judge every answer by itself."""
        for view in self._views():
            weight: Any = self.function.weight(view)
            if weight is not None:
                number = isinstance(weight, int | float) and not isinstance(weight, bool) and not math.isnan(weight)
                assert number, f"{weight!r} is no number, for {view}"
                assert LEAST <= weight <= BEST, f"{weight!r} is not within 0 to 100, for {view}"

    def purity(self) -> None:
        """Judge whether anything is remembered between answers."""
        shown = list(self._views())
        forward = [self.function.weight(view) for view in shown]
        backward = [self.function.weight(view) for view in reversed(shown)]
        for view, one, other in zip(shown, forward, reversed(backward), strict=True):
            assert one == other, f"first {one!r}, then {other!r}, for {view}"

    def manners(self) -> None:
        """Judge whether views stay as they were."""
        for view, other in zip(self._views(), self._views(), strict=True):
            self.function.weight(view)
            assert view == other, f"it was {other}, and became {view}"

    def speed(self) -> None:
        """Judge how long an answer takes, the best of three, because a busy host proves nothing."""
        assert self.stopwatch is not None, "this case is of those who hand one in"
        for view in self._views():
            took = min(self._timed(view, self.stopwatch) for _ in range(3))
            assert took <= SLOW, f"{took / MILLISECOND:.1f} ms, {SLOW // MILLISECOND} ms at most, for {view}"

    def _timed(self, view: View, stopwatch: Stopwatch) -> int:
        begun = stopwatch()
        self.function.weight(view)
        return stopwatch() - begun

    def _views(self) -> Iterator[View]:
        defaults = {name: one.default for name, one in self._specified().items() if one.default is not None}
        parameters = {**defaults, **self.given}
        checks = getattr(self.function, "names", ("check",))
        for view in views(checks):
            yield replace(view, parameters=dict(parameters))

    def _specified(self) -> Mapping[str, Parameter]:
        specified: Mapping[str, Parameter] = getattr(self.function, "parameters", {})
        return specified
