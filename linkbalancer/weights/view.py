"""What a weight function is shown: everything that is known of a link, as seen for one VID; it cannot be changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from linkbalancer.links import GroupId
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.wall import Wall

LEAST: Final = 0.0
BEST: Final = 100.0
"""A weight is within these, 100 the best."""

USELESS: Final = 1.0
"""A weight below this says that the link is of no use for the VID; that is believed at once."""

Value: TypeAlias = bool | int | float | str
"""What a parameter of a plug-in may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plug-in said of a view: a weight, or None; `trouble` says why nothing could be had of it, if so."""

    weight: float | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One link, for one VID; None stands for "not known".

    `metrics` are both ends' (`outward` leads to the far end). `mastered`: the far end is Master of this very VID on the
    link; `masters`: how many VIDs it is Master of there. `checks` are shares 0..1 of what is up, by the name of a
    tracker, or `VID 9`, a static group whose gateway is probed. `used`: bytes since the billing month began, by
    the day of the month on which that is. `parameters` are those of a plug-in. `answers` are the last ones of all
    plug-ins by their names; none of them is shown what the others say.
    """

    group: GroupId
    metrics: Metrics = field(default_factory=Metrics)
    mastered: bool = False
    masters: int = 0
    checks: Mapping[str, float | None] = field(default_factory=dict)
    wall: Wall | None = None
    used: Mapping[int, float] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)


def falling(value: float, good: float, bad: float) -> float:
    """Return 100 up to `good`, 0 from `bad`, and a straight line between."""
    if value <= good:
        return BEST
    return BEST * (bad - value) / (bad - good) if value < bad else LEAST


def within(weight: float) -> float:
    """Return a weight within 0..100."""
    return min(max(weight, LEAST), BEST)


def worst(*values: float | None) -> float | None:
    """Return the largest of those that are known, None where none is."""
    return max((value for value in values if value is not None), default=None)
