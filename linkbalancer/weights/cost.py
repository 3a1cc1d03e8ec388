"""The weight of a link that costs little: its price by the time of day, and what is left of its data cap."""

from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.weights.amounts import volume_in_words
from linkbalancer.weights.view import BEST, LEAST, View, falling
from linkbalancer.weights.wall import ALL_DAY, EVERY_DAY, Days, Hours, Wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A price that holds on some days at some hours; the days are those on which the hours begin."""

    price: float
    days: Days = EVERY_DAY
    hours: Hours = ALL_DAY

    def holds(self, wall: Wall) -> bool:
        """Tell whether it holds now."""
        if wall.minute not in self.hours:
            return False
        after_midnight = self.hours.start >= self.hours.end and wall.minute < self.hours.end
        return (wall.weekday - after_midnight) % 7 in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The lesser of two weights: of the price and of the data cap, each 100 where there is none.

    The price is that of the first tariff that holds, else `price`: 100 at 0, and 0 at `dear` or more. Of the cap, 100
    until the share `careful` of it is used, 0 when all is. Unknown while the wall clock is not known and a tariff
    or a cap needs it, or while what was used is not known.
    """

    name: ClassVar[str] = "cost"

    price: float = 0.0
    dear: float = 10.0
    schedule: tuple[Tariff, ...] = ()
    cap: float | None = None
    careful: float = 0.8
    resets: int = 1

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        price, capped = self._price(view.wall), self._capped(view)
        if price is None or capped is None:
            # Of two weights of which one is unknown the lesser is known only where the other is nothing already.
            return LEAST if capped == LEAST else None
        return min(falling(price, 0.0, self.dear), capped)

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of."""
        price = self._price(view.wall)
        words = "price unknown" if price is None else f"price {price:g}"
        if self.cap is None:
            return (words,)
        used = view.used.get(self.resets)
        return words, f"used {'unknown' if used is None else volume_in_words(used)} of {volume_in_words(self.cap)}"

    def _price(self, wall: Wall | None) -> float | None:
        if not self.schedule:
            return self.price
        if wall is None:
            return None
        return next((tariff.price for tariff in self.schedule if tariff.holds(wall)), self.price)

    def _capped(self, view: View) -> float | None:
        if self.cap is None:
            return BEST
        used = view.used.get(self.resets)
        return None if used is None else falling(used / self.cap, self.careful, 1.0)
