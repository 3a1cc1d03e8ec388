"""The supervisor: forks the zygote, watches every child, and starts again what died; the machine is engine.watchdog.

It stays light on purpose: no thread, no library, a few sockets. What the children do is handed to it as a callable, so
that it never imports what they need. It dies last and breaks nothing by dying: its children end with it without a word
to the kernel, and what they wrote there goes on forwarding.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections import deque
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn, Protocol, assert_never

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken, adopt_orphans
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.notify import Notifier
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.zygote import CRASHED, Birth, live, offered
from linkbalancer.engine import supervision as words
from linkbalancer.engine.supervision import CANDIDATE, ZYGOTE, Effect, Event, Patience, Phase
from linkbalancer.engine.watchdog import Watchdog

PAUSE: Duration = 1 * SECOND
"""Waking up later than this after a deadline means that this process itself was not run."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


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
        recording: where its lines are remembered.
    """

    def __init__(
        self,
        birth: Birth,
        say: Voice,
        *,
        patience: Patience | None = None,
        notifier: Notifier | None = None,
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
        self._texts: int | None = None
        self._summary = ""
        self._status: int | None = None
        self._wakeup, self._wakeup_end = socket.socketpair()
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
        for end in (self._wakeup, self._wakeup_end):
            end.settimeout(0)
        for number in SIGNALS:
            signal.signal(number, _noted)
        signal.set_wakeup_fd(self._wakeup_end.fileno(), warn_on_full_buffer=False)
        self._loop.add(self._wakeup, self._signalled)
        self._loop.watch(self)
        if self._notifier.watchdog is not None:
            self._loop.every(self._notifier.watchdog // 2, self._reassure)
        self._take(self._loop.clock(), words.Started())
        while self._status is None:
            self._loop.turn()
        return self._status

    def deadline(self) -> Instant | None:
        """Return the machine's deadline (the loop asks)."""
        return self.watchdog.deadline()

    def expire(self, now: Instant) -> None:
        """Hand the machine its deadline; a long sleep of our own excuses everybody's silence."""
        due = self.watchdog.deadline()
        late = due is not None and now - due > PAUSE
        if late:
            self._take(now, words.Resumed())
        self._take(now, words.Tick())

    # -- what happens --------------------------------------------------------------------------------------------------

    def _take(self, now: Instant, event: Event) -> None:
        events = [event]
        while events:
            for effect in self.watchdog.handle(now, events.pop(0)):
                events += self._perform(effect)
        summary = self.watchdog.summary()
        if summary != self._summary:
            self._summary = summary
            self._notifier.send(f"STATUS={summary}")

    def _signalled(self, now: Instant) -> None:
        received = set(self._wakeup.recv(4096))
        if signal.SIGCHLD in received:
            self._reap(now)
        if signal.SIGHUP in received:
            self._take(now, words.ReloadRequested())
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
            name = next((name for name, process in self._processes.items() if process.pid == pid), None)
            if name is None:
                self._strangers.append(pid)
            else:
                self._hear_out(now, name)
                self._bury(now, name, os.waitstatus_to_exitcode(status))

    def _hear_out(self, now: Instant, name: str) -> None:
        """Take the words that a dead zygote still said: a worker may have been born with its last breath."""
        if name in {ZYGOTE, CANDIDATE}:
            while isinstance(spoken := self._processes[name].lifeline.hear(), Spoken):
                self._heard(now, name, spoken)

    def _bury(self, now: Instant, name: str, status: int) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        self._loop.remove(process.lifeline)
        process.lifeline.close()
        self._take(now, words.Died(name, status))
        if name == ZYGOTE:
            self._abandon(now)

    def _abandon(self, now: Instant) -> None:
        """Give up the workers that a zygote was asked for and has not told the birth of: the line's end ends them."""
        for name in [name for name, process in self._processes.items() if process.pid == 0]:
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
        match spoken.word, spoken.arguments:
            case "beat", _:
                self._take(now, words.Beat(name))
            case "ready", _:
                self._take(now, words.Ready(name))
            case "configured", _ if spoken.descriptor is not None:
                self._configured(now, name, spoken.descriptor)
            case "spawned", (worker, pid):
                self._spawned(now, worker, int(pid))
            case "failed", (worker, why):
                self._say(worker, f"could not be started: {why}", grave=True)
                self._bury(now, worker, 1)
            case _:
                self._say(name, f"says {spoken.word!r}, which is no word of its", grave=True)

    def _configured(self, now: Instant, name: str, descriptor: int) -> None:
        if self._texts is not None:
            os.close(self._texts)
        self._texts = descriptor
        self._take(now, words.Configured(name, offered(descriptor)))

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
            case words.Spawn(name):
                return self._spawn(name)
            case words.Ask(name, word):
                self._processes[name].lifeline.say(word)
            case words.Kill(name):
                return self._kill(name)
            case words.Promote():
                return self._promote()
            case words.Became(phase):
                self._became(phase)
            case words.Say(name, text, grave):
                self._say(name, text, grave=grave)
            case words.Exit(status):
                self._status = status
                self._loop.stop()
            case _:
                assert_never(effect)
        return []

    def _spawn(self, name: str) -> list[Event]:
        lifeline, theirs = Lifeline.pair()
        process = Process(lifeline)
        if name in {ZYGOTE, CANDIDATE}:
            try:
                process.pid = self._fork(name, lifeline, theirs)
            except OSError as error:
                self._say(name, f"could not be started: {error}", grave=True)
                lifeline.close()
                theirs.close()
                return [words.Died(name, 1)]
        self._processes[name] = process
        self._loop.add(lifeline, lambda now: self._speak(now, self._name_of(process), process))
        if process.pid == 0 and not self._processes[ZYGOTE].lifeline.say("spawn", name, descriptor=theirs.fileno()):
            theirs.close()
            return self._forget(name)
        theirs.close()
        return []

    def _name_of(self, process: Process) -> str:
        """A candidate changes its name on promotion; a forgotten one has none."""
        return next((name for name, known in self._processes.items() if known is process), "")

    def _fork(self, name: str, lifeline: Lifeline, theirs: socket.socket) -> int:
        sys.stderr.flush()
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            lifeline.close()
            self._become_zygote(theirs, None if name == CANDIDATE else self._texts, supervisor)
        return pid

    def _become_zygote(self, theirs: socket.socket, texts: int | None, supervisor: int) -> NoReturn:
        """Let go of everything that is the supervisor's: an end kept open here would hide its death from the others."""
        self._loop.forget()
        self._notifier.close()
        for process in self._processes.values():
            process.lifeline.close()
        signal.set_wakeup_fd(-1)
        self._wakeup.close()
        self._wakeup_end.close()
        live(Lifeline(theirs), self._birth, texts, supervisor)

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
        old = self._processes.pop(ZYGOTE, None)
        if old is not None:
            self._loop.remove(old.lifeline)
            old.lifeline.close()
        self._processes[ZYGOTE] = self._processes.pop(CANDIDATE)
        unborn = [name for name, process in self._processes.items() if process.pid == 0]
        return [event for name in unborn for event in self._forget(name)]

    def _became(self, phase: Phase) -> None:
        self._say("service", phase, grave=False)
        match phase:
            case Phase.READY:
                self._notifier.send("READY=1")
            case Phase.RELOADING:
                # systemd compares this with its own CLOCK_MONOTONIC (sd_notify(3)).
                self._notifier.send("RELOADING=1", f"MONOTONIC_USEC={_monotonic_microseconds()}")
            case Phase.STOPPING:
                self._notifier.send("STOPPING=1")
            case Phase.STARTING:
                return
            case _:
                assert_never(phase)

    def _reassure(self, _now: Instant) -> None:
        """Tell the service manager that all is well, unless it is not."""
        if self.watchdog.healthy():
            self._notifier.send("WATCHDOG=1")


def _monotonic_microseconds() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing here: Python wrote the signal's number to the wake-up socket."""
