"""Weight functions of others: what a plug-in is, and how one is kept from harming the link that it weighs.

A plug-in is an object that an entry point of the group `linkbalancer.weights` names (docs/weights.md). Whoever runs it
hands in a stopwatch, for this package reads no clock.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.weights.view import BEST, LEAST, Value, View

GROUP: Final = "linkbalancer.weights"
"""The entry point group."""

SLOW: Final[Duration] = 10 * MILLISECOND
"""An answer that takes longer is refused: the agent's loop waits for it."""

REST_LEAST: Final[Duration] = SECOND
REST_MOST: Final[Duration] = 300 * SECOND
"""So long a plug-in is not asked after a slow answer, twice as long each time."""

Stopwatch = Callable[[], Instant]
"""Says how late it is, to measure by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a plug-in: its default (None: it must be given), whose type is `kind`, and its bounds."""

    kind: type[Value]
    default: Value | None = None
    least: float | None = None
    most: float | None = None
    about: str = ""

    def refusal(self, value: object) -> str | None:
        """Return what is wrong with a value, None when nothing is."""
        wanted: tuple[type, ...] = (int, float) if self.kind is float else (self.kind,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.kind is not bool):
            return f"is no {_WORDS[self.kind]}"
        if isinstance(value, float) and not math.isfinite(value):
            return "is no finite number"
        if isinstance(value, int | float):
            if self.least is not None and value < self.least:
                return f"is below {self.least:g}"
            if self.most is not None and value > self.most:
                return f"is above {self.most:g}"
        return None


_WORDS: Final[Mapping[type[Value], str]] = {bool: "true or false", int: "whole number", float: "number", str: "text"}


class Plugin(Protocol):
    """A weight function of somebody else: `weight` is pure, and has an answer to every view, None for "not known"."""

    @property
    def name(self) -> str:
        """What a configuration calls it."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters that it takes from a configuration; their values are in the view."""

    def weight(self, view: View) -> float | None:
        """Return the weight 0..100."""


class Refusal(StrEnum):
    """Why an answer of a plug-in was not used."""

    EXCEPTION = "exception"
    NOT_A_NUMBER = "not a number"
    OUT_OF_RANGE = "out of range"
    SLOW = "slow"


@dataclass(slots=True)
class Caught:
    """Takes whatever a stranger's code raises, which must not end ours; not what ends a program on purpose."""

    error: Exception | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


@dataclass(slots=True)
class Guard:
    """What keeps one plug-in of one link in bounds: answers that were refused are counted, slow ones bring a rest."""

    stopwatch: Stopwatch
    refusals: dict[str, int] = field(default_factory=dict)
    last: str = ""
    rest: Duration = REST_LEAST
    until: Instant | None = None
    shown: View | None = None
    answer: float | None = None

    def asked(self, plugin: Plugin, view: View) -> float | None:
        """Return the plug-in's answer, None where it has none or it was refused.

        It is pure, so it is not asked the same again: whoever explains a weight neither waits nor counts twice.
        """
        if view != self.shown:
            self.shown, self.answer = view, self._asked(plugin, view)
        return self.answer

    def _asked(self, plugin: Plugin, view: View) -> float | None:
        begun = self.stopwatch()
        if self.until is not None and begun < self.until:
            return None
        answer, caught = None, Caught()
        with caught:
            answer = plugin.weight(view)
        if caught.error is not None:
            self._refuse(Refusal.EXCEPTION, f"{type(caught.error).__name__}: {caught.error}")
            return None
        took = self.stopwatch() - begun
        if took > SLOW:
            self._refuse(Refusal.SLOW, f"it took {took // MILLISECOND} ms")
            self.until, self.rest = begun + took + self.rest, min(2 * self.rest, REST_MOST)
            return None
        self.until, self.rest = None, REST_LEAST
        return self._judged(answer)

    def _judged(self, answer: object) -> float | None:
        if answer is None:
            return None
        if isinstance(answer, bool) or not isinstance(answer, int | float) or math.isnan(answer):
            self._refuse(Refusal.NOT_A_NUMBER, f"{answer!r}"[:80])
            return None
        if not LEAST <= answer <= BEST:
            self._refuse(Refusal.OUT_OF_RANGE, f"{answer:g}")
            return None
        return float(answer)

    def _refuse(self, why: Refusal, words: str) -> None:
        self.refusals[why] = self.refusals.get(why, 0) + 1
        self.last = f"{why}: {words}"[:160]


def no_stopwatch() -> Instant:
    """Stand still: whoever simulates must not find one answer slow today that was quick yesterday."""
    return 0


@dataclass(frozen=True, slots=True)
class Plugged:
    """A plug-in with its parameters as a weight function; two are equal whose names and parameters are."""

    name: str
    parameters: tuple[tuple[str, Value], ...]
    plugin: Plugin = field(compare=False, repr=False)
    guard: Guard = field(compare=False, repr=False)

    def weight(self, view: View) -> float | None:
        """Return the plug-in's answer, None where it was refused."""
        return self.guard.asked(self.plugin, replace(view, parameters=dict(self.parameters)))

    def because(self, view: View) -> tuple[str, ...]:
        """Return with what the plug-in is asked (it gives no reasons itself), and what was refused of its answers."""
        del view  # they are the same whatever it is
        given = tuple(f"{name} {value}" for name, value in self.parameters)
        refused = sum(self.guard.refusals.values())
        return (*given, f"{refused} answers refused, the last: {self.guard.last}") if refused else given
