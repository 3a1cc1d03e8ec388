"""Hysteresis and hold: a weight in force changes by much or not at all, and not again for a while (design 4.5)."""

from dataclasses import dataclass

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.weights.view import BEST, LEAST, USELESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """The least change of a weight that counts, and the least time between two changes."""

    least: float = 5.0
    hold: Duration = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Settled:
    """A weight in force, and since when."""

    weight: float
    since: Instant

    def followed(self, now: Instant, reckoned: float, calm: Calm) -> "Settled":
        """Return what is in force when this is reckoned now.

        A fall below usefulness is never held back: that is a failure, and no noise. The way up from there is.
        """
        if reckoned < USELESS <= self.weight:
            return Settled(reckoned, now)
        if self._differs(reckoned, calm) and now >= self.since + calm.hold:
            return Settled(reckoned, now)
        return self

    def deadline(self, reckoned: float, calm: Calm) -> Instant | None:
        """Return when what is reckoned comes into force if it stays, None when it does not differ by enough."""
        return self.since + calm.hold if self._differs(reckoned, calm) else None

    def _differs(self, reckoned: float, calm: Calm) -> bool:
        """Tell whether a change counts: by its size, or because it reaches the best or the least there is."""
        at_end = reckoned in {LEAST, BEST} and reckoned != self.weight
        return at_end or (reckoned != self.weight and abs(reckoned - self.weight) >= calm.least)
