"""One TCP connection of a drill: a numbered record each interval, both ways, for as long as the drill lasts.

Should the connection break, that is written down, and another one is made so that later faults can be judged too.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.lab.arrivals import Kind

_RECORD: Final = struct.Struct("!II24x")
"""A number, and the flow that it is of; the first of a connection has no number, and says for whom it is."""

_HELLO: Final = 0xFFFFFFFF
_BUFFER: Final = 8 << 20
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_AGAIN: Final = 500 * MILLISECOND


class Notes(Protocol):
    """Where it is written down."""

    def note(self, kind: Kind, flow: int, number: int = 0, gateways: int = 0, at: Instant | None = None) -> None:
        """Write one record."""
        ...


def _new_socket(local: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER)
    made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        # One algorithm everywhere; where it is not built in, the host's own serves as well.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    made.bind(local)
    made.settimeout(0)
    return made


class Listener:
    """Where the far host waits for the connections of an address and port; it hands each to the end that it is for.

    A connection says so itself, for on its way it may have been given another address and port.
    """

    def __init__(self, ends: Sequence[dict[str, Any]], notebook: Notes) -> None:
        self._socket = _new_socket(tuple(ends[0]["local"]))
        self._socket.listen(len(ends) + 8)
        self._notebook = notebook
        self._streams: dict[int, Stream] = {}
        self._ends = ends
        self._lobby: list[socket.socket] = []

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._socket.fileno()

    def take(self, stream: "Stream", end: dict[str, Any]) -> None:
        """Take an end, if it waits here."""
        if end in self._ends:
            self._streams[end["receives"]] = stream

    def receive(self) -> None:
        """Accept what has come."""
        with contextlib.suppress(BlockingIOError):
            while True:
                accepted, _peer = self._socket.accept()
                accepted.settimeout(0)
                self._lobby.append(accepted)

    def tick(self) -> None:
        """Hand over the connections that have said for whom they are."""
        waiting, self._lobby = self._lobby, []
        for accepted in waiting:
            try:
                hello = accepted.recv(_RECORD.size, socket.MSG_PEEK)
            except BlockingIOError:
                hello = None
            except OSError:
                hello = b""
            if hello is None or 0 < len(hello) < _RECORD.size:
                self._lobby.append(accepted)
                continue
            stream = self._streams.get(_RECORD.unpack(hello)[1]) if hello else None
            if stream is None:
                accepted.close()
            else:
                stream.take(accepted)


class Stream:
    """One end: the near host connects, the far host is given what its listener accepts."""

    def __init__(self, end: dict[str, Any], notebook: Notes, listeners: Sequence[Listener]) -> None:
        self._end = end
        self._notebook = notebook
        self._socket: socket.socket | None = None
        self._established = False
        self._pending = bytearray()
        self._partial = b""
        self._retry_at: Instant | None = None
        self._watched: tuple[socket.socket | None, int] = (None, 0)
        self._watched_number = -1
        self.turn: Final[int] = end["turn"]
        for listener in listeners:
            listener.take(self, end)

    def fileno(self) -> int:
        """The connection's descriptor; -1 while there is none."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether the connection is being made, or has something left to send."""
        return self._socket is not None and (not self._established or bool(self._pending))

    def watch(self, poll: select.epoll, readers: dict[int, Any]) -> None:
        """Have the connection that there is now waited for, and for what it waits."""
        events = select.EPOLLIN | (select.EPOLLOUT if self.wants_to_write else 0)
        if (self._socket, events) == self._watched:
            return
        before, _ = self._watched
        if before is not self._socket and readers.get(self._watched_number) is self:
            # The kernel has forgotten what is closed, and its number may be another's by now.
            del readers[self._watched_number]
        if self._socket is not None:
            number = self._socket.fileno()
            (poll.modify if before is self._socket else poll.register)(number, events)
            readers[number] = self
            self._watched_number = number
        self._watched = self._socket, events

    def connect(self) -> None:
        """Begin a connection, at the end that connects."""
        if not self._end["connects"] or self._socket is not None:
            return
        self._socket = _new_socket(tuple(self._end["local"]))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._end["tos"])
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
            self._pending += _RECORD.pack(number, self._end["sends"])
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
        if self._socket is None or not self._established:
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
        for number, _flow in _RECORD.iter_unpack(data[:whole]):
            if number == _HELLO:
                continue
            self._notebook.note(Kind.ARRIVAL, self._end["receives"], number, 0, now)
        self._partial = data[whole:]

    def take(self, accepted: socket.socket) -> None:
        """Go on with a connection that the other end has made; what it leaves behind is of no use to it any more."""
        if self._socket is not None:
            self._broken()
        self._socket = accepted
        accepted.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._end["tos"])
        self._begin()

    def _begin(self) -> None:
        self._established = True
        if self._end["connects"]:
            self._pending += _RECORD.pack(_HELLO, self._end["sends"])
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
