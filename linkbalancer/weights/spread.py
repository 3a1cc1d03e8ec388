"""Spread: VIDs that a link masters already make it less worth for the VIDs that come after them (design 4.5).

Only VIDs before a VID count, in the order of VIDs: so no two can chase each other. VID 1 settles whatever the others
do, then VID 2, and so on: as many rounds as there are VIDs.
"""

from enum import StrEnum
from typing import Final

from linkbalancer.weights.view import BEST, USELESS

_GAP: Final = 0.2
"""This part of each band stays empty, so that bands stay apart when they become whole numbers."""


class Spread(StrEnum):
    """How VIDs distribute over links.

    `even`: a link with fewer VIDs before this one is always better, the weight decides between equal numbers; so all
    links of any use get as many VIDs, give or take one. `weighted`: in proportion to the weights: the weight is divided
    by one more than the VIDs before (the method of D'Hondt, by which seats are given to parties).
    """

    NONE = "none"
    EVEN = "even"
    WEIGHTED = "weighted"

    def weight(self, weight: float, before: int) -> float:
        """Return what a weight becomes when the link masters so many of the VIDs before this one."""
        if self is Spread.NONE:
            return weight
        if self is Spread.WEIGHTED or weight < USELESS:
            return weight / (before + 1)
        # A band for each number, with a gap below: 60..100 without any before, 37..50 with one, 27..33 with two, ...
        floor, high = BEST / (before + 2), BEST / (before + 1)
        low = floor + _GAP * (high - floor)
        return low + (high - low) * weight / BEST
