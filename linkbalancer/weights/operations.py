"""The operators and functions of expressions: what each takes, and what it comes to."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from linkbalancer.weights import dimension
from linkbalancer.weights.dimension import Kind
from linkbalancer.weights.view import BEST, falling


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator or function takes and gives.

    `value` is None where `Expression` reckons it itself, because it need not know everything.
    """

    kind: Callable[[Sequence[Kind]], Kind]
    value: Callable[..., float | None] | None = None
    least: int = 2
    most: int = 2


def _quotient(one: float, other: float) -> float | None:
    return one / other if other else None


def _scale(value: float, bad: float, good: float) -> float | None:
    if bad == good:
        return None
    return falling(value, good, bad) if bad > good else BEST - falling(value, bad, good)


def _log(value: float) -> float | None:
    return math.log(value) if value > 0 else None


def _clamp(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


OPERATIONS: Final[dict[str, Operation]] = {
    "+": Operation(dimension.alike, lambda one, other: one + other),
    "-": Operation(dimension.alike, lambda one, other: one - other),
    "*": Operation(dimension.product, lambda one, other: one * other),
    "/": Operation(dimension.quotient, _quotient),
    "negative": Operation(dimension.alike, lambda one: -one, 1, 1),
    "<": Operation(dimension.compared, lambda one, other: float(one < other)),
    "<=": Operation(dimension.compared, lambda one, other: float(one <= other)),
    ">": Operation(dimension.compared, lambda one, other: float(one > other)),
    ">=": Operation(dimension.compared, lambda one, other: float(one >= other)),
    "==": Operation(dimension.compared, lambda one, other: float(one == other)),
    "!=": Operation(dimension.compared, lambda one, other: float(one != other)),
    "and": Operation(dimension.logical, min),
    "or": Operation(dimension.logical, max),
    "not": Operation(dimension.logical, lambda one: 1 - one, 1, 1),
    "min": Operation(dimension.alike, min, 2, 16),
    "max": Operation(dimension.alike, max, 2, 16),
    "abs": Operation(dimension.alike, abs, 1, 1),
    "clamp": Operation(dimension.alike, _clamp, 3, 3),
    "scale": Operation(dimension.ratio, _scale, 3, 3),
    "log": Operation(dimension.plain, _log, 1, 1),
    "if": Operation(dimension.choice, None, 3, 3),
    "known": Operation(dimension.knowable, None, 1, 1),
    "default": Operation(dimension.alike),
}
FUNCTIONS: Final = tuple(name for name in OPERATIONS if name.isalpha() and name not in {"negative", "and", "or", "not"})
