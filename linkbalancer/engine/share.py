"""What one process does for all of its applications: each decides for itself, and the kernel is asked and told once.

A process of a thousand applications that went look by look and move by move would take a second for what is one look
and one transaction (mission A1, `processes` in the configuration).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant, earliest
from linkbalancer.engine import application
from linkbalancer.engine.application import (
    AGAIN,
    Application,
    ConnectionLost,
    Release,
    Report,
    Steer,
    Steered,
    TableReceived,
    Tick,
    Verified,
    Verify,
)
from linkbalancer.engine.sweeping import Inspect, Inspected, Remains, Sweep, Sweeping
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.balance import Aim

PACE: Duration = 2 * MILLISECOND
"""The kernel is asked again by all processes together so often at most: two thousand of them would eat a core."""


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the kernel for the rules and tables of VIDs, and for where applications point.

    `afresh`: what this process has read or written before does not count.
    """

    vids: frozenset[Vid]
    app_ids: tuple[int, ...]
    afresh: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The kernel's answer: what is missing for a VID (absent: nothing), and the applications that point anywhere."""

    missing: Mapping[Vid, str]
    pointing: Mapping[int, Aim | None]


@dataclass(frozen=True, slots=True)
class Point:
    """Point applications, all in one transaction."""

    wanted: Mapping[int, Aim]


@dataclass(frozen=True, slots=True)
class Pointed:
    """The kernel took a transaction whole, or refused it whole."""

    wanted: Mapping[int, Aim]
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the agent where applications go, by their names."""

    reports: tuple[tuple[str, Report], ...]


Event: TypeAlias = TableReceived | ConnectionLost | Tick | Seen | Pointed | Inspected
Effect: TypeAlias = Look | Point | Tell | Sweep | Inspect | Remains


class Share:
    """The machine of one process; `applications` are the machines of its applications by their names.

    Args:
        applications: those of this process, at least one.
        processes: how many processes the gateway has for its applications.
    """

    def __init__(self, applications: Iterable[Configured], processes: int = 1) -> None:
        again = max(AGAIN, processes * PACE)
        self.applications = {one.name: Application(one, again) for one in applications}
        self._session: int | None = None
        self._asking: dict[str, Verify] = {}
        self._names: dict[int, str] = {}
        self._sweeping = Sweeping()

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what the process must do: first what packets wait for, then what is to be told."""
        match event:
            case TableReceived(table):
                afresh, self._session = table.session != self._session, table.session
                return self._everybody(now, event, afresh=afresh)
            case ConnectionLost():
                return self._everybody(now, event, afresh=True)
            case Tick():
                return self._all(now, [(name, event) for name in self._due(now)], afresh=True)
            case Inspected():
                told = self._sweeping.inspected(now, event)
                return [*self._all(now, [], afresh=False), *told]
            case Seen(missing, pointing):
                asked, self._asking = self._asking, {}
                return self._all(
                    now, [(name, _answer(one, missing, pointing)) for name, one in asked.items()], afresh=False
                )
            case Pointed():
                return self._pointed(now, event)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """Return when the kernel is to be asked again; None while there is no agent to follow."""
        soonest = earliest(*(one.deadline() for one in self.applications.values()))
        return None if soonest is None else earliest(soonest, self._sweeping.deadline())

    def _everybody(self, now: Instant, event: application.Event, *, afresh: bool) -> list[Effect]:
        """Hand an event to all; a new agent may have written to the map."""
        self._asking = {}
        return self._all(now, [(name, event) for name in self.applications], afresh=afresh)

    def name_of(self, app_id: int) -> str:
        """Return which application it pointed somewhere by this id."""
        return self._names[app_id]

    def _due(self, now: Instant) -> list[str]:
        deadlines = [(name, one.deadline()) for name, one in self.applications.items()]
        return [name for name, due in deadlines if due is not None and due <= now]

    def _pointed(self, now: Instant, event: Pointed) -> list[Effect]:
        """Tell the applications; of targets that were refused together each is tried alone, for one spoils all."""
        targets = list(dict.fromkeys(aim.to for aim in event.wanted.values()))
        if not event.ok and len(targets) > 1:
            return [Point({app: aim for app, aim in event.wanted.items() if aim.to == to}) for to in targets]
        told = [(self._names[app_id], Steered(aim, event.ok, event.why)) for app_id, aim in event.wanted.items()]
        return self._all(now, told, afresh=False)

    def _all(self, now: Instant, events: Sequence[tuple[str, application.Event]], *, afresh: bool) -> list[Effect]:
        """Hand events to the applications' machines, and put together what they want."""
        wanted: dict[int, Aim] = {}
        reports: list[tuple[str, Report]] = []
        for name, event in events:
            for effect in self.applications[name].handle(now, event):
                match effect:
                    case Verify():
                        self._asking[name] = effect
                    case Steer(app_id, aim):
                        wanted[app_id], self._names[app_id] = aim, name
                    case Release(app_id, vids):
                        self._names[app_id] = name
                        self._sweeping.release(app_id, vids)
                    case Report():
                        reports.append((name, effect))
                    case _:
                        assert_never(effect)
        found: list[Effect] = [Point(wanted)] if wanted else []
        if self._asking:
            asked = self._asking.values()
            found.append(
                Look(frozenset(vid for one in asked for vid in one.vids), tuple(one.app_id for one in asked), afresh)
            )
        if reports:
            found.append(Tell(tuple(reports)))
        if wanted or self._asking:
            return found  # packets make entries by where their application points: that comes first
        return [*found, *self._sweeping.sweep(now), *self._sweeping.inspect(now, self._may_stay)]

    def _may_stay(self, vid: Vid, app_id: int) -> bool:
        return self.applications[self._names[app_id]].may_stay(vid)


def _answer(asked: Verify, missing: Mapping[Vid, str], pointing: Mapping[int, Aim | None]) -> Verified:
    """Return what the kernel's answer says to one application."""
    own = {vid: missing[vid] for vid in asked.vids if missing.get(vid)}
    return Verified(asked.target, own, pointing.get(asked.app_id))
