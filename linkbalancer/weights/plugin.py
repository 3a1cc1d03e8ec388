"""Weight functions of others: what a plug-in is, and what is made of whatever it answers.

A plug-in is an object that an entry point of the group `linkbalancer.weights` names (docs/weights.md). The daemon asks
it in a process of its own (`daemon.checking.plugins`), for it may never return.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.weights.view import BEST, LEAST, Answer, Value, View

GROUP: Final = "linkbalancer.weights"
"""The entry point group."""

SLOW: Final[Duration] = 10 * MILLISECOND
"""So long an answer may take by the conformance suite: one process answers for every VID of every link."""

TROUBLE_MAX: Final = 160
"""Characters of what is said of a trouble."""


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


@dataclass(slots=True)
class Caught:
    """Takes whatever a stranger's code raises, which must not end ours; not what ends a program on purpose."""

    error: Exception | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


def asked(plugin: Plugin, view: View) -> Answer:
    """Return a plug-in's answer, whatever it does but not return; one that is no weight is a trouble."""
    found: object = None
    caught = Caught()
    with caught:
        found = plugin.weight(view)
    if caught.error is not None:
        return troubled(Refusal.EXCEPTION, f"{type(caught.error).__name__}: {caught.error}")
    if found is None:
        return Answer()
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
        return troubled(Refusal.NOT_A_NUMBER, f"{found!r}"[:80])
    if not LEAST <= found <= BEST:
        return troubled(Refusal.OUT_OF_RANGE, f"{found:g}")
    return Answer(float(found))


def troubled(why: str, words: str) -> Answer:
    """Return the answer that there is none, and why; on one line, and without what a terminal would obey."""
    text = " ".join(f"{why}: {words}".split())
    return Answer(trouble="".join(one if one.isprintable() else "?" for one in text)[:TROUBLE_MAX])


@dataclass(frozen=True, slots=True)
class Plugged:
    """A plug-in with its parameters as a weight function: whoever asks it shows the answer in the view."""

    name: str
    parameters: tuple[tuple[str, Value], ...]

    def shown(self, view: View) -> View:
        """Return what the plug-in is shown: its parameters, and nobody's answers."""
        return replace(view, parameters=dict(self.parameters), answers={})

    def weight(self, view: View) -> float | None:
        """Return what the plug-in has answered, None where it has not."""
        return view.answers.get(self.name, Answer()).weight

    def because(self, view: View) -> tuple[str, ...]:
        """Return with what the plug-in is asked (it gives no reasons itself), and what was wrong with its answer."""
        given = tuple(f"{name} {value}" for name, value in self.parameters)
        trouble = view.answers.get(self.name, Answer()).trouble
        return (*given, trouble) if trouble else given
