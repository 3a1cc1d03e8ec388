"""The agent's end of the flight recordings' line: datagrams, and whose last words they are if no more come."""

import os
import socket
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.daemon.flightline import SOCKET, introduction
from linkbalancer.daemon.flightmemory import FlightMemory

PART = 32_000
"""Bytes of a datagram after which it is full."""


class FlightSocket:
    """A socket that is connected to the recorder while there is one; it never blocks.

    Args:
        run_dir: where the recorder listens.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / SOCKET
        self._memory: FlightMemory | None = None
        self._socket: socket.socket | None = None

    def remember(self) -> None:
        """Have memory that outlives this process; raises OSError."""
        self._memory = FlightMemory()

    def begin(self, segment: Instant, number: int) -> None:
        """Have sent all that was noted: the datagram with this number is the next."""
        if self._memory is not None:
            self._memory.begin(segment, number)

    def note(self, text: str) -> bool:
        """Have more of the next datagram outlive this process; False: it is large enough to be sent now."""
        if self._memory is None:
            return True
        return self._memory.add(text.encode()) and self._memory.size <= PART

    def connect(self) -> bool:
        """Return whether there is a recorder."""
        if self._socket is not None:
            return True
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        fresh.settimeout(0)
        try:
            fresh.connect(str(self._path))
            if self._memory is not None:
                self._introduce(fresh, self._memory)
        except OSError:
            fresh.close()
            return False
        self._socket = fresh
        return True

    def send(self, data: bytes) -> bool:
        """Send a datagram; False: later. Raises OSError where the recorder has gone, with what it had not read."""
        if not self.connect() or self._socket is None:
            return False
        try:
            self._socket.send(data)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def forget(self) -> None:
        """Hang up, and give the memory back: what was not sent is left to the recorder."""
        self.close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _introduce(self, sock: socket.socket, memory: FlightMemory) -> None:
        process = os.pidfd_open(os.getpid())
        try:
            socket.send_fds(sock, [introduction()], [process, memory.descriptor])
        finally:
            os.close(process)
