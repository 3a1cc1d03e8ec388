"""The words of an expression, each with the place where it begins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from linkbalancer.weights.amounts import RATES, SHARES, TIMES, VOLUMES
from linkbalancer.weights.dimension import PLAIN, RATE, TIME, VOLUME, Dimension

LENGTH_MAX: Final = 1000
"""Characters of an expression."""

UNITS: Final[dict[str, tuple[float, Dimension]]] = {
    **{unit: (factor, RATE) for unit, factor in RATES.items()},
    **{unit: (factor * 8, VOLUME) for unit, factor in VOLUMES.items()},  # bits, as in rates
    **{unit: (factor, TIME) for unit, factor in TIMES.items()},
    **{unit: (factor, PLAIN) for unit, factor in SHARES.items()},
}

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[A-Za-z%]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/(),<>])",
    re.ASCII,
)


class ExpressionError(ValueError):
    """An expression is wrong: what, at which character of it, and what to do."""

    def __init__(self, offset: int, what: str, remedy: str) -> None:
        self.offset, self.what, self.remedy = offset, what, remedy
        super().__init__(f"{what}; {remedy}")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression: a number with its dimension, else a name or sign; the last of all is empty."""

    offset: int
    text: str
    value: float | None = None
    dimension: Dimension = PLAIN


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a text, and an empty one.

    Raises:
        ExpressionError: It has something that is no word.
    """
    if len(text) > LENGTH_MAX:
        raise ExpressionError(LENGTH_MAX, f"an expression of {len(text)} characters", f"write at most {LENGTH_MAX}")
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            remedy = "write names, numbers with or without a unit, + - * / ( ) , and comparisons"
            raise ExpressionError(at, f"{text[at]!r} cannot stand in an expression", remedy)
        if match["number"]:
            yield _number(at, match["number"], match["unit"])
        elif not match["space"]:
            yield Token(at, match[0])
        at = match.end()
    yield Token(len(text), "")


def _number(at: int, number: str, unit: str) -> Token:
    if not unit:
        return Token(at, number, float(number))
    if unit not in UNITS:
        remedy = f"use one of: {', '.join(UNITS)}"
        raise ExpressionError(at + len(number), f"the unit {unit} is not known", remedy)
    factor, dimension = UNITS[unit]
    return Token(at, number + unit, float(number) * factor, dimension)
