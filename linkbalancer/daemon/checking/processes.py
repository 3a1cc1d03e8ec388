"""Trackers that are processes: whether enough of a name run.

Their death is noticed at once, by a descriptor of each that runs; that one is there anew, within an interval.
"""

import os
from contextlib import suppress

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.tracked import Believed, Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.processes import running

HELD_MAX = 64
"""Processes of one tracker whose death is noticed at once; that of others within an interval."""


class ProcessTracker(Believed):
    """The processes of one name."""

    def __init__(self, name: str, tracker: Tracker, loop: Loop, changed: Changed) -> None:
        super().__init__("process", name, changed, tracker.delays)
        assert tracker.process is not None
        self._loop, self._tracker, self._program = loop, tracker, tracker.process
        self._due: Instant | None = None
        self._held: dict[int, int] = {}

    def begin(self, now: Instant) -> None:
        """Look for the first time."""
        self._look(now)

    def deadline(self) -> Instant | None:
        """Return when to look again, or to believe what was seen."""
        return earliest(self._due, super().deadline())

    def expire(self, now: Instant) -> None:
        """Look, or believe."""
        super().expire(now)
        if is_due(now, self._due):
            self._look(now)

    def close(self) -> None:
        """Hold none."""
        for pid in tuple(self._held):
            self._release(pid)

    def _look(self, now: Instant) -> None:
        self._due = now + self._tracker.interval
        found = running(self._program, self._tracker.command)
        for pid in self._held.keys() - found:
            self._release(pid)
        for pid in sorted(found - self._held.keys())[: HELD_MAX - len(self._held)]:
            self._hold(pid)
        wanted = self._tracker.count
        words = f"{len(found)} of {wanted} run" if wanted > 1 else ("runs" if found else "does not run")
        self.see(now, ok=len(found) >= wanted, text=words)

    def _hold(self, pid: int) -> None:
        with suppress(OSError):  # it has just ended, or is not to be seen
            self._held[pid] = os.pidfd_open(pid)
            self._loop.add(self._held[pid], self._look)

    def _release(self, pid: int) -> None:
        descriptor = self._held.pop(pid)
        self._loop.remove(descriptor)
        os.close(descriptor)
