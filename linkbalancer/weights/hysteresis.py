"""Hysteresis and hold: a weight in force changes by much or not at all, and not again for a while (design 4.5).

A weight that turns back again and again, each time as soon as it may, is one that its own consequences drive: a link
that is full with a VID and empty without it. Each such turn doubles the hold time and the least change that counts, and
after the fifth nothing counts any more. One after another is forgotten: then it is tried again.
"""

from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.weights.filters import TIME_CONSTANT
from linkbalancer.weights.view import BEST, LEAST, USELESS

TURNS_MAX: Final = 5
"""After so many turns a weight stands still, until one of them is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """The least change of a weight that counts, and the least time between two changes.

    Rates, and what is lost and waits where there is too much of them, are believed by and by. So a turn counts as soon
    for `pace` at least, however short the hold time.
    """

    least: float = 5.0
    hold: Duration = 10 * SECOND

    @property
    def pace(self) -> Duration:
        """How soon after its hold time a weight that turns back is one that its own consequences drive."""
        return max(self.hold, TIME_CONSTANT)

    @property
    def forgets(self) -> Duration:
        """After how long a turn is forgotten."""
        return self.pace << (TURNS_MAX + 1)


@dataclass(frozen=True, slots=True)
class Settled:
    """A weight in force, since when, whether it came by rising, and how often of late it soon turned back."""

    weight: float
    since: Instant
    rose: bool | None = None
    turns: int = 0

    def followed(self, now: Instant, reckoned: float, calm: Calm) -> "Settled":
        """Return what is in force when this is reckoned now.

        A fall below usefulness is never held back: that is a failure, and no noise. The way up from there is.
        """
        failed = reckoned < USELESS <= self.weight
        turns = self.turns_left(now, calm)
        if failed or (now >= self._held_until(calm) and self._differs(reckoned, calm, turns)):
            rises = reckoned > self.weight
            soon = now <= self._held_until(calm) + (calm.pace << turns)
            turned = soon and self.rose is not None and rises is not self.rose
            return Settled(reckoned, now, rises, min(turns + turned, TURNS_MAX))
        return self

    def deadline(self, reckoned: float, calm: Calm) -> Instant | None:
        """Return when what is reckoned comes into force if it stays, None when it does not differ by enough."""
        for turns in range(self.turns, -1, -1):
            if self._differs(reckoned, calm, turns):
                return max(self._held_until(calm), self.since + (self.turns - turns) * calm.forgets)
        return None

    def turns_left(self, now: Instant, calm: Calm) -> int:
        """Return how many turns are not forgotten yet."""
        return max(self.turns - (now - self.since) // calm.forgets, 0)

    def _held_until(self, calm: Calm) -> Instant:
        return self.since + (calm.hold << self.turns)

    def _differs(self, reckoned: float, calm: Calm, turns: int) -> bool:
        """Tell whether a change counts: by its size, or because it reaches the best or the least there is."""
        if turns == TURNS_MAX or reckoned == self.weight:
            return False
        at_end = reckoned in {LEAST, BEST} and not turns
        return at_end or abs(reckoned - self.weight) >= calm.least * (1 << turns)
