"""A listening Unix socket that stands at its path, and again there where somebody removed it.

Whoever empties the run directory of a running service (a clean-up of old files, a hasty `rm`) takes its names away, not
its sockets: nobody would find them any more, and a successor of the agent would believe that there is no agent.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.daemon.loop import Loop


class Listening:
    """A listening socket in a loop.

    Args:
        loop: what turns.
        path: where it stands.
        kind: SOCK_STREAM or SOCK_SEQPACKET.
        accept: called when somebody connects.
        inherited: a predecessor's, already at that path.
        opened: called whenever it stands at its path anew; root alone may connect until then.
    """

    def __init__(
        self,
        loop: Loop,
        path: Path,
        kind: socket.SocketKind,
        accept: Callable[[Instant], None],
        *,
        inherited: socket.socket | None = None,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen; raises OSError."""
        self._loop, self._path, self._kind, self._accept, self._opened = loop, path, kind, accept, opened
        if inherited is None:
            self.socket = listen(path, kind)
            opened()
        else:
            self.socket = go_on_listening(inherited)
        self._file = identity(path)
        loop.add(self.socket, accept)

    def keep(self) -> None:
        """Listen anew where what stands at the path is not this socket; raises OSError."""
        if self._file is not None and identity(self._path) == self._file:
            return
        fresh = listen(self._path, self._kind)
        self.close()
        self.socket, self._file = fresh, identity(self._path)
        self._opened()
        self._loop.add(fresh, self._accept)

    def close(self) -> None:
        """Listen no more."""
        self._loop.remove(self.socket)
        self.socket.close()


def identity(path: Path) -> tuple[int, int] | None:
    """Return which file stands at a path, None where none does."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def listen(path: Path, kind: socket.SocketKind) -> socket.socket:
    """Return a listening Unix socket at a path, in place of a dead predecessor's; root alone may connect."""
    listener = bound(path, kind)
    listener.listen(128)
    return listener


def bound(path: Path, kind: socket.SocketKind) -> socket.socket:
    """Return a Unix socket at a path, in place of what stands there; root alone may use it. Raises OSError."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(0)
    old = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(old)
    return sock


def go_on_listening(listener: socket.socket) -> socket.socket:
    """Return a predecessor's listening socket; those that connect see this process from now on."""
    listener.settimeout(0)
    listener.listen(128)
    return listener
