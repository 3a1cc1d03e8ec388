"""What trackers do to a group: weights that move its priority, and faults (VRRP fact sheet 10.2).

The base priority and all weights are added up each time from what is believed now, and never kept as a sum: what is
counted nowhere cannot drift.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OWNER: Final = 255
"""The priority of the addresses' owner, which nothing moves."""

HIGHEST: Final = 254

WEIGHT_MAX: Final = 253
"""The largest weight, up or down, of what is up or down."""


@dataclass(frozen=True, slots=True)
class Influence:
    """What one tracker does to one group.

    `weight` None: while it fails, the group is in Fault. A positive weight is added while the tracker is good, a
    negative one while it fails; `reverse` turns the sign round (and of a fault: while it is good). Of a tracker that
    reads a number, the weight is multiplied by that, and a number other than 0 is a failure.
    """

    weight: int | None
    reverse: bool = False

    def adds(self, *, ok: bool | None, value: int | None = None) -> int:
        """Return what is added to the priority now; nothing while the tracker is not known."""
        if self.weight is None or ok is None:
            return 0
        sign = -1 if self.reverse else 1
        if value is not None:
            return max(-HIGHEST, min(sign * self.weight * value, HIGHEST))
        return sign * self.weight if ok is (self.weight > 0) else 0

    def faults(self, *, ok: bool | None) -> bool:
        """Return whether the group is in Fault by this; until the first result it is (fact sheet 10.2)."""
        return self.weight is None and (ok is None or ok is self.reverse)

    def __str__(self) -> str:
        shown = "fault" if self.weight is None else f"{self.weight:+d}"
        return f"{shown} reverse" if self.reverse else shown


def effective(base: int, added: Iterable[int], *, lowest: int = 1) -> int:
    """Return the priority that a base and what is added make: within `lowest` and 254, the owner's as it is."""
    if base == OWNER:
        return OWNER
    return max(lowest, min(base + sum(added), HIGHEST))
