"""Arithmetic over the metrics of a link: parsed and checked once, then reckoned; Python itself never runs any of it.

A value that is not known makes everything that needs it unknown; so do a division by zero and whatever is no finite
number. `default(x, y)` and `known(x)` look past that, `if` asks only for what it chooses.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, assert_never

from linkbalancer.weights.dimension import PLAIN, Kind, MismatchError
from linkbalancer.weights.operations import OPERATIONS
from linkbalancer.weights.syntax import Call, Name, Node, Number, Parser
from linkbalancer.weights.tokens import ExpressionError
from linkbalancer.weights.variables import VARIABLES
from linkbalancer.weights.view import View, within


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression comes to, within 0..100.

    Raises:
        ExpressionError: It is none, or does not come to a plain number.
    """

    name: ClassVar[str] = "expression"

    text: str
    tree: Node = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        tree = Parser(self.text).whole()
        kind = _kind(tree)
        if kind not in {PLAIN, None}:
            remedy = "divide by an amount of its kind, such as 100 * free / 1Gbit"
            raise ExpressionError(tree.offset, f"a weight is a plain number, and this is {kind}", remedy)
        object.__setattr__(self, "tree", tree)

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        value = _value(self.tree, view)
        return None if value is None else within(value)

    @property
    def names(self) -> frozenset[str]:
        """What it asks of a link."""
        return frozenset(_names(self.tree))

    def because(self, view: View) -> tuple[str, ...]:
        """Return the names that it uses with their values, in base units."""
        values = {name: VARIABLES[name].value(view) for name in sorted(self.names)}
        return tuple(f"{name} {'unknown' if one is None else format(one, '.4g')}" for name, one in values.items())


def _names(node: Node) -> Iterator[str]:
    match node:
        case Name():
            yield node.name
        case Call():
            for argument in node.arguments:
                yield from _names(argument)
        case Number():
            pass
        case _:
            assert_never(node)


def _kind(node: Node) -> Kind:
    """Return what kind of thing a part is.

    Raises:
        ExpressionError: Its parts do not go together.
    """
    match node:
        case Number():
            return node.dimension if node.value or node.dimension != PLAIN else None
        case Name():
            return VARIABLES[node.name].dimension
        case Call():
            kinds = [_kind(argument) for argument in node.arguments]
            try:
                return OPERATIONS[node.name].kind(kinds)
            except MismatchError as error:
                offset = node.arguments[error.index].offset
                raise ExpressionError(offset, error.what, error.remedy) from None
        case _:
            assert_never(node)


def _value(node: Node, view: View) -> float | None:
    """Return what a part comes to; conditions are 0 or 1."""
    match node:
        case Number():
            return node.value
        case Name():
            return VARIABLES[node.name].value(view)
        case Call():
            return _applied(node, view)
        case _:
            assert_never(node)


def _applied(call: Call, view: View) -> float | None:
    first = _value(call.arguments[0], view)
    if call.name == "known":
        return float(first is not None)
    if call.name == "default":
        return _value(call.arguments[1], view) if first is None else first
    if call.name == "if":
        return None if first is None else _value(call.arguments[1 if first else 2], view)
    operation = OPERATIONS[call.name].value
    assert operation is not None, "all others have one"
    values = [first, *(_value(argument, view) for argument in call.arguments[1:])]
    if None in values:
        return None
    result = operation(*values)
    return result if result is not None and math.isfinite(result) else None
