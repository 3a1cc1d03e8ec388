"""Links as weight functions are shown them, short to write."""

from datetime import date

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.view import View
from linkbalancer.weights.wall import Wall

MONDAY = date(2026, 11, 23)
"""A Monday."""


def metrics(
    rtt_ms: float | None = None,
    loss: float | None = None,
    rate: float | None = None,
    capacity: float | None = None,
    jitter_ms: float | None = None,
) -> Metrics:
    """Return what is known of a link that is alike in both directions."""
    lane = Lane(rate=rate, capacity=capacity)
    rtt, jitter = (None if one is None else int(one * MILLISECOND) for one in (rtt_ms, jitter_ms))
    return Metrics(outward=lane, inward=lane, rtt=rtt, jitter=jitter, loss=loss)


def view(known: Metrics | None = None, *, mastered: bool = False, clock: Wall | None = None) -> View:
    """Return a view of VID 1."""
    return View(group=GroupId(1), metrics=known or Metrics(), mastered=mastered, masters=int(mastered), wall=clock)


def at(hour: int, minute: int = 0, day: date = MONDAY) -> Wall:
    """Return a time of a day, Monday's if nothing else is said."""
    return Wall(day, 60 * hour + minute)
