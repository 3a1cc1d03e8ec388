"""What some failures come to: who is Master of each VID, and where each application goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from linkbalancer.engine.foresight.failure import Failure
from linkbalancer.engine.foresight.settled import Condition, Standings
from linkbalancer.engine.foresight.site import Gateway, Site
from linkbalancer.links import Family, GroupId, NodeName, Role, Vid
from linkbalancer.routing.application import Step
from linkbalancer.routing.balance import wanted
from linkbalancer.routing.choice import best_step


class Part(NamedTuple):
    """One VID's share of a balanced step; `ipv6` as of a place."""

    vid: Vid
    via: str
    share: float
    ipv6: bool | None = None


class Place(NamedTuple):
    """Where an application goes: `vid` is None where it has nowhere to go.

    `gateways` are those that send it there, empty when all of its side do. `parts` are those of a balanced step, whose
    first one `vid` and `via` name. `ipv6`: whether its IPv6 packets get on there; False: they are refused there (of
    parts: by one at least), None: they are not steered, or there are none.
    """

    vid: Vid | None
    via: str | None
    gateways: tuple[NodeName, ...] = ()
    parts: tuple[Part, ...] = ()
    ipv6: bool | None = None

    @property
    def vids(self) -> tuple[Vid, ...]:
        """Every VID that it goes to."""
        return tuple(one.vid for one in self.parts) or (() if self.vid is None else (self.vid,))


NOWHERE = Place(None, None)

Places: TypeAlias = tuple[Place, ...]
"""Those of one application on one side: several where gateways differ, as with probed upstreams of their own."""


class _Way(NamedTuple):
    """A VID that works as one gateway sees it: over what, and whether IPv6 gets on there."""

    vid: Vid
    via: str
    ipv6: bool | None


_Reach: TypeAlias = frozenset[_Way]


class Fate(IntEnum):
    """What becomes of an application, in order of badness."""

    STAYS = 0
    MOVES = 1
    UNKNOWN = 2
    NOWHERE = 3


@dataclass(frozen=True)
class Outcome:
    """What is settled after some failures; `places` by application, then by side."""

    failed: tuple[Failure, ...]
    standings: Standings
    places: Mapping[str, Mapping[Role, Places]]

    def facts(self) -> tuple[object, ...]:
        """Return what somebody would notice: two outcomes that are equal in this are one."""
        return (
            tuple((key, standing.facts) for key, standing in self.standings.items()),
            tuple(tuple(sides.values()) for sides in self.places.values()),
        )

    def unanswered(self) -> tuple[tuple[Role, GroupId], ...]:
        """Return the groups whose virtual IPs nobody answers for."""
        return tuple(key for key, standing in self.standings.items() if standing.master is None)

    def refused_ipv6(self) -> dict[str, tuple[Vid, ...]]:
        """Return the applications whose IPv6 packets are refused, and the VIDs that refuse them."""
        found: dict[str, tuple[Vid, ...]] = {}
        for app, sides in self.places.items():
            steps = (one.parts or (one,) for places in sides.values() for one in places)
            vids = {one.vid for step in steps for one in step if one.ipv6 is False and one.vid is not None}
            if vids:
                found[app] = tuple(sorted(vids))
        return found


class Oracle:
    """Says what failures come to at a site; what was worked out before is not worked out again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._choices: dict[_Reach, tuple[Place, ...]] = {}
        self.healthy = self.outcome(())

    def outcome(self, failed: Iterable[Failure]) -> Outcome:
        """Return what some failures come to."""
        condition = Condition(self.site, failed)
        standings = condition.standings()
        sides = {role: self._side(condition, standings, role) for role in self.site.roles}
        places = {
            app: {role: found[number] for role, found in sides.items()}
            for number, app in enumerate(self.site.applications)
        }
        return Outcome(tuple(failed), standings, places)

    def fate(self, outcome: Outcome, app: str) -> Fate:
        """Return what becomes of an application; where files are missing, nowhere means that it is not known."""
        places = outcome.places[app]
        if any(place.vid is None for some in places.values() for place in some):
            return Fate.NOWHERE if self.site.whole else Fate.UNKNOWN
        return Fate.STAYS if places == self.healthy.places[app] else Fate.MOVES

    def _side(self, condition: Condition, standings: Standings, role: Role) -> list[Places]:
        """Return the places of every application on a side, in order."""
        seen: dict[_Reach, list[NodeName]] = {}
        for gateway in self.site.gateways:
            if gateway.role is role and _is_reached(condition, gateway):
                seen.setdefault(_reach(condition, standings, gateway), []).append(gateway.name)
        if not seen:
            return [(NOWHERE,)] * len(self.site.applications)
        if len(seen) == 1:
            return [(place,) for place in self._chosen(next(iter(seen)))]
        by_view = [(tuple(names), self._chosen(reach)) for reach, names in seen.items()]
        return [_joined([(names, found[number]) for names, found in by_view]) for number in range(len(by_view[0][1]))]

    def _chosen(self, reach: _Reach) -> tuple[Place, ...]:
        found = self._choices.get(reach)
        if found is None:
            ways = {way.vid: way for way in reach}
            chosen = {name: best_step(app.steps, frozenset(ways)) for name, app in self.site.applications.items()}
            found = tuple(
                NOWHERE if step is None else _place(step, ways, steered=app not in self.site.ipv4_only)
                for app, step in chosen.items()
            )
            self._choices[reach] = found
        return found


def _place(step: Step, ways: Mapping[Vid, _Way], *, steered: bool) -> Place:
    """Return where a step goes of which something works; `steered`: IPv6 packets may belong to it."""
    parts = tuple(
        Part(vid, ways[vid].via, float(share), ways[vid].ipv6 if steered else None)
        for vid, share in wanted(step, ways).items()
    )
    first = parts[0]
    return Place(first.vid, first.via, (), parts if len(step) > 1 else (), _all_of(one.ipv6 for one in parts))


def _all_of(ways: Iterable[bool | None]) -> bool | None:
    """Return what is to be said of IPv6 where each of some ways may be taken: the worst."""
    found = set(ways)
    return False if False in found else None if None in found else True


def _is_reached(condition: Condition, gateway: Gateway) -> bool:
    """Whether packets of its LANs can come to a gateway at all."""
    return any(condition.has_leg(gateway, device) for device in gateway.lans or gateway.devices)


def _reach(condition: Condition, standings: Standings, gateway: Gateway) -> _Reach:
    """Return what works as a gateway sees it: it must hear the Master, or have an answer of a plain gateway."""
    found: set[_Way] = set()
    members = {one.name: one.members for one in condition.site.gateways}
    for group, member in gateway.members.items():
        if group.family is not Family.IPV4 or not condition.has_leg(gateway, member.device):
            continue
        if member.upstream is not None:
            if condition.answers(member.upstream):
                found.add(_Way(group.vid, member.upstream, member.ipv6))
            continue
        standing = standings[gateway.role, group]
        if standing.via is not None and standing.master is not None:
            masters = (standing.master, *standing.rivals)
            ipv6 = _all_of(members[one][group].ipv6 for one in masters) if gateway.steers_ipv6 else None
            found.add(_Way(group.vid, standing.via, ipv6))
    return frozenset(found)


def _joined(views: list[tuple[tuple[NodeName, ...], Place]]) -> Places:
    """Return the places that gateways of one side differ in, the same ones together."""
    found: dict[Place, tuple[NodeName, ...]] = {}
    for names, place in views:
        found[place] = (*found.get(place, ()), *names)
    if len(found) == 1:
        return tuple(found)
    return tuple(place._replace(gateways=names) for place, names in found.items())
