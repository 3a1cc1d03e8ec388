"""What one application process does: follow the VIDs of its application's list, and steer it to the best that works.

It leaves a VID only when that does not work, and returns to a preferred one when that works again (mission A3). Before
it points anywhere it has the kernel asked whether the VID's rule and table are there. It refuses to steer by a table
whose agent has another definition of its application: one of the two is of an older configuration.
"""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.choice import choose

AGAIN: Duration = 1 * SECOND
"""How often the kernel is asked whether it still holds what this process wrote, at most."""


@dataclass(frozen=True, slots=True)
class TableReceived:
    """The agent's newest table."""

    table: Table


@dataclass(frozen=True, slots=True)
class Verified:
    """The kernel's answer on a VID: rule and table are there (`ok`), and where the application points now."""

    vid: Vid
    ok: bool
    why: str = ""
    pointing: Vid | None = None


@dataclass(frozen=True, slots=True)
class Steered:
    """The kernel took the change, or refused it."""

    vid: Vid
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The agent's end of the feed closed."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event: TypeAlias = TableReceived | Verified | Steered | ConnectionLost | Tick


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask the kernel for a VID's rule and table, and for where this application points."""

    vid: Vid
    app_id: int


@dataclass(frozen=True, slots=True)
class Steer:
    """Point the application at a VID."""

    app_id: int
    vid: Vid


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the agent where the application goes (None: this process points it nowhere), by which table, and why."""

    vid: Vid | None
    session: int
    sequence: int
    reason: str


Effect: TypeAlias = Verify | Steer | Report


class Application:
    """The machine of one application; the kernel is asked `again` so long after the last time.

    `place` is the VID that the kernel's map holds for it as far as known, `reason` why that is so, in words.
    """

    def __init__(self, application: Configured, again: Duration = AGAIN) -> None:
        self.name = application.name
        self.place: Vid | None = None
        self.reason = "waiting for the agent's first table"
        self._again = again
        self._steps = application.steps
        self._order = application.vids
        self._definition = application.definition
        self._table: Table | None = None
        self._broken: dict[Vid, str] = {}
        self._awaited: Vid | None = None
        self._again_at: Instant | None = None
        self._reported: Report | None = None

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return, in order, what the process must do."""
        match event:
            case TableReceived(table):
                return self._receive(now, table)
            case Verified(vid, ok, why, pointing):
                return self._verified(vid, ok=ok, why=why, pointing=pointing)
            case Steered(vid, ok, why):
                return self._steered(vid, ok=ok, why=why)
            case ConnectionLost():
                self._table = None
                self._again_at = self._awaited = self._reported = None
                return []
            case Tick():
                self._broken.clear()
                return self._follow(now)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """Return when the kernel is to be asked again; None while there is no agent to follow."""
        return self._again_at

    def _receive(self, now: Instant, table: Table) -> list[Effect]:
        old = self._table
        if old is not None and old.session == table.session and old.sequence >= table.sequence:
            return []  # the newest wins
        self._table = table
        return self._follow(now)

    def _follow(self, now: Instant) -> list[Effect]:
        """Decide by the present table, and ask the kernel about the decision before it is carried out."""
        table = self._table
        if table is None:
            return []
        self._again_at = now + self._again
        self._awaited = None
        app_id = table.applications.get(self.name)
        if app_id is None:
            return self._say("not steered: the agent knows no application of this name")
        if table.definitions[self.name] != self._definition:
            return self._say("not steered: the agent's configuration has other VIDs for it than this process")
        return self._ask(table, app_id)

    def _ask(self, table: Table, app_id: int) -> list[Effect]:
        self._awaited, self.reason = self._decide(table)
        return self._say(self.reason) if self._awaited is None else [Verify(self._awaited, app_id)]

    def _decide(self, table: Table) -> tuple[Vid | None, str]:
        """Return the VID to point at, None when the kernel has none of its list, and the reason."""
        working = table.working.difference(self._broken)
        vid = choose(self._steps, working)
        if vid is not None:
            passed = [
                self._blame(table, other) for other in self._order[: self._order.index(vid)] if other not in working
            ]
            return vid, "; ".join(passed) or "its first choice works"
        blames = "; ".join(self._blame(table, other) for other in self._order)
        left = [other for other in self._order if other not in self._broken]
        if self.place in left:
            return self.place, f"nothing of its list works, stays where it is: {blames}"
        if left:
            return left[0], f"nothing of its list works, its first choice answers unreachable: {blames}"
        return None, f"the kernel holds nothing to point at: {blames}"

    def _blame(self, table: Table, vid: Vid) -> str:
        if vid in self._broken:
            return f"VID {vid}: {self._broken[vid]}"
        reason = next((entry.reason for entry in table.vids if entry.vid == vid), "no group of this gateway")
        return f"VID {vid}: {reason}"

    def _verified(self, vid: Vid, *, ok: bool, why: str, pointing: Vid | None) -> list[Effect]:
        table = self._table
        if vid != self._awaited or table is None:
            return []  # an answer to an older question
        self.place = pointing
        if not ok:
            self._broken[vid] = why
            return self._ask(table, table.applications[self.name])
        if pointing != vid:
            return [Steer(table.applications[self.name], vid)]
        self._awaited = None
        return self._say(self.reason)

    def _steered(self, vid: Vid, *, ok: bool, why: str) -> list[Effect]:
        if vid == self._awaited:
            self._awaited = None
        if ok:
            self.place = vid
            return self._say(self.reason)
        return self._say(f"the kernel refused to point it at VID {vid}: {why}")

    def _say(self, reason: str) -> list[Effect]:
        """Report what is new: another place, another reason, another table."""
        self.reason = reason
        if self._table is None:
            return []
        report = Report(self.place, self._table.session, self._table.sequence, reason)
        if report == self._reported:
            return []
        self._reported = report
        return [report]
