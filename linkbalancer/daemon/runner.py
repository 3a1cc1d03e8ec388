"""A runner: a forked child at a time, in a process group of its own, with a time limit, and the end of what it says.

For what may block, and for programs that are not ours. A child that takes too long is told to end, with everything that
it started; two seconds later it is killed. It ends with its parent, however that ends.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.errand import be_child
from linkbalancer.daemon.loop import Loop

MERCY: Duration = 2 * SECOND
"""How long a child that was told to end may take."""

TAIL = 2000
"""Bytes of its last words that are kept."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: its exit status (below zero: a signal), its last words, and whether its time was over."""

    status: int
    words: str
    late: bool


@dataclass(slots=True)
class _Child:
    """The child: its id, its process descriptor (readable when it has ended), its words, and its next deadline."""

    pid: int
    pidfd: int
    pipe: int
    until: Instant
    late: bool = False
    words: bytearray = field(default_factory=bytearray)

    def fileno(self) -> int:
        return self.pidfd


class Runner:
    """At most one child at a time.

    Args:
        loop: what turns meanwhile.
        ended: called at the end of each.
        timeout: how long each may take.
    """

    def __init__(self, loop: Loop, ended: Callable[[Instant, Ending], None], timeout: Duration) -> None:
        self._loop, self._ended, self._timeout = loop, ended, timeout
        self._child: _Child | None = None
        loop.watch(self)

    def start(self, work: Callable[[], None]) -> None:
        """Do the work in a child: what it prints are its words, and an exception's too. Raises OSError."""
        assert self._child is None, "one at a time"
        reading, writing = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            be_child(partial(_attach, work, writing), writing, parent)
        os.close(writing)
        os.set_blocking(reading, False)
        with suppress(OSError):  # both sides do it, so that it is done before either goes on
            os.setpgid(pid, pid)
        self._child = child = _Child(pid, os.pidfd_open(pid), reading, self._loop.clock() + self._timeout)
        self._loop.add(child, self._reap)
        self._loop.add(_Pipe(reading), lambda _now: self._listen(child))

    def close(self) -> None:
        """Kill the child, if there is one, with everything that it started; nobody is told."""
        if self._child is not None:
            _signal(self._child, signal.SIGKILL)
            self._bury(self._child)

    def deadline(self) -> Instant | None:
        """Return the end of the patience (the loop asks)."""
        return None if self._child is None else self._child.until

    def expire(self, now: Instant) -> None:
        """End a child that takes too long: first asked, then not asked."""
        child = self._child
        if child is not None:
            _signal(child, signal.SIGKILL if child.late else signal.SIGTERM)
            child.late, child.until = True, now + MERCY

    def _listen(self, child: _Child) -> None:
        """Keep the end of what it says."""
        with suppress(BlockingIOError):
            data = os.read(child.pipe, 65536)
            if not data:
                self._loop.remove(_Pipe(child.pipe))
            child.words += data
            del child.words[:-TAIL]

    def _reap(self, now: Instant) -> None:
        child = self._child
        if child is None:
            return
        if child.late:
            _signal(child, signal.SIGKILL)  # whoever of its group has not heard
        status = self._bury(child)
        words = " ".join(child.words.decode(errors="replace").split())
        self._ended(now, Ending(status, words, child.late))

    def _bury(self, child: _Child) -> int:
        """Wait for a child that has ended, or is about to; return its exit status."""
        self._child = None
        self._loop.remove(child)
        _pid, status = os.waitpid(child.pid, 0)
        self._listen(child)
        self._loop.remove(_Pipe(child.pipe))
        os.close(child.pipe)
        os.close(child.pidfd)
        return os.waitstatus_to_exitcode(status)


@dataclass(frozen=True, slots=True)
class _Pipe:
    """The reading end of a pipe, as the loop wants it."""

    number: int

    def fileno(self) -> int:
        return self.number


def _signal(child: _Child, number: signal.Signals) -> None:
    """Signal the child and all of its group; the id is its own until it is waited for."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _attach(work: Callable[[], None], words: int) -> None:
    """Do the work with its words where the parent hears them, whoever speaks."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(words, 1)
    os.dup2(words, 2)
    work()
