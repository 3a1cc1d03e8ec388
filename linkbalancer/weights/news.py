"""What a weigher is told, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.question import Reply
from linkbalancer.weights.wall import Wall


@dataclass(frozen=True, slots=True)
class Measured:
    """What both ends know of the link now: `Metrics.joined`."""

    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Mastered:
    """The groups that the far end is Master of on the link."""

    groups: frozenset[GroupId]


@dataclass(frozen=True, slots=True)
class Opened:
    """The link opened."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The link closed; a flap, unless somebody wanted it (a drain, a stop)."""

    planned: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """The share 0..1 of each check that is up, all of them: by a tracker's name, or `VID 9` of a static group."""

    shares: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Clocked:
    """The local wall clock; to be told every minute."""

    wall: Wall


@dataclass(frozen=True, slots=True)
class Advised:
    """What plug-ins have answered of the link."""

    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline came."""


News: TypeAlias = Measured | Mastered | Opened | Closed | Checked | Clocked | Advised | Tick


@dataclass(frozen=True, slots=True)
class Priorities:
    """What the far end should be now: group, priority 2..254, weight; a group that is not in it is as configured."""

    wanted: tuple[tuple[GroupId, int, float], ...]
