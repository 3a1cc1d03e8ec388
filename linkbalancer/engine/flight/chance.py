"""Chance that remembers what was drawn, and chance that draws the same again."""

from collections.abc import Iterable

from linkbalancer.machine import Chance


class DrawsError(ValueError):
    """More or other draws are asked for than were recorded."""


class RecordedChance:
    """Another chance, and what it gave since the last time that somebody took it."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self.drawn: list[int] = []

    def randrange(self, start: int, stop: int, /) -> int:
        """Draw, and remember."""
        number = self._chance.randrange(start, stop)
        self.drawn.append(number)
        return number

    def getrandbits(self, bits: int, /) -> int:
        """Draw, and remember."""
        number = self._chance.getrandbits(bits)
        self.drawn.append(number)
        return number

    def take(self) -> list[int]:
        """Return what was drawn, and forget it."""
        drawn, self.drawn = self.drawn, []
        return drawn


class RepeatedChance:
    """Draws what it was given, in that order."""

    def __init__(self) -> None:
        self._left: list[int] = []

    def give(self, numbers: Iterable[int]) -> None:
        """Have these drawn next, in place of all that are left."""
        self._left = list(numbers)[::-1]

    @property
    def left(self) -> int:
        """How many were not drawn yet."""
        return len(self._left)

    def randrange(self, start: int, stop: int, /) -> int:
        """Draw the next; raises DrawsError where there is none, or it could not have been drawn here."""
        return self._next(start, stop)

    def getrandbits(self, bits: int, /) -> int:
        """Draw the next; raises DrawsError where there is none, or it could not have been drawn here."""
        return self._next(0, 1 << bits)

    def _next(self, start: int, stop: int) -> int:
        if not self._left:
            raise DrawsError("a random number is drawn where none was")
        number = self._left.pop()
        if not start <= number < stop:
            raise DrawsError(f"a random number of {start} to {stop - 1} is drawn where {number} was")
        return number
