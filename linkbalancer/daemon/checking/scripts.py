"""Trackers that are programs of the administrator's: run every interval, judged by their exit status."""

import signal
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking import child
from linkbalancer.daemon.checking.tracked import Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.check import Begin, Check, Ended, Event, Idle, Kill, Terminate, Tick, Told
from linkbalancer.health.report import Report
from linkbalancer.host.users import Identity, UserError, identity, writable_by_others


class ScriptTracker:
    """One script: a `health.check.Check`, and the process that it has running."""

    def __init__(self, name: str, tracker: Tracker, loop: Loop, run_dir: Path, changed: Changed) -> None:
        assert tracker.script is not None
        self.name, self._loop, self._run_dir, self._changed = name, loop, run_dir, changed
        self._words, self._user = tracker.script, tracker.user
        now = loop.clock()
        self._check = Check(tracker.schedule, Idle(now))
        self._since: Instant = now
        self._who: Identity | None = None
        self._child: child.Child | None = None

    def report(self) -> Report:
        """Return what is believed now."""
        return Report("script", self._check.ok, self._since, self._check.text)

    def recall(self, report: Report) -> None:
        """Go on from what a predecessor believed: it takes as many results as ever to change that."""
        if report.ok is not None and report.kind == "script" and not self._check.text:
            self._check.counter.recall(ok=report.ok)
            self._check.text, self._since = report.text, report.since

    def begin(self, now: Instant) -> None:
        """Begin: the first run is due at once."""
        self.expire(now)

    def deadline(self) -> Instant | None:
        """Return when the next run is due, or its end."""
        return self._check.deadline()

    def expire(self, now: Instant) -> None:
        """Run it, or end what takes too long."""
        self._take(now, Tick())

    def close(self) -> None:
        """End what runs."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _take(self, now: Instant, event: Event) -> None:
        for effect in self._check.handle(now, event):
            match effect:
                case Begin():
                    self._run(now)
                case Terminate():
                    self._signal(signal.SIGTERM)
                case Kill():
                    self._signal(signal.SIGKILL)
                case Told(_, _, changed):
                    self._since = now if changed else self._since
                    self._changed(self.name)

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            (self._child.kill if number is signal.SIGKILL else self._child.terminate)()

    def _run(self, now: Instant) -> None:
        try:
            who = self._runner()
            self._child = child.start(
                self._loop, self._words, who, self._run_dir, self._ended, LINKBALANCER_TRACKER=self.name
            )
        except (UserError, OSError) as error:
            self._take(now, Ended(passed=False, text=f"cannot be run: {error}"))

    def _runner(self) -> Identity:
        """Return who runs it, found out once; raises UserError."""
        if self._who is None:
            self._who = identity(self._user)
        if self._who.uid == 0:
            why = writable_by_others(self._words[0], child.PATH)
            if why is not None:
                raise UserError(f"root runs nothing that others may change: {why}")
        return self._who

    def _ended(self, now: Instant, status: int, line: str) -> None:
        self._child = None
        if status == 0:
            words = line
        elif status < 0:
            words = ": ".join(filter(None, (f"ended by {_signal_name(-status)}", line)))
        else:
            words = ": ".join(filter(None, (f"exit status {status}", line)))
        self._take(now, Ended(passed=status == 0, text=words))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
