"""The weight of a link with room: what is free of its capacity, in the direction that has less."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, assert_never

from linkbalancer.weights.amounts import rate_in_words
from linkbalancer.weights.metrics import Lane
from linkbalancer.weights.view import BEST, USELESS, View


class Direction(StrEnum):
    """Which direction of a link counts, seen from the controller."""

    BOTH = "both"
    OUTWARD = "outward"
    INWARD = "inward"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableBandwidth:
    """100 where `best` bits a second or more are free, 1 where nothing is: a full link is still of use.

    A VID is not driven off a link by the load that it brought there itself. Where the far end is Master of it, all of
    the capacity counts as free up to a load of `busy`, and only the rest beyond that; where it is Master of no other
    VID, the whole load is its own, which leaving would only take along: all of the capacity counts as free. Unknown
    while the rate or the capacity of a direction that counts is.
    """

    name: ClassVar[str] = "available-bandwidth"

    best: float = 1e9
    busy: float = 0.8
    direction: Direction = Direction.BOTH

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        free = [self._free(lane, view) for _, lane in self._lanes(view)]
        known = [one for one in free if one is not None]
        return USELESS + (BEST - USELESS) * min(min(known) / self.best, 1.0) if len(known) == len(free) else None

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of."""
        own = ("its own load is forgiven",) if view.mastered else ()
        return (*(f"{name} {_in_words(lane)}" for name, lane in self._lanes(view)), *own)

    def _lanes(self, view: View) -> tuple[tuple[str, Lane], ...]:
        outward, inward = ("out", view.metrics.outward), ("in", view.metrics.inward)
        match self.direction:
            case Direction.OUTWARD:
                return (outward,)
            case Direction.INWARD:
                return (inward,)
            case Direction.BOTH:
                return (outward, inward)
            case _:
                assert_never(self.direction)

    def _free(self, lane: Lane, view: View) -> float | None:
        if lane.rate is None or lane.capacity is None:
            return None
        if view.mastered and (view.masters == 1 or lane.rate <= self.busy * lane.capacity):
            return lane.capacity
        return max(lane.capacity - lane.rate, 0.0)


def _in_words(lane: Lane) -> str:
    rate, capacity = ("unknown" if one is None else rate_in_words(one) for one in (lane.rate, lane.capacity))
    return f"{rate} of {capacity}"
