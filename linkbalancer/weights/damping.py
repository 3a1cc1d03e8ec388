"""Flap damping: each flap of a link costs a penalty that decays; too many, and the link is of no use for a while."""

import math
from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant

FLAP: Final = 1.0
"""The penalty of one flap: thresholds count in flaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """How flaps count: the penalty halves every `half_life`.

    From `suppress` on the link is suppressed, until the penalty has fallen to `reuse`, and for `longest` after its last
    flap at most: it cannot grow beyond what decays in that time.
    """

    half_life: Duration = 30 * SECOND
    suppress: float = 3.0
    reuse: float = 1.0
    longest: Duration = 300 * SECOND

    def __post_init__(self) -> None:
        if not 0 < self.reuse < self.suppress:
            raise ValueError("the penalty for reuse must be above 0 and below that to suppress")
        if self.half_life <= 0 or self.longest <= 0:
            raise ValueError("the half-life and the longest suppression must take some time")

    @property
    def most(self) -> float:
        """The largest penalty: one from which `reuse` is reached after `longest`."""
        halvings = min(self.longest / self.half_life, 64.0)
        return max(self.reuse * float(2.0**halvings), self.suppress)


@dataclass(frozen=True, slots=True)
class Flaps:
    """The penalty as it was at an instant, and until when the link is suppressed (None: it is not)."""

    penalty: float = 0.0
    at: Instant = 0
    until: Instant | None = None

    def now(self, now: Instant, damping: Damping) -> float:
        """Return the penalty now."""
        return self.penalty * float(2.0 ** (-max(now - self.at, 0) / damping.half_life))

    def flapped(self, now: Instant, damping: Damping) -> "Flaps":
        """Return what one flap more makes of it."""
        penalty = min(self.now(now, damping) + FLAP, damping.most)
        if penalty < damping.suppress and not self.suppressed(now):
            return Flaps(penalty, now)
        halvings = max(math.log2(penalty / damping.reuse), 0.0)
        return Flaps(penalty, now, now + min(math.ceil(halvings * damping.half_life), damping.longest))

    def suppressed(self, now: Instant) -> bool:
        """Tell whether the link is suppressed."""
        return self.until is not None and now < self.until
