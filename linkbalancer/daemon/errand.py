"""An errand: slow work done by a forked child while the loop goes on turning.

For what blocks for longer than a heartbeat may wait, which is loading a classifier. The child has the memory as it is
at the fork, and none of the descriptors: nothing that its parent has open stays open, or is read, because of it.
"""

import gc
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from linkbalancer.clock import SECOND, Duration, Instant, in_words
from linkbalancer.daemon.lifeline import call_myself, die_with_parent
from linkbalancer.daemon.loop import Loop

PATIENCE: Duration = 45 * SECOND
"""How long an errand may take; less than the supervisor waits for a starting agent."""

_WORDS_MAX = 4000
"""Bytes of a child's last words: a pipe takes them at once (PIPE_BUF is 4096)."""


@dataclass(frozen=True, slots=True)
class _Child:
    """The child: its id, its process descriptor (readable when it has ended), its last words, its time limit."""

    pid: int
    pidfd: int
    words: int
    until: Instant

    def fileno(self) -> int:
        return self.pidfd


class Errand:
    """At most one errand at a time.

    Args:
        loop: what turns meanwhile.
        ended: called at the end with None, or with why the work was not done.
        patience: how long it may take; then it is killed.
    """

    def __init__(self, loop: Loop, ended: Callable[[Instant, str | None], None], patience: Duration = PATIENCE) -> None:
        self._loop, self._ended, self._patience = loop, ended, patience
        self._child: _Child | None = None
        loop.watch(self)

    @property
    def under_way(self) -> bool:
        """Whether a child is at work."""
        return self._child is not None

    def start(self, work: Callable[[], None]) -> bool:
        """Do the work in a child; False when another errand is under way, and nothing was done.

        An exception of `work` is its failure, in the exception's own words. Raises OSError when nothing can be forked.
        """
        if self._child is not None:
            return False
        reading, writing = os.pipe()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            be_child(work, writing, parent)
        os.close(writing)
        os.set_blocking(reading, False)
        with suppress(OSError):  # both sides do it, so that it is done before either goes on
            os.setpgid(pid, pid)
        self._child = _Child(pid, os.pidfd_open(pid), reading, self._loop.clock() + self._patience)
        self._loop.add(self._child, self._reap)
        return True

    def close(self) -> None:
        """Kill the child, if there is one, with everything that it started; nobody is told."""
        if self._child is not None:
            self._bury(self._child)

    def deadline(self) -> Instant | None:
        """Return the end of the patience (the loop asks)."""
        return None if self._child is None else self._child.until

    def expire(self, now: Instant) -> None:
        """Kill a child that takes too long."""
        if self._child is not None:
            self._bury(self._child)
            self._ended(now, f"not done within {in_words(self._patience)}: given up")

    def _reap(self, now: Instant) -> None:
        child = self._child
        if child is None:
            return
        status, words = self._bury(child)
        why = words or f"the process ended with status {status}"
        self._ended(now, why if status else None)

    def _bury(self, child: _Child) -> tuple[int, str]:
        """End the child and all of its group; return its exit status and last words."""
        self._child = None
        self._loop.remove(child)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # the id is its own until it is waited for
        _pid, status = os.waitpid(child.pid, 0)
        words = b""
        with suppress(BlockingIOError):
            words = os.read(child.words, _WORDS_MAX)
        os.close(child.words)
        os.close(child.pidfd)
        return os.waitstatus_to_exitcode(status), words.decode(errors="replace")


def be_child(work: Callable[[], None], words: int, parent: int) -> NoReturn:
    """Be the child: of all descriptors but the first three it keeps `words`, for why its work failed."""
    status = 1
    try:
        gc.disable()  # it would write into memory that is shared
        os.closerange(3, words)
        os.closerange(words + 1, os.sysconf("SC_OPEN_MAX"))
        os.setpgid(0, 0)
        die_with_parent(parent)
        call_myself("lb:errand")
        work()
        status = 0
    except BaseException as error:  # noqa: BLE001 - a child never unwinds into its parent's frames
        os.write(words, (str(error) or type(error).__name__).encode(errors="replace")[:_WORDS_MAX])
    finally:
        os._exit(status)
