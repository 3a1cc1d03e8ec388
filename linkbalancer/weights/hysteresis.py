"""Hysteresis and hold: a weight in force changes by much or not at all, and not again for a while (design 4.5).

A weight that turns back again and again, each time as soon as it may, is one that its own consequences drive: a link
that is full with a VID and empty without it. Each such turn doubles the hold time, until there was quiet for as long.
"""

from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.weights.view import BEST, LEAST, USELESS

TURNS_MAX: Final = 5
"""So often the hold time is doubled at most: 32 times as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """The least change of a weight that counts, and the least time between two changes."""

    least: float = 5.0
    hold: Duration = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Settled:
    """A weight in force, since when, whether it came by rising, and how often in a row it soon turned back."""

    weight: float
    since: Instant
    rose: bool | None = None
    turns: int = 0

    def followed(self, now: Instant, reckoned: float, calm: Calm) -> "Settled":
        """Return what is in force when this is reckoned now.

        A fall below usefulness is never held back: that is a failure, and no noise. The way up from there is.
        """
        failed = reckoned < USELESS <= self.weight
        if failed or (self._differs(reckoned, calm) and now >= self._held_until(calm)):
            rises = reckoned > self.weight
            turns_back = self.rose is not None and rises is not self.rose
            if now > self._held_until(calm) + self._hold(calm):
                return Settled(reckoned, now, rises)
            return Settled(reckoned, now, rises, min(self.turns + turns_back, TURNS_MAX))
        return self

    def deadline(self, reckoned: float, calm: Calm) -> Instant | None:
        """Return when what is reckoned comes into force if it stays, None when it does not differ by enough."""
        return self._held_until(calm) if self._differs(reckoned, calm) else None

    def _hold(self, calm: Calm) -> Duration:
        return calm.hold << self.turns

    def _held_until(self, calm: Calm) -> Instant:
        return self.since + self._hold(calm)

    def _differs(self, reckoned: float, calm: Calm) -> bool:
        """Tell whether a change counts: by its size, or because it reaches the best or the least there is."""
        at_end = reckoned in {LEAST, BEST} and reckoned != self.weight
        return at_end or (reckoned != self.weight and abs(reckoned - self.weight) >= calm.least)
