"""Which process is the agent: a POSIX lock, because the kernel tells who holds it, and frees it at his death."""

import errno
import fcntl
import os
import select
import signal
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from linkbalancer.daemon.listening import identity

_FLOCK: Final = struct.Struct("hhqqi4x")
_DEATH_MS: Final = 2000
"""How long a killed process may take to be gone; then the kernel holds it, and it will never run again either."""


class AgentLock:
    """The lock file; opened once, because closing any descriptor of it would free the lock."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises OSError."""
        self._path = path
        self._fd = _open(path)

    def take(self) -> bool:
        """Become the agent; False when another process is."""
        return _lock(self._fd)

    def keep(self) -> bool:
        """Hold the lock where others look for it, made anew where somebody removed the file; raises OSError.

        Returns False when another process became the agent meanwhile, because it found none.
        """
        held = os.fstat(self._fd)
        if identity(self._path) == (held.st_dev, held.st_ino):
            return True
        fresh = _open(self._path)
        if not _lock(fresh):
            os.close(fresh)
            return False
        os.close(self._fd)
        self._fd = fresh
        return True

    def release(self) -> None:
        """Be the agent no more."""
        fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def holder(self) -> int | None:
        """Return the id of the process that is the agent, None when there is none (or it cannot be seen from here)."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = _FLOCK.unpack(fcntl.fcntl(self._fd, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK or pid <= 0 else pid

    def kill_holder(self) -> int | None:
        """End whoever is the agent by SIGKILL, which a stopped process obeys too; return its id."""
        pid = self.holder()
        if pid is None:
            return None
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                if self.holder() == pid:  # so the descriptor is of this very process, and of none that got its id since
                    end(pidfd)
            finally:
                os.close(pidfd)
        return pid

    def close(self) -> None:
        """Close the file, which frees the lock."""
        os.close(self._fd)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            return False
        raise
    return True


def end(pidfd: int) -> None:
    """Kill a process, and wait until it is gone; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    select.select([pidfd], [], [], _DEATH_MS / 1000)
