"""The grammar of expressions: words become a tree, or an error at the word that is wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeAlias

from linkbalancer.weights.dimension import Dimension
from linkbalancer.weights.operations import FUNCTIONS, OPERATIONS
from linkbalancer.weights.tokens import ExpressionError, Token, tokens
from linkbalancer.weights.variables import VARIABLES

DEPTH_MAX: Final = 32
"""How deep parts may stand in parts."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of an expression, in base units."""

    offset: int
    value: float
    dimension: Dimension


@dataclass(frozen=True, slots=True)
class Name:
    """A name of an expression."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function with what it is applied to."""

    offset: int
    name: str
    arguments: tuple["Node", ...]


Node: TypeAlias = Number | Name | Call


_LEVELS: Final = (("or",), ("and",), ("not",), ("<", "<=", ">", ">=", "==", "!="), ("+", "-"), ("*", "/"))
"""Operators, the weakest first."""


class Parser:
    """Turns words into a tree."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """Return the tree of all words."""
        node = self._level(0)
        if self._next.text:
            raise ExpressionError(
                self._next.offset, f"{self._next.text} is not expected here", "write an operator before it"
            )
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        if self._next.text != sign:
            found = self._next.text or "the end"
            raise ExpressionError(self._next.offset, f"{sign} is missing before {found}", f"add {sign}")
        self._at += 1

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        if _LEVELS[level] == ("not",):
            return self._not(level)
        node = self._level(level + 1)
        while self._next.value is None and self._next.text in _LEVELS[level]:
            sign = self._take()
            node = Call(sign.offset, sign.text, (node, self._level(level + 1)))
        return node

    def _not(self, level: int) -> Node:
        if self._next.text != "not":
            return self._level(level + 1)
        sign = self._take()
        self._deeper(sign)
        node = Call(sign.offset, "not", (self._not(level),))
        self._depth -= 1
        return node

    def _unary(self) -> Node:
        token = self._take()
        if token.value is not None:
            return Number(token.offset, token.value, token.dimension)
        self._deeper(token)
        node = self._composed(token)
        self._depth -= 1
        return node

    def _composed(self, token: Token) -> Node:
        if token.text == "-":
            return Call(token.offset, "negative", (self._unary(),))
        if token.text == "(":
            node = self._level(0)
            self._expect(")")
            return node
        if token.text[:1].isalpha() and self._next.text == "(":
            return self._call(token)
        return _name(token)

    def _call(self, token: Token) -> Node:
        if token.text not in FUNCTIONS:
            raise ExpressionError(token.offset, f"there is no function {token.text}", suggestion(token.text, FUNCTIONS))
        arguments: list[Node] = []
        while not arguments or self._next.text == ",":
            self._at += 1  # the parenthesis, then each comma
            arguments.append(self._level(0))
        self._expect(")")
        operation = OPERATIONS[token.text]
        if not operation.least <= len(arguments) <= operation.most:
            most = f" to {operation.most}" if operation.most > operation.least else ""
            what = f"{token.text} is given {len(arguments)} values"
            raise ExpressionError(token.offset, what, f"give it {operation.least}{most}")
        return Call(token.offset, token.text, tuple(arguments))

    def _deeper(self, token: Token) -> None:
        """Count how deep the words are that are read."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(token.offset, f"parts stand in each other more than {DEPTH_MAX} deep", "write less")


def _name(token: Token) -> Name:
    if token.text in FUNCTIONS:
        raise ExpressionError(token.offset, f"{token.text} is a function", f"write {token.text}( and what it is of )")
    if token.text in VARIABLES:
        return Name(token.offset, token.text)
    if token.text[:1].isalpha() and token.text not in {"and", "or", "not"}:
        what = f"{token.text} is nothing that is known of a link"
        raise ExpressionError(token.offset, what, suggestion(token.text, VARIABLES))
    what = f"{token.text} is not expected here" if token.text else "the expression ends too early"
    raise ExpressionError(token.offset, what, "write a number, a name, or a function here")


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a remedy for an unknown word: the one probably meant, else all there are."""
    names = list(known)
    near = get_close_matches(word, names, 1)
    return f"did you mean {near[0]}?" if near else f"use one of: {', '.join(names)}"
