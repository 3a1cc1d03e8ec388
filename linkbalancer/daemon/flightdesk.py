"""The recorder's end of the flight recordings' line: what agents send, and what they leave when they end."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.daemon.flightfiles import FlightFiles
from linkbalancer.daemon.flightmemory import left
from linkbalancer.daemon.listening import bound, identity
from linkbalancer.daemon.loop import Loop

AGENTS = 8
"""Agents whose end is waited for: two at most are alive, and one may connect anew."""

DATAGRAM = 262_144
"""More than any datagram has."""


class FlightDesk:
    """The socket that agents send to, in the recorder's loop."""

    def __init__(self, loop: Loop, path: Path, files: FlightFiles) -> None:
        """Listen; raises OSError."""
        self._loop, self._path, self._files = loop, path, files
        self._agents: dict[int, int] = {}
        self._socket, self._file = _bound(path)
        loop.add(self._socket, self._arrived)
        files.start()

    def keep(self) -> None:
        """Be found even when somebody empties the run directory."""
        if identity(self._path) == self._file:
            return
        with suppress(OSError):
            fresh, self._file = _bound(self._path)
            self.read()
            self._loop.remove(self._socket)
            self._socket.close()
            self._socket = fresh
            self._loop.add(fresh, self._arrived)

    def _arrived(self, _now: Instant) -> None:
        self.read()

    def read(self) -> bool:
        """Take what has come; return whether there may be more."""
        for _ in range(64):
            try:
                data, descriptors, _flags, _address = socket.recv_fds(
                    self._socket, DATAGRAM, 2, socket.MSG_CMSG_CLOEXEC
                )
            except OSError:
                return False
            if len(descriptors) == 2:
                self._meet(*descriptors)
            self._files.take(data)
        return True

    def _meet(self, process: int, memory: int) -> None:
        """Have an agent's memory looked at when its process has ended."""
        if len(self._agents) >= AGENTS:
            self._forget(next(iter(self._agents)))
        self._agents[process] = memory
        self._loop.add(process, lambda _now: self._ended(process))

    def _ended(self, process: int) -> None:
        """Take what it had still sent, and then what it had not."""
        while self.read():
            pass
        words = left(self._agents[process])
        if words is not None:
            self._files.take(words)
        self._forget(process)

    def _forget(self, process: int) -> None:
        self._loop.remove(process)
        os.close(process)
        os.close(self._agents.pop(process))

    def end(self) -> None:
        """Write what was told by now."""
        self.read()
        self._socket.close()
        for process in tuple(self._agents):
            self._forget(process)
        self._files.end()


def _bound(path: Path) -> tuple[socket.socket, tuple[int, int] | None]:
    sock = bound(path, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock, identity(path)
