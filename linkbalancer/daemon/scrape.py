"""Where Prometheus reads: as much of HTTP/1.1 as `GET /metrics` needs, from a loop that never waits.

Whoever asks anything else, asks nonsense, or reads too slowly is told so or dropped; an answer is one snapshot for all
who asked for it meanwhile.
"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.admission import admit
from linkbalancer.daemon.listening import identity, listen
from linkbalancer.daemon.loop import Loop

CLIENTS = 16
"""Connections at once; for one more the one that has been idle longest is dropped."""

PATIENCE: Duration = 10 * SECOND
"""How long a client may be idle, or take for reading an answer."""

HEAD_LIMIT = 16_384
"""Bytes of a request's head; a body is refused."""

RETRY: Duration = 5 * SECOND
"""How long until a place that could not be listened on is tried again."""

_END = b"\r\n\r\n"

UNIX = "unix"
OFF = "off"
SOCKET = "metrics.sock"

Answer: TypeAlias = Callable[[Collector], None]
Collect: TypeAlias = Callable[[Answer], None]
"""Asks for the metrics of now; the answer comes at once or later."""


@dataclass(slots=True)
class _Client:
    """One connection: what came of its next request, and what of the last answer is still to be sent."""

    sock: socket.socket
    until: Instant
    asked: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None
    waiting: "_Request | None" = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """The head of a request."""

    method: str
    path: str
    fields: dict[str, str]
    keep: bool

    @property
    def head_only(self) -> bool:
        """Whether the answer's body is left out."""
        return self.method == "HEAD"


class ScrapeServer:
    """Serves the metrics.

    Args:
        loop: what turns.
        place: `unix`, `off`, or an address and a port.
        run_dir: where the Unix socket is.
        collect: asks for the metrics.
        complain: told why nobody can listen there; it is tried again.
        groups: those that may read the Unix socket beside the owner.
    """

    def __init__(
        self,
        loop: Loop,
        place: str,
        run_dir: Path,
        collect: Collect,
        *,
        complain: Callable[[str], None],
        groups: Sequence[str] = (),
    ) -> None:
        self._loop, self._place, self._path, self._groups = loop, place, run_dir / SOCKET, groups
        self._collect, self._complain = collect, complain
        self._clients: dict[int, _Client] = {}
        self._collecting = False
        self._listener: socket.socket | None = None
        self._file: tuple[int, int] | None = None
        self._retry_at: Instant = 0
        self._complaint = ""
        if place == OFF:
            self._path.unlink(missing_ok=True)
            return
        self._open(loop.clock())
        loop.every(SECOND, self._sweep)

    @property
    def address(self) -> str | tuple[str, int] | None:
        """Where it listens, None while it does not."""
        name: str | tuple[str, int] | None = None if self._listener is None else self._listener.getsockname()
        return name

    def close(self) -> None:
        """Hang up on everybody."""
        for client in tuple(self._clients.values()):
            self._drop(client)
        if self._listener is not None:
            self._loop.remove(self._listener)
            self._listener.close()
            self._listener = None

    def _open(self, now: Instant) -> None:
        try:
            self._listener = self._listen()
        except OSError as error:
            self._retry_at = now + RETRY
            if str(error) != self._complaint:
                self._complaint = str(error)
                why = os.strerror(error.errno) if error.errno else str(error)
                self._complain(f"cannot serve metrics on {self._place}: {why}; trying again")
            return
        self._complaint = ""
        self._loop.add(self._listener, self._accept)

    def _listen(self) -> socket.socket:
        if self._place == UNIX:
            listener = listen(self._path, socket.SOCK_STREAM)
            self._file = identity(self._path)
            admit(self._path, self._groups)
            return listener
        self._path.unlink(missing_ok=True)
        host, _, port = self._place.rpartition(":")
        listener = socket.create_server((host, int(port)), backlog=CLIENTS)
        listener.settimeout(0)
        return listener

    # -- clients -------------------------------------------------------------------------------------------------------

    def _accept(self, now: Instant) -> None:
        for _client in range(CLIENTS):
            try:
                assert self._listener is not None
                sock, _address = self._listener.accept()
            except OSError:
                return
            if len(self._clients) >= CLIENTS:
                self._drop(min(self._clients.values(), key=lambda client: client.until))
            sock.settimeout(0)
            client = _Client(sock, now + PATIENCE)
            self._clients[sock.fileno()] = client
            self._loop.add(sock, partial(self._talk, client))

    def _talk(self, client: _Client, now: Instant) -> None:
        if client.answer is not None:
            self._send(client, now)
            return
        if _END in client.asked and client.waiting is None:
            self._next(client, now)
            return
        try:
            some = client.sock.recv(HEAD_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            some = b""
        if not some or len(client.asked) > HEAD_LIMIT:
            self._drop(client)
            return
        client.asked += some
        self._next(client, now)

    def _next(self, client: _Client, now: Instant) -> None:
        """Take the next whole request, unless one is being answered."""
        if client.waiting is not None or client.answer is not None:
            return
        head, end, rest = bytes(client.asked).partition(_END)
        if not end:
            if len(head) > HEAD_LIMIT:
                self._refuse(client, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif b"\n" in head and _read(head.partition(b"\r\n")[0] + b"\r\n") is None:
                self._refuse(client, HTTPStatus.BAD_REQUEST)
            return
        client.asked = bytearray(rest)
        request = _read(head + b"\r\n")
        if request is None or request.fields.get("content-length", "0") != "0" or "transfer-encoding" in request.fields:
            self._refuse(client, HTTPStatus.BAD_REQUEST)
        elif request.path != "/metrics":
            self._refuse(client, HTTPStatus.NOT_FOUND, request)
        elif request.method not in {"GET", "HEAD"}:
            self._refuse(client, HTTPStatus.METHOD_NOT_ALLOWED, request)
        else:
            client.waiting = request
            client.until = now + PATIENCE
            if not self._collecting:
                self._collecting = True
                self._collect(self._collected)

    def _collected(self, collector: Collector) -> None:
        """Answer everybody who waits; each form is written once."""
        self._collecting = False
        written: dict[str, bytes] = {}
        for client in tuple(self._clients.values()):
            request, client.waiting = client.waiting, None
            if request is not None:
                encode, kind = choose_encoder(request.fields.get("accept", ""))
                if kind not in written:
                    written[kind] = encode(collector)
                self._answer(client, HTTPStatus.OK, kind, written[kind], request)

    def _refuse(self, client: _Client, status: HTTPStatus, request: _Request | None = None) -> None:
        body = f"{status.value} {status.phrase}: the metrics are at GET /metrics\n".encode()
        self._answer(client, status, "text/plain; charset=utf-8", body, request)

    def _answer(self, client: _Client, status: HTTPStatus, kind: str, body: bytes, request: _Request | None) -> None:
        keep = request is not None and request.keep
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            f"Connection: {'keep-alive' if keep else 'close'}",
            *(["Allow: GET, HEAD"] if status is HTTPStatus.METHOD_NOT_ALLOWED else []),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        client.last = not keep
        client.answer = memoryview(head if request is not None and request.head_only else head + body)
        self._send(client, self._loop.clock())

    def _send(self, client: _Client, now: Instant) -> None:
        assert client.answer is not None
        waiting = len(client.answer)
        try:
            client.answer = client.answer[client.sock.send(client.answer, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if len(client.answer) < waiting:
            client.until = now + PATIENCE
        if client.answer:
            self._loop.change(client.sock, partial(self._talk, client), read=False, write=True)
            return
        client.answer = None
        if client.last:
            self._drop(client)
            return
        # A next request that is here already has its turn after everybody else's.
        self._loop.change(client.sock, partial(self._talk, client), write=_END in client.asked)

    def _sweep(self, now: Instant) -> None:
        if self._listener is not None and self._place == UNIX and identity(self._path) != self._file:
            self._loop.remove(self._listener)
            self._listener.close()
            self._listener = None
        if self._listener is None and now >= self._retry_at:
            self._open(now)
        for client in tuple(self._clients.values()):
            if client.until <= now:
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.sock.fileno(), None)
        self._loop.remove(client.sock)
        client.sock.close()


def _read(head: bytes) -> _Request | None:
    """Read the head of a request; None when it is none."""
    lines = head.decode("latin-1").split("\r\n")[:-1]
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in {"HTTP/1.0", "HTTP/1.1"} or not words[0].isalpha():
        return None
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        key = name.lower()
        fields[key] = f"{fields[key]}, {value.strip()}" if key in fields else value.strip()
    wish = fields.get("connection", "").lower()
    keep = "close" not in wish if words[2] == "HTTP/1.1" else "keep-alive" in wish
    return _Request(words[0], words[1].partition("?")[0], fields, keep)
