"""A weight made of several, each with a factor that says how much it matters."""

import math
from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.weights.function import Function
from linkbalancer.weights.view import LEAST, View, within


@dataclass(frozen=True, slots=True)
class Part:
    """A function, and how much it matters beside the others."""

    function: Function
    factor: float


@dataclass(frozen=True, slots=True)
class Composite:
    """The weighted geometric mean: a part at 0 makes the whole 0, and one bad part counts more than a good one.

    Unknown while a part is, unless a part that is known is 0 already.
    """

    name: ClassVar[str] = "composite"

    parts: tuple[Part, ...]

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        weights = [(part.function.weight(view), part.factor) for part in self.parts]
        known = [(weight, factor) for weight, factor in weights if weight is not None]
        if any(weight <= LEAST for weight, _ in known):
            return LEAST
        if not known or len(known) < len(weights):
            return None
        total = sum(factor for _, factor in known)
        return within(math.exp(sum(factor * math.log(weight) for weight, factor in known) / total))

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of: every part with its weight, factor and reasons."""
        return tuple(_in_words(part, view) for part in self.parts)


def _in_words(part: Part, view: View) -> str:
    weight = part.function.weight(view)
    words = "unknown" if weight is None else f"{weight:.3g}"
    return f"{part.function.name} {words} x {part.factor:g} ({', '.join(part.function.because(view))})"
