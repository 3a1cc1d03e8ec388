"""What is known of how good each link is: what this host counts, what LVrrp's datagrams show, what the far end says.

Directions are this gateway's throughout, also in what the far end says: what it receives is what left here.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.engine.events import Measured
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, LinkName
from linkbalancer.lvrrp.link import Link
from linkbalancer.weights.gauge import Peaks
from linkbalancer.weights.metrics import Lane, Metrics

Described = dict[str, Any]


def known_here(link: Link, measured: Measured | None, memberships: Iterable[Membership]) -> Metrics:
    """Return all that this end knows of a link: what the host says of it, and by itself what the host does not."""
    said = Metrics() if measured is None else measured.metrics
    quality = link.quality
    return replace(
        said,
        inward=replace(said.inward, loss=_first(said.inward.loss, quality.inward.loss)),
        loss=_first(said.loss, quality.loss),
        rtt=said.rtt if said.rtt is not None else quality.rtt,
        jitter=said.jitter if said.jitter is not None else quality.jitter,
        masters=mastered(link.settings.name, memberships),
    )


def mastered(link: LinkName, memberships: Iterable[Membership]) -> tuple[GroupId, ...]:
    """Return the groups that this gateway carries over a link, as their Master."""
    return tuple(one.id for one in memberships if one.link == link and one.is_master and one.own)


def describe(link: Link, measured: Measured | None, memberships: Iterable[Membership]) -> Described:
    """Return what the status says: the worse of what both ends know, and what each of them says by itself."""
    here = known_here(link, measured, memberships)
    peer = link.peer.metrics if link.is_open else None
    both = here if peer is None else here.joined(peer)
    peaks = Peaks() if measured is None else measured.peaks
    return {
        "out": {**_lane(both.outward), "peak_bps": _whole(peaks.outward)},
        "in": {**_lane(both.inward), "peak_bps": _whole(peaks.inward)},
        "here": _view(here),
        "peer": None if peer is None else _view(replace(peer, outward=peer.inward, inward=peer.outward)),
    }


def _view(metrics: Metrics) -> Described:
    return {
        "out": _lane(metrics.outward),
        "in": _lane(metrics.inward),
        "rtt_ms": _milliseconds(metrics.rtt),
        "jitter_ms": _milliseconds(metrics.jitter),
        "loss": _share(metrics.loss),
        "masters": [group.name for group in metrics.masters],
    }


def _lane(lane: Lane) -> Described:
    used = None if lane.rate is None or not lane.capacity else lane.rate / lane.capacity
    return {
        "rate_bps": _whole(lane.rate),
        "capacity_bps": _whole(lane.capacity),
        "used": _share(used),
        "backlog_bytes": _whole(lane.backlog),
        "drops_per_s": None if lane.drops is None else round(lane.drops, 3),
        "loss": _share(lane.loss),
    }


def _first(one: float | None, other: float | None) -> float | None:
    return other if one is None else one


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _milliseconds(duration: Duration | None) -> float | None:
    return None if duration is None else round(duration / MILLISECOND, 3)
