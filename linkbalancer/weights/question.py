"""What is asked of a plug-in and what comes back, as values and as JSON: whoever asks it is another process.

A question comes from our own process, an answer from one that a stranger's code runs in: that one is read strictly.
"""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any, TypeAlias

from linkbalancer.links import GroupId, LinkName
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.plugin import TROUBLE_MAX
from linkbalancer.weights.view import BEST, LEAST, Answer, View
from linkbalancer.weights.wall import Wall

Key: TypeAlias = tuple[LinkName, GroupId]
"""What a plug-in is asked about."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a plug-in makes of a link for a VID, which the view names."""

    link: LinkName
    name: str
    view: View

    @property
    def key(self) -> Key:
        """Return what it is about."""
        return self.link, self.view.group

    def to_json(self) -> dict[str, Any]:
        """Return it, JSON-able."""
        return {"link": self.link, "name": self.name, "view": _view(self.view)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Question":
        """Return what `to_json` was asked of; raises LookupError, TypeError or ValueError for anything else."""
        return cls(str(found["link"]), str(found["name"]), _read(found["view"]))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a plug-in said of a link for a VID."""

    link: LinkName
    group: GroupId
    name: str
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """Return it, JSON-able."""
        return {"link": self.link, "group": str(self.group), "name": self.name, **answer_to_json(self.answer)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Reply":
        """Return a reply; raises LookupError, TypeError or ValueError for what is none."""
        group = GroupId.read(str(found["group"]))
        return cls(str(found["link"]), group, str(found["name"]), answer_from_json(found))


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Return an answer, JSON-able."""
    return {"weight": answer.weight, "trouble": answer.trouble}


def answer_from_json(found: Mapping[str, Any]) -> Answer:
    """Return an answer; raises LookupError, TypeError or ValueError for what is none."""
    weight, trouble = found["weight"], found["trouble"]
    if weight is not None:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or math.isnan(weight):
            raise TypeError("no number")
        if not LEAST <= weight <= BEST:
            raise ValueError("no weight")
        weight = float(weight)
    if not isinstance(trouble, str) or len(trouble) > TROUBLE_MAX or not trouble.isprintable():
        raise ValueError("no words")
    return Answer(weight, trouble)


def _view(view: View) -> list[Any]:
    metrics, wall = view.metrics, view.wall
    return [
        str(view.group),
        [astuple(metrics.outward), astuple(metrics.inward), metrics.loss, metrics.rtt, metrics.jitter],
        [str(group) for group in metrics.masters],
        view.mastered,
        view.masters,
        dict(view.checks),
        None if wall is None else [wall.day.isoformat(), wall.minute],
        list(view.used.items()),
        dict(view.parameters),
    ]


def _read(found: list[Any]) -> View:
    group, (outward, inward, loss, rtt, jitter), mastering, mastered, masters, checks, wall, used, parameters = found
    return View(
        group=GroupId.read(group),
        metrics=Metrics(
            outward=_lane(*outward),
            inward=_lane(*inward),
            loss=loss,
            rtt=rtt,
            jitter=jitter,
            masters=tuple(GroupId.read(one) for one in mastering),
        ),
        mastered=mastered,
        masters=masters,
        checks=checks,
        wall=None if wall is None else Wall(date.fromisoformat(wall[0]), wall[1]),
        used=dict(used),
        parameters=parameters,
    )


def _lane(
    rate: float | None, capacity: float | None, loss: float | None, backlog: float | None, drops: float | None
) -> Lane:
    return Lane(rate=rate, capacity=capacity, loss=loss, backlog=backlog, drops=drops)
