"""Being on time: memory that stays in memory, garbage collected at quiet moments, and how late timers were.

For the agent in office, whose adverts others wait for. Its turn on the processor is `turn.go_first`'s. What the host
does not allow is left out, and said: everything works without, and a busy host makes it late.
"""

import ctypes
import gc
import os
import resource
from pathlib import Path
from typing import Any

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.capabilities import IPC_LOCK
from linkbalancer.daemon.loop import Loop

EVERY: Duration = 60 * SECOND
"""How often garbage is looked for. Nearly everything is freed without that; only circles are not, and few are made."""

QUIET: Duration = 5 * MILLISECOND
"""Garbage is looked for only when nothing else is due within this; it takes less."""

PATIENCE: Duration = 120 * SECOND
"""After this it is looked for all the same: a loop that always has something due would grow without end."""

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4
_LIBC = ctypes.CDLL(None, use_errno=True)
_STATUS = Path("/proc/self/status")


def stay() -> str:
    """Keep every page that was ever touched, and will be; return why not, empty where it is so.

    Pages that are shared with the zygote stay shared, and what was never touched is not brought in (MCL_ONFAULT): it
    costs no memory, it only takes none back. A limit (LimitMEMLOCK=) that is not infinite counts all addresses, touched
    or not, and would fail a later allocation instead of this call: with one, nothing is locked.
    """
    if not (_holds(IPC_LOCK) or _unlimited()):
        return "not allowed: needs LimitMEMLOCK=infinity, or CAP_IPC_LOCK"
    if _LIBC.mlockall(_CURRENT | _FUTURE | _ON_FAULT) != 0:
        return os.strerror(ctypes.get_errno())
    return ""


def _holds(capability: int) -> bool:
    rights = next(line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(rights, 16) >> capability & 1)


def _unlimited() -> bool:
    return resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY


class Punctual:
    """What one process does about it; a source of the loop.

    Args:
        loop: the process's loop.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._why = "not yet"
        self._due: Instant | None = None
        self._late: Instant = 0
        self._collections = 0
        self._worst: Duration = 0

    def begin(self) -> None:
        """Begin: everything that there is stays for good, and is not looked at again."""
        gc.freeze()
        gc.disable()
        self._why = stay()
        self._plan(self._loop.clock())
        self._loop.watch(self)

    def sweep(self) -> None:
        """Look for garbage now: before an office is taken there is time."""
        gc.collect()

    def deadline(self) -> Instant | None:
        """Return when garbage is looked for next (the loop asks)."""
        return self._due

    def expire(self, now: Instant) -> None:
        """Look for garbage, unless something is due soon."""
        following = self._loop.next_deadline(besides=self)
        if following is not None and following - now < QUIET and now < self._late:
            self._due = following + QUIET // 5
            return
        began = self._loop.clock()
        gc.collect()
        ended = self._loop.clock()
        self._collections += 1
        self._worst = max(self._worst, ended - began)
        self._plan(ended)

    def _plan(self, now: Instant) -> None:
        self._due, self._late = now + EVERY, now + PATIENCE

    def describe(self) -> dict[str, Any]:
        """Return how punctual this process is, and by what, JSON-able."""
        return {
            "timer_lateness": self._loop.lateness.report(),
            "real_time": os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR,
            "memory_locked": not self._why,
            "memory_why": self._why,
            "collections": {"count": self._collections, "worst_us": self._worst // MICROSECOND},
        }
