"""One TCP connection of a drill: a numbered record each interval, both ways, for as long as the drill lasts.

Should the connection break, that is written down, and another one is made so that later faults can be judged too.
"""

import contextlib
import socket
import struct
import time
from typing import Any, Final, Protocol

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.lab.arrivals import Kind

_RECORD: Final = struct.Struct("!I28x")
_BUFFER: Final = 8 << 20
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_AGAIN: Final = 500 * MILLISECOND


class Notes(Protocol):
    """Where it is written down."""

    def note(self, kind: Kind, flow: int, number: int = 0, gateways: int = 0, at: Instant | None = None) -> None:
        """Write one record."""
        ...


class Stream:
    """One end: the near host connects, the far host accepts."""

    def __init__(self, end: dict[str, Any], notebook: Notes) -> None:
        self._end = end
        self._notebook = notebook
        self._socket: socket.socket | None = None
        self._listener = None if end["connects"] else self._listen()
        self._established = False
        self._pending = bytearray()
        self._partial = b""
        self._retry_at: Instant | None = None

    def _new_socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER)
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._end["tos"])
        with contextlib.suppress(OSError):
            # One algorithm everywhere; where it is not built in, the host's own serves as well.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        made.bind(tuple(self._end["local"]))
        made.settimeout(0)
        return made

    def _listen(self) -> socket.socket:
        listener = self._new_socket()
        listener.listen(1)
        return listener

    def fileno(self) -> int:
        """The descriptor to watch: the connection's, or the listener's while there is none; -1 for neither."""
        watched = self._socket or self._listener
        return -1 if watched is None else watched.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether the connection is being made, or has something left to send."""
        return self._socket is not None and (not self._established or bool(self._pending))

    def connect(self) -> None:
        """Begin a connection, at the end that connects."""
        if not self._end["connects"] or self._socket is not None:
            return
        self._socket = self._new_socket()
        with contextlib.suppress(BlockingIOError):
            self._socket.connect(tuple(self._end["remote"]))

    def tick(self, now: Instant) -> None:
        """Try again after a connection broke."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            try:
                self.connect()
            except OSError:
                self._broken(silently=True)

    def send(self, number: int) -> None:
        """Send a numbered record; without a connection it is lost."""
        if self._established:
            self._pending += _RECORD.pack(number)
            self.write()

    def write(self) -> None:
        """Go on connecting or sending."""
        if self._socket is None:
            return
        if not self._established:
            if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._broken(silently=True)
                return
            self._begin()
        try:
            if self._pending:
                del self._pending[: self._socket.send(self._pending)]
        except BlockingIOError:
            return
        except OSError:
            self._broken()

    def receive(self) -> None:
        """Accept a connection, or write down the records that have arrived."""
        if self._socket is None:
            if self._listener is not None:
                self._accept(self._listener)
            return
        if not self._established:
            return
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self._broken()
            return
        if not data:
            self._broken()
            return
        now = time.monotonic_ns()
        data = self._partial + data
        whole = len(data) - len(data) % _RECORD.size
        for (number,) in _RECORD.iter_unpack(data[:whole]):
            self._notebook.note(Kind.ARRIVAL, self._end["receives"], number, 0, now)
        self._partial = data[whole:]

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            self._socket, _ = listener.accept()
            self._socket.settimeout(0)
            self._begin()

    def _begin(self) -> None:
        self._established = True
        self._notebook.note(Kind.CONNECTED, self._end["receives"])

    def _broken(self, *, silently: bool = False) -> None:
        if not silently:
            self._notebook.note(Kind.BROKEN, self._end["receives"])
        if self._socket is not None:
            self._socket.close()
        self._socket, self._established, self._partial = None, False, b""
        self._pending.clear()
        if self._end["connects"]:
            self._retry_at = time.monotonic_ns() + _AGAIN
