"""What one application process does: follow the VIDs of its application's list, and steer it to the best that works.

It leaves a step only when nothing of it works, at once, and returns to a preferred one when something of that has
worked for long enough (mission A3); which of a balanced step's VIDs a flow takes is the kernel's to find
(`routing.balance`). What becomes of running flows then is its application's manner (`routing.handover`): the form in
which it points there says it to the kernel, and a drain is a form that ends at its deadline. Before it points anywhere
it has the kernel asked whether the VIDs' rules and tables are there. It refuses to steer by a table whose agent
has another definition of its application: one of the two is of an older configuration.
"""

from typing import assert_never

from linkbalancer.clock import SECOND, Duration, Instant, earliest, exactly
from linkbalancer.engine.applicationwords import (
    ConnectionLost,
    Effect,
    Event,
    Release,
    Report,
    Steer,
    Steered,
    TableReceived,
    Tick,
    Verified,
    Verify,
    divided,
)
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application as Configured
from linkbalancer.routing.application import Step
from linkbalancer.routing.balance import Aim, Pool, Target, target, vids_of
from linkbalancer.routing.choice import best_step, good
from linkbalancer.routing.handover import Form

__all__ = [
    "AGAIN",
    "Application",
    "ConnectionLost",
    "Effect",
    "Event",
    "Release",
    "Report",
    "Steer",
    "Steered",
    "TableReceived",
    "Tick",
    "Verified",
    "Verify",
    "in_words",
]

AGAIN: Duration = 1 * SECOND
"""How often the kernel is asked whether it still holds what this process wrote, at most."""

_STAYING = frozenset({Form.KEEP, Form.HOLD})
"""The forms in which flows stay on a VID that works."""


class Application:
    """The machine of one application; the kernel is asked `again` so long after the last time.

    `place` is what the kernel's map holds for it as far as known, `reason` why that is so, in words.
    """

    def __init__(self, application: Configured, again: Duration = AGAIN) -> None:
        self.name = application.name
        self.place: Target | None = None
        self.reason = "waiting for the agent's first table"
        self._again = again
        self._steps, self._sticky = application.steps, application.sticky
        self._order = application.vids
        self._manner, self._good_for = application.manner, application.good_for
        self._level = "" if application.sla is None else str(application.sla)
        self._definition = application.definition
        self._table: Table | None = None
        self._aim: Aim | None = None
        self._working_since: dict[Vid, Instant] = {}
        self._broken: dict[Vid, str] = {}
        self._awaited: Target | None = None
        self._again_at: Instant | None = None
        self._looked_at: Instant = 0
        self._drained_at: Instant | None = None
        self._begun = False
        self._reported: Report | None = None

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return, in order, what the process must do."""
        match event:
            case TableReceived(table):
                return self._receive(now, table)
            case Verified():
                return self._verified(now, event)
            case Steered():
                return self._steered(now, event)
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
        """Return when to act without an event, at the latest to ask the kernel again; None while there is no agent."""
        if self._table is None:
            return None
        waiting = self._waiting()
        ends = [since + self._good_for for vid, since in self._working_since.items() if vid in waiting]
        # What was due at the last look was decided then; where that was refused, it is tried again with the next one.
        return earliest(self._again_at, *(end for end in (*ends, self._drained_at or 0) if end > self._looked_at))

    @property
    def vid(self) -> Vid | None:
        """The VID that stands for its place: of a balanced step the first that works."""
        return None if self.place is None else self._alive(self.place)[0]

    def _receive(self, now: Instant, table: Table) -> list[Effect]:
        old = self._table
        if old is not None and old.session == table.session and old.sequence >= table.sequence:
            return []  # the newest wins
        self._table = table
        # Those of a balanced step are left at once, without a change of where the application points.
        died = self._working_since.keys() - table.working.union(() if isinstance(self.place, Pool) else {self.place})
        self._working_since = {vid: self._working_since.get(vid, now) for vid in table.working}
        # Of those that another gateway is Master of now, translated flows have no way from here: later ones are others.
        gone = died if old is None else died | ((old.here - table.here) & table.working)
        begun = gone and self._begun and self.name in table.applications
        released = [Release(table.applications[self.name], frozenset(gone))] if begun else []
        return [*self._follow(now), *released]

    def _follow(self, now: Instant) -> list[Effect]:
        """Decide by the present table, and ask the kernel about the decision before it is carried out."""
        if (table := self._table) is None:
            return []
        self._looked_at, self._again_at = now, now + self._again
        self._awaited = None
        app_id = table.applications.get(self.name)
        if app_id is None:
            return self._say("not steered: the agent knows no application of this name")
        if table.definitions[self.name] != self._definition:
            return self._say("not steered: the agent's configuration has other VIDs for it than this process")
        return self._ask(now, table, app_id)

    def _ask(self, now: Instant, table: Table, app_id: int) -> list[Effect]:
        to, self.reason = self._decide(now, table)
        self._awaited = to
        return self._say(self.reason) if to is None else [Verify(to, self._alive(to), app_id)]

    def _decide(self, now: Instant, table: Table) -> tuple[Target | None, str]:
        """Return what to point at, None when the kernel has none of its list, and the reason."""
        working = self._working(table)
        breaking = frozenset(table.breaking(self._level) if self._level else ())
        kept = good(self._order, working, breaking)
        step = best_step(self._steps, kept.difference(self._waiting(now))) or best_step(self._steps, kept)
        if step is not None:
            return target(step, self._sticky), self._because(table, step, kept, breaking)
        blames = "; ".join(self._blame(table, other) for other in self._order)
        left = [one for one in self._steps if any(member.vid not in self._broken for member in one)]
        if self.place in [target(one, self._sticky) for one in left]:
            return self.place, f"nothing of its list works, stays where it is: {blames}"
        if left:
            first = target(left[0], self._sticky)
            return first, f"nothing of its list works, its first choice answers unreachable: {blames}"
        return None, f"the kernel holds nothing to point at: {blames}"

    def _because(self, table: Table, step: Step, kept: frozenset[Vid], breaking: frozenset[Vid]) -> str:
        """Return why it is this step: what is wrong with those before it, and with members of its own."""
        working = self._working(table)
        before = [member.vid for one in self._steps[: self._steps.index(step)] for member in one]
        told = [divided(step, working)] if len(step) > 1 else []
        told += [self._shaky(one) if one in kept else self._blame(table, one) for one in before]
        told += [self._blame(table, member.vid) for member in step if member.vid not in working]
        worse = [self._blame(table, member.vid) for member in step if member.vid in working & breaking]
        if worse and kept <= breaking:
            worse[-1] += ", and nothing that works keeps it"
        return "; ".join([*told, *worse]) or "its first choice works"

    def _working(self, table: Table) -> frozenset[Vid]:
        """Return the VIDs that work, and that the kernel has."""
        return table.working.difference(self._broken)

    def _alive(self, to: Target) -> tuple[Vid, ...]:
        """Return the VIDs of a target that work; where none is known to, those that the kernel has; else all."""
        vids = vids_of(to)
        known = frozenset[Vid]() if self._table is None else self._working(self._table)
        working = tuple(vid for vid in vids if vid in known)
        return working or tuple(vid for vid in vids if vid not in self._broken) or vids

    def _waiting(self, now: Instant | None = None) -> frozenset[Vid]:
        """Return the VIDs that have not worked for long enough to leave one for them that works.

        Those of the balanced step where it is wait for nothing: the kernel gives them their share at once.
        """
        table, here = self._table, frozenset(() if self.place is None else vids_of(self.place))
        if not self._good_for or table is None or here.isdisjoint(self._working(table)):
            return frozenset()
        return frozenset(
            vid
            for vid, since in self._working_since.items()
            if vid not in here and (now is None or now < since + self._good_for)
        )

    def _shaky(self, vid: Vid) -> str:
        return f"VID {vid}: works again, and is taken when it has for {exactly(self._good_for)}"

    def _blame(self, table: Table, vid: Vid) -> str:
        if vid in self._broken:
            return f"VID {vid}: {self._broken[vid]}"
        entry = next((entry for entry in table.vids if entry.vid == vid), None)
        if entry is None:
            return f"VID {vid}: no group of this gateway"
        broken = dict(entry.breaks).get(self._level) if entry.works else None
        if broken is not None:
            return f"VID {vid}: breaks its sla: {broken or 'see its link'}"
        return f"VID {vid}: {entry.reason}"

    def _verified(self, now: Instant, answer: Verified) -> list[Effect]:
        table, to, pointing = self._table, answer.target, answer.pointing
        if to != self._awaited or table is None:
            return []  # an answer to an older question
        known, self._aim = self.place, pointing
        self.place = None if pointing is None else pointing.to
        app_id = table.applications[self.name]
        if answer.missing:
            self._broken |= answer.missing
            return self._ask(now, table, app_id)
        if self.place != known and self._decide(now, table)[0] != to:
            return self._ask(now, table, app_id)  # it is where nobody knew it to be, and may have to stay
        aim = self._wanted(now, table, to)
        if pointing != aim:
            return [Steer(app_id, aim)]
        self._awaited = None
        return [*self._say(self.reason), *self._begin(table, aim, self.place)]

    def _wanted(self, now: Instant, table: Table, to: Target) -> Aim:
        """Return how to point at a target, by where the application points now; begin to wait for a drain's end."""
        aim, manner = self._aim, self._manner
        if aim is None or (aim.to == to and aim.form not in manner.forms):
            return Aim(to, manner.resting)
        if aim.to != to:
            return Aim(to, manner.form(leaves_working=not self._working(table).isdisjoint(vids_of(aim.to))))
        if manner.stay is None or aim.form not in _STAYING:
            self._drained_at = None
            return aim
        if self._drained_at is None:
            self._drained_at = now + manner.stay
        return aim if now < self._drained_at else Aim(to, Form.MOVE)

    def _steered(self, now: Instant, answer: Steered) -> list[Effect]:
        aim = answer.aim
        if aim.to == self._awaited:
            self._awaited = None
        if not answer.ok:
            return self._say(f"the kernel refused to point it at {in_words(aim.to)}: {answer.why}")
        former, self.place, self._aim = self.place, aim.to, aim
        stay = self._manner.stay
        self._drained_at = None if stay is None or aim.form not in _STAYING else now + stay
        if self._table is None:
            return []
        self._begun = former is None  # nobody has steered it: there is nothing to let go
        return [*self._say(self.reason), *self._begin(self._table, aim, former)]

    def _begin(self, table: Table, aim: Aim, former: Target | None) -> list[Effect]:
        """Let go of what may not stay where it is, once for each aim: also what a predecessor of this process left."""
        if self._begun:
            return []
        self._begun = True
        others = {*self._order, *(() if former is None else vids_of(former))}.difference(vids_of(aim.to))
        if isinstance(aim.to, Pool):
            others |= set(aim.to.vids) - table.working
        if aim.form in _STAYING:
            others -= table.working
        return [Release(table.applications[self.name], frozenset(others))] if others else []

    def may_stay(self, vid: Vid) -> bool:
        """Return whether its translated flows may be on a VID, for all that is known by now."""
        if self._table is None or self._aim is None:
            return True
        to, works, here = self._aim.to, vid in self._table.working, vid in self._table.here
        at_home = vid in vids_of(to) and (works or not isinstance(to, Pool))
        return (here or not works) and (at_home or (works and self._aim.form in _STAYING))  # else by another's address

    def _say(self, reason: str) -> list[Effect]:
        """Report what is new: another place, another reason, another table."""
        self.reason = reason
        if self._table is None:
            return []
        report = Report(self.vid, self._table.session, self._table.sequence, reason)
        if report == self._reported:
            return []
        self._reported = report
        return [report]


def in_words(place: Target) -> str:
    """Name a VID, or the VIDs of a balanced step."""
    return f"VIDs {place}" if isinstance(place, Pool) else f"VID {place}"
