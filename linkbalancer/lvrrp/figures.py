"""Figures of a link as they stand on the wire: METRICS, WEIGHT and ADJUST, each in a fixed layout (docs/protocol.md).

Rounded to the unit of the wire, and cut to what a field holds: the most stands for more. What is not known has a value
of its own; so has, for the reader, what lies beyond a field's range: a figure is never worth a datagram.
"""

import struct
from dataclasses import fields
from math import isnan
from typing import Final, NamedTuple

from linkbalancer.clock import MICROSECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.weights.metrics import Lane, Metrics

UNKNOWN: Final = 0xFFFF_FFFF
"""Stands for "not known" in every field of METRICS."""

PAGE: Final = 40
"""Groups in one WEIGHT or ADJUST: what fits beside the longest names with a weight and an adjustment each."""

PRIORITY_MIN: Final = 2
PRIORITY_MAX: Final = 254
"""What may be wanted: 1 says that a link is dead, 255 that the addresses are the member's own."""

WITHDRAWN: Final = 0
"""Stands in an ADJUST for "the configured priority again", in the answer for "none is adjusted"."""

_SHARE: Final = 10**6
_LANE: Final = {"rate": 1e-3, "capacity": 1e-3, "loss": _SHARE, "backlog": 1, "drops": 1e3}
"""How many units of the wire make one of ours, field by field, in the order of the wire."""

_METRICS: Final = struct.Struct("!13I")
_WEIGHT: Final = struct.Struct("!BBq")
_ADJUST: Final = struct.Struct("!BBBI")
_THOUSAND: Final = 1000
_WEIGHT_MOST: Final = 2**63 - 1
_WEIGHT_UNKNOWN: Final = -(2**63)

assert tuple(_LANE) == tuple(field.name for field in fields(Lane)), "the wire has every field of a lane"


class LinkWeight(NamedTuple):
    """The weight of a link for one group, None when it is not known."""

    group: GroupId
    weight: float | None


class Adjustment(NamedTuple):
    """A priority wanted of the peer's member of a group (0: the configured one again), and which want that is.

    As an acknowledgement: the adjusted priority that is in force there (0: none), and the want that was answered.
    """

    group: GroupId
    priority: int
    generation: int


def encode_metrics(metrics: Metrics) -> bytes:
    """Return the value of METRICS; `masters` is for the words to say."""
    lanes = [
        _written(getattr(lane, name), scale)
        for lane in (metrics.outward, metrics.inward)
        for name, scale in _LANE.items()
    ]
    times = [_written(time, 1 / MICROSECOND) for time in (metrics.rtt, metrics.jitter)]
    return _METRICS.pack(*lanes, _written(metrics.loss, _SHARE), *times)


def decode_metrics(value: bytes) -> Metrics:
    """Return what METRICS says.

    Raises:
        ValueError: it is too short.
    """
    if len(value) < _METRICS.size:
        raise ValueError(f"metrics must be at least {_METRICS.size} bytes")
    *lanes, loss, rtt, jitter = _METRICS.unpack_from(value)
    half = len(_LANE)
    return Metrics(
        outward=_lane(lanes[:half]),
        inward=_lane(lanes[half:]),
        loss=_share(loss),
        rtt=None if rtt == UNKNOWN else rtt * MICROSECOND,
        jitter=None if jitter == UNKNOWN else jitter * MICROSECOND,
    )


def encode_weight(weight: LinkWeight) -> bytes:
    """Return the value of WEIGHT."""
    (vid, family), value = weight
    return _WEIGHT.pack(vid, family, _WEIGHT_UNKNOWN if value is None or isnan(value) else _thousandths(value))


def decode_weight(value: bytes) -> list[LinkWeight]:
    """Return what WEIGHT says, nothing of a later version's family.

    Raises:
        ValueError: it is too short, or about VID 0.
    """
    if len(value) < _WEIGHT.size or value[0] == 0:
        raise ValueError(f"a weight must be at least {_WEIGHT.size} bytes about a VID of 1..255")
    vid, family, thousandths = _WEIGHT.unpack_from(value)
    known = None if thousandths == _WEIGHT_UNKNOWN else thousandths / _THOUSAND
    return [LinkWeight(group, known) for group in _group(vid, family)]


def encode_adjustment(adjustment: Adjustment) -> bytes:
    """Return the value of ADJUST."""
    (vid, family), priority, generation = adjustment
    return _ADJUST.pack(vid, family, priority, generation & UNKNOWN)


def decode_adjustment(value: bytes) -> list[Adjustment]:
    """Return what ADJUST says, nothing of a later version's family; any priority, for whoever obeys to judge.

    Raises:
        ValueError: it is too short, or about VID 0.
    """
    if len(value) < _ADJUST.size or value[0] == 0:
        raise ValueError(f"an adjustment must be at least {_ADJUST.size} bytes about a VID of 1..255")
    vid, family, priority, generation = _ADJUST.unpack_from(value)
    return [Adjustment(group, priority, generation) for group in _group(vid, family)]


def _group(vid: int, family: int) -> list[GroupId]:
    return [GroupId(vid, Family(family))] if family in set(Family) else []


def _lane(read: list[int]) -> Lane:
    known = {
        name: None if one == UNKNOWN or (name == "loss" and one > _SHARE) else one / scale
        for (name, scale), one in zip(_LANE.items(), read, strict=True)
    }
    return Lane(**known)


def _share(read: int) -> float | None:
    return read / _SHARE if read <= _SHARE else None


def _written(value: float | None, scale: float) -> int:
    """Return a figure in units of the wire; what is no number is not known."""
    if value is None or isnan(value):
        return UNKNOWN
    return round(max(0.0, min(value * scale, UNKNOWN - 1)))


def _thousandths(weight: float) -> int:
    cut = max(-_WEIGHT_MOST / _THOUSAND, min(weight, _WEIGHT_MOST / _THOUSAND))
    return max(-_WEIGHT_MOST, min(round(cut * _THOUSAND), _WEIGHT_MOST))
