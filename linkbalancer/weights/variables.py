"""The names that an expression may use: what each is of a view of a link."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.weights.dimension import PER_SECOND, PLAIN, RATE, TIME, TRUTH, VOLUME, Dimension
from linkbalancer.weights.metrics import Lane
from linkbalancer.weights.view import View, worst


@dataclass(frozen=True, slots=True)
class Variable:
    """What a name stands for: its dimension, its value (None: not known), and a sentence."""

    dimension: Dimension
    value: Callable[[View], float | None]
    about: str


def _free(lane: Lane) -> float | None:
    return None if lane.rate is None or lane.capacity is None else max(lane.capacity - lane.rate, 0.0)


def _load(lane: Lane) -> float | None:
    return None if lane.rate is None or not lane.capacity else lane.rate / lane.capacity


def _bits(volume: float | None) -> float | None:
    return None if volume is None else volume * 8


def _seconds(duration: Duration | None) -> float | None:
    return None if duration is None else duration / SECOND


def _least(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if len(known) == len(values) else None


def _most(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _lanes(name: str, dimension: Dimension, of: Callable[[Lane], float | None], about: str) -> dict[str, Variable]:
    """Return what both directions have: `rate_out`, `rate_in`."""
    return {
        f"{name}_out": Variable(dimension, lambda view: of(view.metrics.outward), f"{about}, to the far end"),
        f"{name}_in": Variable(dimension, lambda view: of(view.metrics.inward), f"{about}, from the far end"),
    }


def _ends(view: View) -> tuple[Lane, Lane]:
    return view.metrics.outward, view.metrics.inward


VARIABLES: Final[dict[str, Variable]] = {
    "rtt": Variable(TIME, lambda view: _seconds(view.metrics.rtt), "round-trip time"),
    "jitter": Variable(TIME, lambda view: _seconds(view.metrics.jitter), "how much the round-trip time varies"),
    "loss": Variable(
        PLAIN,
        lambda view: worst(view.metrics.loss, *(lane.loss for lane in _ends(view))),
        "share lost, the worst that is known of round trips and both directions",
    ),
    **_lanes("loss", PLAIN, lambda lane: lane.loss, "share lost"),
    "rate": Variable(RATE, lambda view: _most(*(lane.rate for lane in _ends(view))), "the larger of both rates"),
    **_lanes("rate", RATE, lambda lane: lane.rate, "rate"),
    "capacity": Variable(
        RATE, lambda view: _least(*(lane.capacity for lane in _ends(view))), "the smaller of both capacities"
    ),
    **_lanes("capacity", RATE, lambda lane: lane.capacity, "capacity"),
    "free": Variable(RATE, lambda view: _least(*map(_free, _ends(view))), "the smaller of both free rates"),
    **_lanes("free", RATE, _free, "capacity less rate, not below 0"),
    "load": Variable(PLAIN, lambda view: _most(*map(_load, _ends(view))), "the larger of both loads"),
    **_lanes("load", PLAIN, _load, "rate / capacity"),
    **_lanes("backlog", VOLUME, lambda lane: _bits(lane.backlog), "what waits in the sender's queue"),
    **_lanes("drops", PER_SECOND, lambda lane: lane.drops, "packets a second that the sender threw away"),
    "masters": Variable(PLAIN, lambda view: float(view.masters), "VIDs that the far end is Master of on this link"),
    "mastered": Variable(TRUTH, lambda view: float(view.mastered), "whether this VID is one of them"),
}
