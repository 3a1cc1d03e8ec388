"""What kind of thing a part of an expression is, so that nobody adds milliseconds to megabits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Dimension:
    """Powers of bits and of seconds; a condition is a kind of its own."""

    bits: int = 0
    seconds: int = 0
    truth: bool = False

    def __str__(self) -> str:
        return _NAMES.get(self, "another kind of thing")

    def __mul__(self, other: "Dimension") -> "Dimension":
        return Dimension(self.bits + other.bits, self.seconds + other.seconds)

    def __truediv__(self, other: "Dimension") -> "Dimension":
        return Dimension(self.bits - other.bits, self.seconds - other.seconds)


PLAIN: Final = Dimension()
RATE: Final = Dimension(bits=1, seconds=-1)
VOLUME: Final = Dimension(bits=1)
TIME: Final = Dimension(seconds=1)
PER_SECOND: Final = Dimension(seconds=-1)
TRUTH: Final = Dimension(truth=True)

_NAMES: Final = {
    PLAIN: "a plain number",
    RATE: "a rate",
    VOLUME: "a volume",
    TIME: "a time",
    PER_SECOND: "a number per second",
    TRUTH: "a condition",
}

Kind: TypeAlias = Dimension | None
"""None: the number 0, which is of any dimension but a condition."""


class MismatchError(ValueError):
    """The argument at `index` does not fit."""

    def __init__(self, index: int, what: str, remedy: str) -> None:
        self.index, self.what, self.remedy = index, what, remedy
        super().__init__(what)


def alike(kinds: Sequence[Kind]) -> Kind:
    """Return the dimension that all of them are of; conditions are none."""
    first: Kind = None
    for index, kind in enumerate(kinds):
        if kind == TRUTH:
            raise MismatchError(index, "a condition cannot be reckoned with", "write if(condition, one, other)")
        if first is not None and kind is not None and kind != first:
            remedy = "divide each by an amount of its own kind first, such as rtt / 1ms"
            raise MismatchError(index, f"{first} and {kind} do not go together", remedy)
        first = first if kind is None else kind
    return first


def compared(kinds: Sequence[Kind]) -> Kind:
    """Return what a comparison is."""
    alike(kinds)
    return TRUTH


def product(kinds: Sequence[Kind]) -> Kind:
    """Return what a product is."""
    one, other = _numbers(kinds)
    return None if one is None or other is None else one * other


def quotient(kinds: Sequence[Kind]) -> Kind:
    """Return what a quotient is."""
    one, other = _numbers(kinds)
    if other is None:
        raise MismatchError(1, "a division by zero", "divide by something else")
    return None if one is None else one / other


def plain(kinds: Sequence[Kind]) -> Kind:
    """Return what comes of plain numbers alone."""
    for index, kind in enumerate(kinds):
        if kind not in {PLAIN, None}:
            remedy = "divide it by an amount of its own kind first, such as rtt / 1ms"
            raise MismatchError(index, f"a plain number is needed here, and this is {kind}", remedy)
    return PLAIN


def ratio(kinds: Sequence[Kind]) -> Kind:
    """Return what comes of how amounts of one dimension compare."""
    alike(kinds)
    return PLAIN


def logical(kinds: Sequence[Kind]) -> Kind:
    """Return what comes of conditions."""
    for index, kind in enumerate(kinds):
        if kind != TRUTH:
            is_what = "a plain number" if kind is None else str(kind)
            raise MismatchError(index, f"a condition is needed here, and this is {is_what}", "write such as loss > 2%")
    return TRUTH


def choice(kinds: Sequence[Kind]) -> Kind:
    """Return what comes of a condition that chooses between two."""
    logical(kinds[:1])
    try:
        return alike(kinds[1:])
    except MismatchError as error:
        raise MismatchError(error.index + 1, error.what, error.remedy) from None


def knowable(kinds: Sequence[Kind]) -> Kind:
    """Return what comes of asking whether something is known."""
    alike(kinds)
    return TRUTH


def _numbers(kinds: Sequence[Kind]) -> Sequence[Kind]:
    for one in range(len(kinds)):
        try:
            alike(kinds[one : one + 1])
        except MismatchError as error:
            raise MismatchError(one, error.what, error.remedy) from None
    return kinds
