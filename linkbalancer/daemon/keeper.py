"""The keeper: which configuration is in force, what becomes of it, and who may change that (in the api's process).

It asks for reloads and hears their outcome, marks each configuration good or to be confirmed, takes back what is not
confirmed in time or costs a link, and watches whether the files are edited. What it must not forget is in the store: a
killed keeper's successor goes on where it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon import catalogue
from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.catalogue import who
from linkbalancer.daemon.configurations import Configurations, Entry
from linkbalancer.daemon.deeds import Deeds
from linkbalancer.daemon.drift import Drift
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.pen import Pen
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.trial import LONGEST_S, SHORTEST_S, Trial, graces
from linkbalancer.daemon.verbs import Argument, Verb
from linkbalancer.daemon.wishes import Wishes, tell

AGAIN: Duration = 10 * SECOND
"""How long after a failed attempt to take a configuration back the next one is made."""

Heard: TypeAlias = Callable[[dict[str, Any] | None, str], None]


@dataclass(frozen=True, slots=True)
class Ways:
    """What the keeper needs of its process: to ask the supervisor and the agent, to write the log and the history."""

    reload: Callable[[dict[str, Any]], bool]
    agent: Callable[[str, Heard], None]
    log: Log
    deeds: Deeds = field(default_factory=Deeds)


class Keeper:
    """The configuration in force and its fate.

    Args:
        kept: the store.
        notice: what is in force, as it was chosen.
        ways: see there.
        clock: the loop's.
    """

    def __init__(
        self, kept: Configurations, notice: Mapping[str, Any], ways: Ways, clock: Callable[[], Instant]
    ) -> None:
        self._kept, self._ways, self._clock = kept, ways, clock
        self._wishes = Wishes(kept, ways.reload)
        self._pen = Pen(kept, ways.log)
        self._trial: Trial | None = None
        self._asking = False
        self._again_at: Instant = 0
        self._taking_back: tuple[str, str] | None = None
        self._drift = Drift({})
        self._entry: Entry | None = None
        self._notice: Mapping[str, Any] = {}
        self._adopt(clock(), notice)
        self._wishes.intend(None)

    # -- what is in force ----------------------------------------------------------------------------------------------

    def _adopt(self, now: Instant, notice: Mapping[str, Any], *, taken_over: bool = False) -> None:
        """Take note of what is in force; what was `taken_over` a moment ago begins its trial now."""
        self._notice, self._drift, entries = notice, Drift(notice["sums"]), self._kept.entries()
        self._entry = next((one for one in entries if one.number == notice["entry"]), None)
        self._trial, entry = None, self._entry
        for other in entries:
            if other.state == store.PENDING and other.number != notice["entry"]:  # and its outcome was not heard
                self._change(other, state=store.REVERTED, reason="something else took its place", until=None)
        if entry is None or not entry.on_trial or entry.until is None:
            return
        begins = taken_over and entry.state == store.APPLYING and entry.confirm_s is not None
        until = now + (entry.confirm_s or 0) * SECOND if begins else entry.until
        since = until - (entry.confirm_s or 0) * SECOND
        self._change(entry, state=store.PENDING, until=until)
        self._trial = Trial(since, until, graces(entry.open, notice["grace_ms"]))

    def _change(self, entry: Entry, **changes: object) -> None:
        """Change an entry on disk, later where the disk refuses, and at once in what is said."""
        if self._entry is not None and self._entry.number == entry.number:
            self._entry = replace(self._entry, **cast("dict[str, Any]", changes))
        self._pen.change(entry.number, changes)

    def configuration(self, now: Instant) -> dict[str, Any]:
        """Return what is in force, as `status` shows it."""
        left = None if self._trial is None else max(0, self._trial.until - now)
        return catalogue.shown(self._notice, self._entry, left, self._drift.lines())

    def config(self) -> Config | None:
        """Return the configuration in force without its rules, None where it could not be kept."""
        return catalogue.config(self._kept, self._notice["entry"])

    def findings(self, now: Instant) -> list[str]:
        """Return what somebody should know of the configuration, worst first."""
        return catalogue.findings(self.configuration(now))

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now: Instant) -> None:
        """Do what is due; called every second."""
        self._pen.write()
        self._drift.look()
        if now < self._again_at or self._wishes:
            return  # what people asked for comes first: it may end the trial itself
        entry, trial = self._entry, self._trial
        over = None if trial is None else trial.over(now)
        if over is not None:
            self._take_back(now, over)
        elif trial is not None and trial.watching(now):
            self._look(partial(self._seen, trial))
        elif entry is not None and entry.state == store.APPLYING and not self._wishes:
            self._look(lambda status, _why: self._prove(entry, status))

    def _look(self, heard: Heard) -> None:
        """Ask the agent, one question at a time."""
        if self._asking:
            return
        self._asking = True

        def answered(status: dict[str, Any] | None, why: str) -> None:
            self._asking = False
            heard(status, why)

        self._ways.agent("status", answered)

    def _prove(self, entry: Entry, status: dict[str, Any] | None) -> None:
        if status is not None and self._entry is not None and self._entry.number == entry.number:
            self._change(entry, state=store.GOOD)

    def _seen(self, trial: Trial, status: dict[str, Any] | None, _why: str) -> None:
        now = self._clock()
        lost = trial.lost(now, status) if trial is self._trial else None
        if lost is not None and not self._wishes:
            self._take_back(now, lost)

    def _take_back(self, now: Instant, reason: str, who: str = "linkbalancer", asked: Request | None = None) -> None:
        """Go back to what was in force before the configuration on trial."""
        assert self._entry is not None
        text = f"configuration {self._entry.number} is taken back: {reason}"
        self._ways.log.warning("configuration", text=text)
        self._ways.deeds.taken_back(self._entry.number, reason)
        self._again_at = now + AGAIN
        if self._entry.before is None:
            if asked is not None:
                asked.refuse("refused", "nothing is kept from before it", "edit the files and apply them")
            return
        wish = {"source": "entry", "entry": self._entry.before, "how": "revert", "again": True, "reason": text}
        name = self._wishes.ask(wish, who, asked)
        self._taking_back = None if name is None else (name, reason)

    # -- reloads -------------------------------------------------------------------------------------------------------

    def outcome(self, now: Instant, outcome: Mapping[str, Any]) -> None:
        """Take note of how a reload has ended, and tell who asked for it."""
        result, name, notice = outcome["result"], outcome["id"], outcome["notice"]
        good = result in {"applied", "unchanged"}
        if good and "sums" not in notice:
            return  # of something else than a configuration
        asked = self._wishes.over(name)
        lines = [str(line) for line in outcome.get("lines") or ()]
        self._wishes.intend(None)
        back = self._taking_back
        self._taking_back = None if back is not None and back[0] == name else back
        if good:
            self._succeed(now, notice, f"configuration {notice['entry']} took its place" if back is None else back[1])
            if back is not None:
                self._ways.deeds.back(notice["entry"])
            elif result == "applied":
                self._ways.deeds.applied(self.configuration(now), "" if self._entry is None else self._entry.summary)
        else:
            self._fail(name, lines)
        if asked is not None:
            told = {"result": result, "lines": lines}
            if good:
                told |= {"took_ms": outcome.get("took_ms"), **self.configuration(now)}
            tell(asked, told, good=good)

    def _succeed(self, now: Instant, notice: Mapping[str, Any], why: str) -> None:
        """Mark what was on trial as taken back, and what is in force good unless that is on trial now."""
        old = self._entry
        if old is not None and old.on_trial and old.number != notice["entry"]:
            self._change(old, state=store.REVERTED, reason=why, until=None)
        self._adopt(now, notice, taken_over=True)
        entry = self._entry
        if entry is not None and self._trial is None and entry.state in {store.APPLYING, store.REVERTED, store.FAILED}:
            self._change(entry, state=store.GOOD, reason="", until=None)

    def _fail(self, name: str, lines: list[str]) -> None:
        for entry in self._kept.entries():
            if entry.id == name and entry.state == store.APPLYING:
                self._change(entry, state=store.FAILED, reason=lines[0] if lines else "see the log", until=None)

    # -- verbs ---------------------------------------------------------------------------------------------------------

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs."""
        entry = {"entry": Argument("number", "a configuration's number, by default the one in force")}
        whom = {"sudo_user": Argument("text", "who became root to ask, as far as the caller knows")}
        name = {"id": Argument("text", "what to ask for the outcome by")}
        return {
            "configuration": Verb(
                take=self._tell,
                about="Tells what is in force, or an entry: its texts, keys as digests.",
                arguments=entry,
            ),
            "configurations": Verb(take=self._list, about="Lists the configurations that are kept.", arguments={}),
            "apply": Verb(
                take=self.apply,
                about="Has the files come into force, and answers what came of it.",
                arguments={
                    **name,
                    **whom,
                    "confirm_s": Argument("number", "seconds after which it is taken back unless `confirm` comes"),
                    "again": Argument("switch", "also a configuration that was taken back before"),
                },
                changes=True,
            ),
            "confirm": Verb(
                take=self.confirm, about="Keeps the configuration that is on trial.", arguments=whom, changes=True
            ),
            "rollback": Verb(
                take=self.rollback,
                about="Goes back to an entry, or to what was in force before.",
                arguments={**name, **whom, "entry": Argument("number", "a configuration's number")},
                changes=True,
            ),
        }

    def _tell(self, now: Instant, request: Request) -> None:
        number = request.arguments.get("entry") or self._notice["entry"]
        catalogue.tell(self._kept, number, self.configuration(now), request)

    def _list(self, _now: Instant, request: Request) -> None:
        catalogue.list_all(self._kept, self._notice["entry"], request)

    def apply(self, _now: Instant, request: Request) -> None:
        """Have the files come into force, on trial where `confirm_s` says so."""
        seconds = request.arguments.get("confirm_s")
        if seconds is not None and not (isinstance(seconds, int) and SHORTEST_S <= seconds <= LONGEST_S):
            request.refuse("usage", f"{seconds!r} is no time to confirm", f"use {SHORTEST_S} to {LONGEST_S} seconds")
            return
        if self._trial is not None and self._entry is not None:
            what = f"configuration {self._entry.number} awaits its confirmation"
            request.refuse("refused", what, "`linkbalancer confirm` it, or `linkbalancer rollback`, first")
            return
        wish = {"source": "files", "how": "apply", "again": bool(request.arguments.get("again")), "confirm_s": seconds}

        def ask(status: dict[str, Any] | None, _why: str) -> None:
            links = {} if status is None else status["links"]
            opened = [name for name, link in links.items() if link["open"]]
            until = {"until": self._clock() + (seconds or 0) * SECOND, "boot": self._notice["boot"]}
            asker = {"who": who(request), "id": request.arguments.get("id")}
            if self._wishes.intend({**wish, **until, **asker, "open": opened}, request):
                self._wishes.ask({**wish, "open": opened}, who(request), request)

        if seconds is None:
            self._wishes.ask(wish, who(request), request)
        else:
            self._ways.agent("status", ask)

    def confirm(self, now: Instant, request: Request) -> None:
        """End the trial: the configuration stays."""
        if self._trial is None or self._entry is None or self._taking_back:
            what = "it is being taken back" if self._taking_back else "no configuration awaits its confirmation"
            request.refuse("refused", what, "see `linkbalancer status`")
            return
        self._change(self._entry, state=store.GOOD, reason=f"confirmed by {who(request)}", until=None)
        self._ways.deeds.confirmed(self._entry.number, who(request))
        self._trial = None
        request.answer(self.configuration(now))

    def rollback(self, now: Instant, request: Request) -> None:
        """Go back: to an entry, or to what was in force before; a trial is ended by that."""
        number, entry = request.arguments.get("entry"), self._entry
        if number is None and self._trial is not None:
            if self._taking_back:
                request.refuse("busy", "it is being taken back already", "see `linkbalancer status`")
            else:
                self._take_back(now, f"rolled back by {who(request)}", who(request), request)
            return
        number = entry.before if number is None and entry is not None else number
        if not isinstance(number, int):
            what = "no configuration is kept from before this one"
            request.refuse("refused", what, "see `linkbalancer history config`, then `linkbalancer rollback N`")
            return
        wish = {"source": "entry", "entry": number, "how": "rollback", "again": True}
        self._wishes.ask(wish, who(request), request)
