"""What is configured and can never matter, whatever one or two things fail."""

from collections.abc import Iterator
from typing import NamedTuple

from linkbalancer.engine.foresight.site import SIDES, Gateway
from linkbalancer.engine.foresight.survey import Survey
from linkbalancer.links import GroupId, NodeName, Role, Vid


class IdlePriority(NamedTuple):
    """A priority of which no value changes anything; `weights` are those of trackers that move it in vain."""

    gateway: NodeName
    group: GroupId
    priority: int
    why: str
    weights: tuple[str, ...]


class IdleWeights(NamedTuple):
    """Weights of trackers that move a priority, but never past one that it competes with."""

    gateway: NodeName
    group: GroupId
    weights: tuple[str, ...]
    why: str


class IdleSteps(NamedTuple):
    """VIDs of an application's list to which it never goes."""

    app: str
    vids: tuple[Vid, ...]


class Tie(NamedTuple):
    """Gateways of one priority: whoever is Master first stays it."""

    side: str
    group: GroupId
    gateways: tuple[NodeName, ...]


class Idle:
    """What a survey shows to be idle; nothing where files are missing, for there others may decide."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._contests: dict[tuple[Role, GroupId], set[frozenset[NodeName]]] = {}
        for outcome in survey.outcomes if survey.site.whole else ():
            for key, standing in outcome.standings.items():
                self._contests.setdefault(key, set()).add(standing.contest)

    def priorities(self) -> Iterator[IdlePriority]:
        """Yield the priorities that never decide an election."""
        for gateway, group, rivals in self._members():
            if not rivals:
                member = gateway.members[group]
                yield IdlePriority(gateway.name, group, member.priority, self._why(gateway, group), member.weights)

    def weights(self) -> Iterator[IdleWeights]:
        """Yield the weights that never take a priority past another."""
        for gateway, group, rivals in self._members():
            own = gateway.members[group]
            others = [one.members[group] for one in rivals]
            if others and own.weights and all(one.lowest > own.highest or one.highest < own.lowest for one in others):
                span = f"{own.lowest} to {own.highest} stays on one side of {_listed(rivals, group)}"
                yield IdleWeights(gateway.name, group, own.weights, span)

    def steps(self) -> Iterator[IdleSteps]:
        """Yield the choices that no application ever makes."""
        survey = self._survey
        used: dict[str, set[Vid | None]] = {app: set() for app in survey.site.applications}
        for outcome in survey.outcomes if survey.site.whole else ():
            for app, sides in outcome.places.items():
                used[app].update(vid for places in sides.values() for place in places for vid in place.vids or (None,))
        for app, vids in used.items():
            idle = tuple(vid for vid in survey.site.applications[app].vids if vid not in vids)
            if vids and idle:
                yield IdleSteps(app, idle)

    def ties(self) -> Iterator[Tie]:
        """Yield the gateways whose equal priorities leave open which of them is Master of a VID that works."""
        found: dict[Tie, None] = {}
        for outcome in self._survey.outcomes if self._survey.site.whole else ():
            for (role, group), standing in outcome.standings.items():
                if standing.rivals and standing.master is not None and standing.contest.issuperset(standing.rivals):
                    names = tuple(sorted((standing.master, *standing.rivals)))
                    found[Tie(SIDES[role], group, names)] = None
        yield from found

    def _members(self) -> Iterator[tuple[Gateway, GroupId, list[Gateway]]]:
        """Yield each member of a group, and with whom it ever competes by priority."""
        for role, group, members in self._survey.site.groups:
            contests = self._contests.get((role, group))
            if contests is None:
                continue
            for gateway in members:
                names = frozenset().union(*(one for one in contests if gateway.name in one)) - {gateway.name}
                yield gateway, group, [one for one in members if one.name in names]

    def _why(self, gateway: Gateway, group: GroupId) -> str:
        members = next(some for role, of, some in self._survey.site.groups if (role, of) == (gateway.role, group))
        if len(members) > 1:  # far from LVrrp all that run compete
            return "the far side's election decides, and the near one follows it"
        return f"no other gateway of its side takes part in VID {group}"


def _listed(rivals: list[Gateway], group: GroupId) -> str:
    spans = ((one.name, one.members[group]) for one in rivals)
    return ", ".join(
        f"{name}'s {one.lowest}" + (f" to {one.highest}" if one.highest != one.lowest else "") for name, one in spans
    )
