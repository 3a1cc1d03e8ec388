"""The supervisor: forks the zygote, watches every child, and starts again what died; the machine is engine.watchdog.

It stays light on purpose: no thread, no library, a few sockets. What the children do is handed to it as a callable, so
that it never imports what they need. It breaks nothing by dying: agent and applications work on as orphans until those
of the next supervisor take over from them. So an upgrade, which replaces this very process, is such a death too.
"""

import json
import os
import signal
import socket
import sys
import traceback
from collections import deque
from dataclasses import dataclass
from typing import NoReturn, Protocol, assert_never

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon import handover
from linkbalancer.daemon.handover import Handover
from linkbalancer.daemon.lifeline import CONTENT_LIMIT, Hangup, Lifeline, Spoken, adopt_orphans, enclosed
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.notify import Notifier
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.signals import Signals
from linkbalancer.daemon.succession import parse
from linkbalancer.daemon.turn import go_first
from linkbalancer.daemon.zygote import CRASHED, Birth, Offer, Order, crash, live, offered
from linkbalancer.engine import supervision as words
from linkbalancer.engine.orders import Kind, Outcome, Request, Run
from linkbalancer.engine.patience import Patience
from linkbalancer.engine.supervision import (
    AGENT,
    API,
    CANDIDATE,
    REFUSED,
    SUCCESSOR,
    TRIAL,
    ZYGOTE,
    Effect,
    Event,
    Phase,
)
from linkbalancer.engine.watchdog import Watchdog

PAUSE: Duration = 1 * SECOND
"""Waking up later than this after a deadline means that this process itself was not run."""

REQUEST_LIMIT = 1 << 16
"""Bytes of what the api asks for."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD)


class Voice(Protocol):
    """Where the supervisor's lines go."""

    def __call__(self, name: str, text: str, *, grave: bool) -> None:
        """Write a line about a child, `grave` when somebody should look."""


@dataclass(slots=True)
class Process:
    """A child as a process: its end of the line, and its id once it is known (0 while the zygote forks it)."""

    lifeline: Lifeline
    pid: int = 0


class Supervisor:
    """One service's supervisor.

    Args:
        birth: what a zygote does to come up (see zygote.Birth).
        say: where lines go.
        patience: how long it waits for what.
        notifier: the service manager.
        lock: the descriptor that holds the run directory; no child keeps it.
        inherited: what a predecessor in this process left.
        recording: where its lines are remembered.
    """

    def __init__(
        self,
        birth: Birth,
        say: Voice,
        *,
        patience: Patience | None = None,
        notifier: Notifier | None = None,
        lock: int = -1,
        inherited: Handover | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.watchdog = Watchdog(patience or Patience())
        self._birth = birth
        self._say = say
        self._notifier = notifier or Notifier({})
        self._loop = Loop()
        if recording is not None:
            self._loop.watch(recording)
        self._processes: dict[str, Process] = {}
        self._lock = lock
        self._inherited = inherited
        self._leftovers = set() if inherited is None else set(inherited.pids)
        self._texts = None if inherited is None else inherited.texts
        self._offer: Offer | None = None
        self._begets = False  # whether the zygote may fork the next one
        self._trial_output = -1
        self._hangups = 0
        self._summary = ""
        self._due: Instant | None = None
        self._status: int | None = None
        self._signals = Signals(SIGNALS)
        self._strangers: deque[int] = deque(maxlen=64)  # dead before their birth was told

    def run(self) -> int:
        """Supervise until asked to stop; return the exit status: 1 means a refused configuration and nothing else."""
        try:
            return self._supervise()
        except Exception:  # noqa: BLE001 - left to Python it would end with 1, and a refusal is not tried again
            traceback.print_exc()
            return CRASHED

    def _supervise(self) -> int:
        adopt_orphans()
        go_first()
        self._signals.take()
        self._loop.add(self._signals, self._signalled)
        self._loop.watch(self)
        if self._notifier.watchdog is not None:
            self._loop.every(self._notifier.watchdog // 2, self._reassure)
        begin = words.Started()
        if self._inherited is not None:
            begin = words.Started(self._inherited.run, self._inherited.lines, self._inherited.waiting)
        self._take(self._loop.clock(), begin)
        while self._status is None:
            self._loop.turn()
        return self._status

    def deadline(self) -> Instant | None:
        """Return the machine's deadline, or an earlier one (the loop asks, at every turn)."""
        return self._due

    def expire(self, now: Instant) -> None:
        """Hand the machine its deadline; a long sleep of our own excuses everybody's silence."""
        due = self._due = self.watchdog.deadline()
        if due is None or due > now:
            return  # who spoke meanwhile has time again
        if now - due > PAUSE:
            self._take(now, words.Resumed())
        self._take(now, words.Tick())

    # -- what happens --------------------------------------------------------------------------------------------------

    def _take(self, now: Instant, event: Event) -> None:
        events = [event]
        while events:
            for effect in self.watchdog.handle(now, events.pop(0)):
                events += self._perform(effect)
        if isinstance(event, words.Beat):
            return  # it only puts off the deadline of one of a hundred
        self._due = self.watchdog.deadline()
        summary = self.watchdog.summary()
        if summary != self._summary:
            self._summary = summary
            self._notifier.send(f"STATUS={summary}")

    def _signalled(self, now: Instant) -> None:
        received = self._signals.received()
        if signal.SIGCHLD in received:
            self._reap(now)
        if signal.SIGHUP in received:
            self._hangups += 1
            self._take(now, words.Requested(Request(_hangup(self._hangups))))
        if signal.SIGUSR2 in received:
            self._take(now, words.RestartRequested())
        if received & {signal.SIGTERM, signal.SIGINT}:
            self._take(now, words.StopRequested())

    def _reap(self, now: Instant) -> None:
        """Bury every dead child; those that nobody knows any more included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._leftovers.discard(pid)
            name = next((name for name, process in self._processes.items() if process.pid == pid), None)
            if name is None:
                if any(process.pid == 0 for process in self._processes.values()):
                    self._strangers.append(pid)
            else:
                self._hear_out(now, name)
                self._bury(now, name, os.waitstatus_to_exitcode(status))

    def _hear_out(self, now: Instant, name: str) -> None:
        """Take the words that a dead child still said: why it ends, or a worker born with a zygote's last breath."""
        while name in self._processes and isinstance(spoken := self._processes[name].lifeline.hear(), Spoken):
            self._heard(now, name, spoken)
        if name == TRIAL:
            lines = handover.end_trial(self._trial_output)
            for line in lines:
                self._say(TRIAL, line, grave=True)
            self._take(now, words.Refused(TRIAL, lines))

    def _bury(self, now: Instant, name: str, status: int) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        self._loop.remove(process.lifeline)
        process.lifeline.close()
        self._take(now, words.Died(name, status))
        if name in {ZYGOTE, CANDIDATE}:
            self._begets &= name != ZYGOTE
            self._abandon(now, name)

    def _abandon(self, now: Instant, parent: str) -> None:
        """Give up the workers that a zygote was asked for and has not told the birth of: the line's end ends them."""
        for name in [name for name, process in self._processes.items() if process.pid == 0]:
            if _parent(name) == parent:
                self._bury(now, name, -signal.SIGKILL)

    def _speak(self, now: Instant, name: str, process: Process) -> None:
        """Listen to one child until it has said all; a hang-up alone is nothing: its death will be reaped."""
        while self._processes.get(name) is process:
            spoken = process.lifeline.hear()
            if spoken is None:
                return
            if isinstance(spoken, Hangup):
                self._loop.remove(process.lifeline)
                return
            self._heard(now, name, spoken)

    def _heard(self, now: Instant, name: str, spoken: Spoken) -> None:
        content = self._content(name, spoken)
        begets = name in {ZYGOTE, CANDIDATE}  # the api listens to strangers: it must not speak for these two
        match spoken.word, spoken.arguments:
            case (("configured" | "refused"), _) if begets and content:
                self._read_out(now, name, spoken.word, content)
            case "beat", _:
                self._take(now, words.Beat(name))
            case "ready", _:
                self._take(now, words.Ready(name))
            case "spawned", (worker, pid) if begets:
                self._spawned(now, worker, int(pid))
            case "failed", (worker, why) if begets:
                self._say(worker, f"could not be started: {why}", grave=True)
                self._bury(now, worker, 1)
            case ("reload" | "upgrade") as kind, _ if name == API and content:
                self._requested(now, Kind(kind), content)
            case _:
                self._say(name, f"says {spoken.word!r}, which is no word of its", grave=True)

    def _content(self, name: str, spoken: Spoken) -> bytes:
        """Return what came beside a word."""
        if spoken.descriptor is None:
            return b""
        try:
            return enclosed(spoken.descriptor, REQUEST_LIMIT if name == API else CONTENT_LIMIT)
        except OSError as error:
            self._say(name, f"says {spoken.word!r} with nothing that can be read: {error}", grave=True)
            return b""
        finally:
            os.close(spoken.descriptor)

    def _read_out(self, now: Instant, name: str, word: str, content: bytes) -> None:
        """Take a zygote's offer, or why a child will end."""
        if word == "refused":
            self._take(now, words.Refused(name, tuple(map(str, json.loads(content)))))
            return
        offer = offered(content)
        if name == CANDIDATE:
            self._offer = offer
        else:
            self._texts, self._begets = offer.texts, not offer.foreign
        self._take(now, words.Configured(name, offer.specs, offer.notice))

    def _requested(self, now: Instant, kind: Kind, content: bytes) -> None:
        """Take a request that the api hands on; it speaks for strangers, so that what it says is looked at."""
        fields = parse(content)
        if all(isinstance(fields.get(key), str) for key in ("id", "who", "how")):
            self._take(now, words.Requested(Request(fields, kind)))
        else:
            self._say(API, f"asks for a {kind} in words that mean nothing", grave=True)

    def _spawned(self, now: Instant, worker: str, pid: int) -> None:
        process = self._processes.get(worker)
        if process is None or process.pid != 0:
            return
        if pid in self._strangers:
            self._bury(now, worker, -signal.SIGKILL)
        else:
            process.pid = pid
            process.lifeline.say("go")

    # -- what is done --------------------------------------------------------------------------------------------------

    def _perform(self, effect: Effect) -> list[Event]:
        """Do one thing; return the events that follow at once."""
        match effect:
            case words.Spawn(name, request):
                return self._spawn(name, request)
            case words.Ask(name, word):
                self._processes[name].lifeline.say(word)
            case words.Kill(name):
                return self._kill(name)
            case words.Promote():
                return self._promote()
            case words.Replace(run):
                return self._replace(run)
            case words.Succeed():
                self._take_place(AGENT, SUCCESSOR)
            case words.Became(phase):
                self._became(phase)
            case words.Say() | words.Tell():
                self._speak_up(effect)
            case words.Exit(status, orphans):
                self._end(status, orphans=orphans)
            case _:
                assert_never(effect)
        return []

    def _end(self, status: int, *, orphans: bool) -> None:
        if not orphans:
            self._end_leftovers()
        # A refusal is not tried again (RestartPreventExitStatus=1): that may only be said of the files.
        self._status = CRASHED if status == REFUSED and self._inherited is not None else status
        self._loop.stop()

    def _speak_up(self, effect: words.Say | words.Tell) -> None:
        match effect:
            case words.Say(name, text, grave):
                self._say(name, text, grave=grave)
            case words.Tell(outcome):
                self._processes[API].lifeline.tell("outcome", _encode(outcome))
            case _:
                assert_never(effect)

    def _spawn(self, name: str, request: Request | None) -> list[Event]:
        lifeline, theirs = Lifeline.pair()
        process = Process(lifeline)
        try:
            words_ = None if request is None else request.words
            if name == CANDIDATE and self._begets and words_ is not None:
                lifeline.tell("order", json.dumps(words_).encode())
            elif name in {ZYGOTE, CANDIDATE}:
                process.pid = self._fork(lifeline, theirs, Order(self._texts, words_))
            elif name == TRIAL:
                process.pid, self._trial_output = handover.begin_trial(self._texts or b"")
        except OSError as error:
            self._say(name, f"could not be started: {error}", grave=True)
            lifeline.close()
            theirs.close()
            return [words.Died(name, 1)]
        self._processes[name] = process
        self._loop.add(lifeline, lambda now: self._speak(now, self._name_of(process), process))
        asked = process.pid or self._processes[_parent(name)].lifeline.say("spawn", name, descriptor=theirs.fileno())
        theirs.close()
        return [] if asked else self._forget(name)

    def _name_of(self, process: Process) -> str:
        """A candidate changes its name on promotion; a forgotten one has none."""
        return next((name for name, known in self._processes.items() if known is process), "")

    def _fork(self, lifeline: Lifeline, theirs: socket.socket, order: Order) -> int:
        sys.stderr.flush()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                lifeline.close()
                self._become_zygote(theirs, order, supervisor)
            finally:
                crash()  # whatever went wrong: it would go on as a second supervisor
        return pid

    def _become_zygote(self, theirs: socket.socket, order: Order, supervisor: int) -> NoReturn:
        """Let go of everything that is the supervisor's: an end kept open here would hide its death from the others."""
        self._loop.forget()
        self._notifier.close()
        for process in self._processes.values():
            process.lifeline.close()
        self._signals.close()
        if self._lock >= 0:
            os.close(self._lock)
        live(Lifeline(theirs), self._birth, order, supervisor)

    def _kill(self, name: str) -> list[Event]:
        process = self._processes.get(name)
        if process is None:
            return []
        if process.pid == 0:  # not born yet: it will find its line closed
            return self._forget(name)
        os.kill(process.pid, signal.SIGKILL)  # ours until reaped, so the id cannot be another's
        return []

    def _forget(self, name: str) -> list[Event]:
        process = self._processes.pop(name)
        self._loop.remove(process.lifeline)
        process.lifeline.close()
        return [words.Died(name, -signal.SIGKILL)]

    def _promote(self) -> list[Event]:
        """Put the candidate's texts in force; what the old zygote was asked for and had no time for is asked again."""
        self._take_place(ZYGOTE, CANDIDATE)
        assert self._offer is not None
        self._texts = self._offer.texts
        self._begets = ZYGOTE in self._processes and not self._offer.foreign
        unborn = [name for name, process in self._processes.items() if process.pid == 0]
        return [event for name in unborn for event in self._forget(name)]

    def _take_place(self, name: str, successor: str) -> None:
        """Forget a child (its death will be that of a stranger) and call another one by its name, if there is one."""
        old = self._processes.pop(name, None)
        if old is not None:
            self._loop.remove(old.lifeline)
            old.lifeline.close()
        if successor in self._processes:
            self._processes[name] = self._processes.pop(successor)

    def _replace(self, run: Run) -> list[Event]:
        """Become the new program; only a failure returns. What has come and is not handled yet is left to it."""
        self._say("service", "the new program takes over", grave=False)
        self._became(Phase.RELOADING)
        if API in self._processes:
            self._speak(self._loop.clock(), API, self._processes[API])
        self._signals.hold()
        pids = tuple(process.pid for process in self._processes.values() if process.pid)
        waiting = tuple(self.watchdog.orders.waiting)
        left = Handover(texts=self._texts or b"", lock=self._lock, run=run, waiting=waiting, pids=pids)
        try:
            handover.replace(left)
        except OSError as error:
            self._signals.release()
            self._became(Phase.READY)
            return [words.NotReplaced(f"the new program cannot be started: {error.strerror}")]

    def _end_leftovers(self) -> None:
        """End what is left of a predecessor's children, now that everybody has a successor."""
        for pid in self._leftovers:
            os.kill(pid, signal.SIGKILL)  # ours until reaped, so the id cannot be another's

    def _became(self, phase: Phase) -> None:
        self._say("service", phase, grave=False)
        if phase is Phase.READY:
            self._end_leftovers()
        self._notifier.become(phase)

    def _reassure(self, _now: Instant) -> None:
        """Tell the service manager that all is well, unless it is not."""
        if self.watchdog.healthy():
            self._notifier.send("WATCHDOG=1")


def _parent(name: str) -> str:
    """Return who forks a worker."""
    return CANDIDATE if name == SUCCESSOR else ZYGOTE


def _hangup(number: int) -> dict[str, object]:
    """Return SIGHUP as a request."""
    words_ = {"source": "files", "entry": None, "who": "SIGHUP", "how": "SIGHUP", "confirm_s": None, "again": False}
    return {"id": f"SIGHUP-{number}", **words_}


def _encode(outcome: Outcome) -> bytes:
    fields = {
        "id": outcome.id,
        "result": outcome.result,
        "lines": outcome.lines,
        "notice": outcome.notice,
        "took_ms": outcome.took // MILLISECOND,
    }
    return json.dumps(fields).encode()
