"""The verbs `drain` and `resume`: planned maintenance, tried before it counts, and remembered.

VRRP does not tell whether another gateway would take a VID, so a drain is tried: the agent hands its masterships over
as for any fault, keeping what it forwards and answers for until a successor is heard. If none is, the drain is taken
back, unless it is forced. What counts is on disk before the caller is told; the agent is always told the whole set, so
that saying it again, to the same agent or a new one, does no harm.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon import logs
from linkbalancer.daemon.deeds import Deeds
from linkbalancer.daemon.drainfile import DrainFile, is_of
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.overview import UNAVAILABLE
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Argument, Verb
from linkbalancer.engine.drain import LIMIT, as_recorded, is_text
from linkbalancer.engine.outlook import Outlook, called, followed, is_known, kept, offers, outlook, resolve
from linkbalancer.links import GroupId, Vid

Entry: TypeAlias = dict[str, Any]
Status: TypeAlias = dict[str, Any]

LOOK: Duration = 50 * MILLISECOND
"""How often it is looked whether everything has moved."""

MARGIN: Duration = 1 * SECOND
"""How long a handover may take beyond two advertisement intervals; a Backup needs less than one."""

AGAIN: Duration = 1 * SECOND
"""How often an agent is told that could not be told what is drained."""


@dataclass(slots=True)
class _Trial:
    """A drain under way: it counts once every VID of `moving` is another gateway's."""

    request: Request
    entry: Entry
    entries: list[Entry]
    outlook: Outlook
    began: Instant
    until: Instant
    force: bool
    look_at: Instant | None

    def unserved(self, status: Status) -> list[Vid | str]:
        """Return the VIDs that no other gateway of this LAN has taken."""
        return [GroupId.read(vid).name for vid in kept(status, self.outlook.moving)]


class Draining:
    """What is drained at this gateway; asks and tells the agent."""

    def __init__(
        self,
        loop: Loop,
        agent: Questions,
        file: DrainFile,
        log: logs.Log,
        changed: Callable[[], None],
        *,
        deeds: Deeds | None = None,
    ) -> None:
        self._loop, self._agent, self._file, self._log, self._changed = loop, agent, file, log, changed
        self._deeds = deeds or Deeds()
        self._entries: list[Entry] = []
        self._trial: _Trial | None = None
        self._busy = False
        self._tell_at: Instant | None = loop.clock()
        self.problem: str | None = None
        try:
            self._entries = file.read()
        except (OSError, ValueError) as error:
            self.problem = f"what was drained cannot be read, so nothing is: {file.path}: {error}"
            log.warning("nothing is drained", why=self.problem)
        loop.watch(self)

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs."""
        what = "a link's name, a VID (`1` or `vid 1`), or this gateway's name"
        return {
            "drain": Verb(
                take=self._drain,
                about="Takes a link, a VID or this gateway out of service once another gateway has taken over.",
                arguments={
                    "what": Argument("text", what, required=True),
                    "reason": Argument("text", "why, for everybody who looks"),
                    "force": Argument("switch", "also where no other gateway takes over"),
                    "preview": Argument("switch", "only say what would move"),
                },
                changes=True,
            ),
            "resume": Verb(
                take=self._resume,
                about="Puts back into service what was drained.",
                arguments={
                    "what": Argument("text", f"{what}, as it was drained"),
                    "all": Argument("switch", "everything that is drained"),
                },
                changes=True,
            ),
        }

    def part(self, status: Status) -> dict[str, Any]:
        """Return the entries for a status: `known` says whether this gateway has what an entry names."""
        notices = [*status["notices"], *([self.problem] if self.problem else [])]
        return {"notices": notices, "drained": [{**one, "known": is_known(status, one)} for one in self._entries]}

    # -- deadlines (the loop asks) -------------------------------------------------------------------------------------

    def deadline(self) -> Instant | None:
        """Return when to look at a trial, or to tell the agent again."""
        return self._trial.look_at if self._trial is not None else self._tell_at

    def expire(self, _now: Instant) -> None:
        """Look, or tell."""
        if self._trial is not None:
            self._trial.look_at = None
            self._agent.ask("drained", partial(self._looked, self._trial), drained=self._trial.entries)
        else:
            self._tell_at = None
            self._agent.ask("drained", partial(self._told, self._entries), drained=self._entries)

    def _told(self, entries: list[Entry], answer: Status | None, _why: str) -> None:
        if answer is None or entries is not self._entries:  # another agent may have heard the older word last
            self._tell_at = self._loop.clock() + AGAIN

    # -- drain ---------------------------------------------------------------------------------------------------------

    def _drain(self, _now: Instant, request: Request) -> None:
        if self._busy and not request.arguments.get("preview"):
            request.refuse("busy", "another drain is under way", "wait until it is over")
            return
        reason = request.arguments.get("reason") or ""
        if not is_text(reason):
            request.refuse("usage", "the reason is too long, or not printable", "say it in one line of 200 characters")
            return
        self._busy = self._busy or not request.arguments.get("preview")
        self._agent.ask("status", partial(self._begin, request))

    def _begin(self, request: Request, status: Status | None, why: str) -> None:
        arguments = request.arguments
        preview = bool(arguments.get("preview"))
        if status is None:
            kind, remedy = UNAVAILABLE
            self._refuse(request, kind, f"the agent does not answer: {why}", remedy)
            return
        found = resolve(arguments["what"], offers(status))
        if isinstance(found, str):
            there_is = ", ".join(map(called, offers(status)))
            self._refuse(request, "usage", found, f"there are {there_is}")
            return
        kind, name = found
        seen = outlook(status, kind, name)
        if preview:
            answer = {"kind": kind, "name": name, "lines": seen.lines, "alone": seen.alone, "moving": seen.moving}
            request.answer(answer)
            return
        force = bool(arguments.get("force"))
        if seen.alone and not force:
            self._refuse(request, "refused", "; ".join(seen.lines), "mend the other gateway first, or force it")
            return
        entry = {
            "kind": kind,
            "name": name,
            "who": request.who,
            "reason": arguments.get("reason") or "",
            "at": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            "forced": force,
        }
        longest = max((status["groups"][vid]["advert_interval_ms"] for vid in seen.moving), default=0) * MILLISECOND
        self._try(request, entry, seen, 2 * longest + MARGIN)

    def _try(self, request: Request, entry: Entry, seen: Outlook, patience: Duration) -> None:
        """Begin a trial, once it is sure that it could be remembered."""
        entries = [one for one in self._entries if not is_of(one, entry["kind"], entry["name"])] + [entry]
        if len(entries) > LIMIT:
            self._refuse(request, "refused", f"{LIMIT} entries are drained already", "resume what is no longer there")
            return
        try:
            self._file.prepare(entries)
        except OSError as error:
            self._refuse(request, "refused", f"it could not be remembered: {error.strerror}", "make room, then again")
            return
        now = self._loop.clock()
        self._trial = _Trial(request, entry, entries, seen, now, now + patience, entry["forced"], now)

    def _looked(self, trial: _Trial, answer: Status | None, why: str) -> None:
        if answer is None:
            self._judge(trial, None, why)
        else:
            self._agent.ask("status", partial(self._judge, trial))

    def _judge(self, trial: _Trial, status: Status | None, why: str) -> None:
        """Conclude a trial where it is decided, else look again."""
        now = self._loop.clock()
        left = list(trial.outlook.moving) if status is None else kept(status, trial.outlook.moving)
        late = now >= trial.until
        if status is not None and not left and (late or not followed(status, trial.outlook.moving)):
            self._settle(trial, status)
        elif not late:
            trial.look_at = now + LOOK
        elif trial.force and status is not None:
            self._settle(trial, status)
        else:
            what = f"no other gateway took VID {', '.join(left)}" if status is not None else f"no agent answers: {why}"
            self._undo(trial, f"{what}; it is taken back")

    def _settle(self, trial: _Trial, status: Status) -> None:
        try:
            self._file.commit()
        except OSError as error:
            self._undo(trial, f"it could not be remembered: {error.strerror}; it is taken back")
            return
        self._entries, self.problem, now = trial.entries, None, self._loop.clock()
        self._log.warning("drained", subject=trial.entry["name"], who=trial.entry["who"], text=trial.entry["reason"])
        moved = [
            {"vid": GroupId.read(vid).name, "to": status["groups"][vid]["master"]}
            for vid in trial.outlook.moving
            if status["groups"].get(vid, {}).get("master") not in {None, "self"}
        ]
        answer = {
            "drained": trial.entry,
            "moved": moved,
            "unserved": trial.unserved(status),
            "following": [GroupId.read(vid).name for vid in followed(status, trial.outlook.moving)],
            "took_ms": (now - trial.began) // MILLISECOND,
        }
        self._deeds.drained(as_recorded(trial.entry), trial.unserved(status), now - trial.began)
        self._finish()
        self._tell_at = now  # an agent may have taken over meanwhile, which read the disk before
        trial.request.answer(answer)

    def _undo(self, trial: _Trial, why: str) -> None:
        self._deeds.not_drained(as_recorded(trial.entry), why)
        self._finish()
        self._tell_at = self._loop.clock()
        trial.request.refuse("refused", why, "mend the other gateway first, or force it")

    def _refuse(self, request: Request, kind: str, what: str, remedy: str) -> None:
        if not request.arguments.get("preview"):
            self._finish()
        request.refuse(kind, what, remedy)

    def _finish(self) -> None:
        self._trial, self._busy = None, False
        self._changed()

    # -- resume --------------------------------------------------------------------------------------------------------

    def _resume(self, _now: Instant, request: Request) -> None:
        what, everything = request.arguments.get("what"), request.arguments.get("all")
        if self._busy:
            request.refuse("busy", "a drain is under way", "wait until it is over")
        elif bool(what) == bool(everything):
            request.refuse("usage", "say what is to be resumed, or all", "one of the two")
        else:
            chosen = list(self._entries)
            if what:
                found = resolve(what, [(one["kind"], one["name"]) for one in self._entries])
                if isinstance(found, str):
                    names = ", ".join(called((one["kind"], one["name"])) for one in self._entries) or "nothing"
                    request.refuse("usage", f"{found} that is drained", f"drained: {names}")
                    return
                chosen = [one for one in self._entries if is_of(one, *found)]
            self._release(request, chosen)

    def _release(self, request: Request, chosen: Sequence[Entry]) -> None:
        left = [one for one in self._entries if one not in chosen]
        try:
            self._file.prepare(left)
            self._file.commit()
        except OSError as error:
            request.refuse("refused", f"it could not be remembered: {error.strerror}", "make room, then again")
            return
        self._entries, self.problem = left, None
        for one in chosen:
            self._log.warning("resumed", subject=one["name"], who=request.who)

        def told(answer: Status | None, why: str) -> None:
            self._changed()
            if answer is None:
                self._tell_at = self._loop.clock() + AGAIN
                request.refuse(
                    "unavailable", f"it is written down, but the agent does not answer: {why}", "see the log"
                )
            else:
                request.answer({"resumed": list(chosen), "drained": left})

        self._agent.ask("drained", told, drained=left)
