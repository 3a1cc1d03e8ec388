"""Whether one link meets one service level: a bound to leave by, a softer one and a longer time to come back.

    meets  -- a figure at its bound or above for `after` -->                      breaks
    breaks -- all figures below their bounds by `margin` for `back`, doubled -->  meets

A link that is bad with an application and good without it would draw it to and fro. Each time that a level is broken
again soon after it was met, `back` is doubled, up to 32 times, until there was quiet for as long.

What is not known breaks nothing, and keeps nobody from coming back.
"""

from collections.abc import Sequence
from typing import Final

from linkbalancer.clock import Duration, Instant
from linkbalancer.engine.assurance.figures import NOTHING, Figures, excess
from linkbalancer.routing.servicelevel import ServiceLevel

TURNS_MAX: Final = 5
"""So often `back` is doubled at most: 32 times as long."""


class Compliance:
    """The machine of one link and one level.

    `broken` says what broke the level and still counts, in words; it is empty while the level is met.
    """

    def __init__(self, level: ServiceLevel) -> None:
        self.broken = ""
        self._level = level
        self._figures = NOTHING
        self._turning_since: Instant | None = None
        self._met_at: Instant | None = None
        self._turns = 0

    def handle(self, now: Instant, figures: Figures | None = None) -> bool:
        """Take in what is known now, or that a deadline has come; return whether the verdict changed."""
        if figures is not None:
            self._figures = figures
        if not self._turns_away():
            self._turning_since = None
            return False
        if self._turning_since is None:
            self._turning_since = now
        if now < self._turning_since + self._patience:
            return False
        self._turn(now)
        return True

    def deadline(self) -> Instant | None:
        """Return when the verdict changes if nothing else is heard."""
        return None if self._turning_since is None else self._turning_since + self._patience

    def snapshot(self) -> list[object]:
        """Return what a successor goes on with, JSON-able: what broke it, how often in a row, when it was met again."""
        return [self.broken, self._turns, self._met_at]

    def restore(self, left: Sequence[object]) -> None:
        """Go on from what a predecessor left; what makes no sense is nothing."""
        match left:
            case [str(broken), int(turns), (int() | None) as met_at] if 0 <= turns <= TURNS_MAX:
                self.broken, self._turns, self._met_at = broken, turns, met_at
            case _:
                pass

    @property
    def _patience(self) -> Duration:
        return self._hold if self.broken else self._level.after

    @property
    def _hold(self) -> Duration:
        return self._level.back << self._turns

    def _turns_away(self) -> bool:
        """Tell whether the figures speak against the verdict that stands."""
        if self.broken:
            return not excess(self._level, self._figures, 1.0 - self._level.margin)
        return bool(excess(self._level, self._figures))

    def _turn(self, now: Instant) -> None:
        self._turning_since = None
        if self.broken:
            self.broken, self._met_at = "", now
            return
        again = self._met_at is not None and now <= self._met_at + self._hold + self._level.after
        self._turns = min(self._turns + 1, TURNS_MAX) if again else 0
        self.broken = excess(self._level, self._figures)
