"""How far apart the queries of a link are (mission L7): fixed, at random, or adaptive, where quiet times lengthen it.

What the pace allows is what both ends must wait for before they call a link silent, so the two go together: the
detect time that is stated grows with the query that allows a longer interval, and shrinks with the first one that
brings a proof as young as the shorter interval has it (docs/protocol.md, section 4).
"""

from typing import Final

from linkbalancer.clock import Duration, Instant
from linkbalancer.lvrrp.settings import LinkSettings, ProbeFunction
from linkbalancer.machine import Chance
from linkbalancer.weights.metrics import Lane, Metrics

CALM: Final = 16
"""So many queries must be answered in a row, none missed and nothing changed, before an adaptive pace slows down."""

STEP: Final = 8
"""With each further one it slows down by this part, until it reaches the ceiling."""

LOAD_SHARE: Final = 10
"""A rate that changes by this part of the capacity is another load."""

LOAD_FACTOR: Final = 2
"""The same where the capacity is not known: so many times as much, or as little."""

LOAD_MIN: Final = 100_000.0
"""Rates below this many bits per second are no load at all."""


class Pace:
    """The intervals between the queries of one link.

    Attributes:
        longest: the longest interval that may be drawn now; the shortest is in proportion to it.
        lasting: the longest that may still lie between two proofs, for which both ends must wait.
    """

    def __init__(self, settings: LinkSettings, chance: Chance) -> None:
        self.longest = self.lasting = settings.interval_max
        self._settings = settings
        self._chance = chance
        self._calm = 0
        self._disturbed_at: Instant = -1
        self._load = (Lane(), Lane())

    def draw(self) -> Duration:
        """Draw the time to the next query, anew each time, both ends of the range included."""
        shortest = self._settings.interval_min * self.longest // self._settings.interval_max
        return self._chance.randrange(shortest, self.longest + 1)

    def answered(self, sent_at: Instant) -> None:
        """Take in that the query of an instant was answered, and none before it was missed."""
        if self._settings.function is not ProbeFunction.ADAPTIVE or sent_at <= self._disturbed_at:
            return  # one that was under way at the disturbance says nothing of what came after it
        self._calm += 1
        if self._calm > CALM:
            self.longest = min(self._settings.ceiling, self.longest + self.longest // STEP)
        self.lasting = self.longest

    def disturb(self, last_sent: Instant) -> bool:
        """Fall back to the configured range: a failure or another load is likely; return whether that is any quicker.

        `lasting` stays until a query that is sent after `last_sent` is answered: what was allowed before is under way.
        """
        was, self.longest = self.longest, self._settings.interval_max
        self._calm, self._disturbed_at = 0, last_sent
        return self.longest < was

    def measure(self, metrics: Metrics) -> bool:
        """Take in what is measured; return whether it is another load than at the last change."""
        load = (metrics.outward, metrics.inward)
        changed = any(map(_differs, self._load, load))
        self._load = load if changed else (_known(self._load[0], load[0]), _known(self._load[1], load[1]))
        return changed


def _known(before: Lane, after: Lane) -> Lane:
    """Return what to compare with: what stood at the last change, or what is known first."""
    return after if before.rate is None else before


def _differs(before: Lane, after: Lane) -> bool:
    """Tell whether one direction of a link carries another load than before; what is not known is no change."""
    if before.rate is None or after.rate is None:
        return False
    if after.capacity is not None:
        return abs(after.rate - before.rate) * LOAD_SHARE > after.capacity
    low, high = sorted((before.rate, after.rate))
    return high > max(LOAD_MIN, LOAD_FACTOR * low)
