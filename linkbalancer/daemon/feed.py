"""The agent's end of the feed: every application process gets the newest table, and says what it made of it.

A process that has answered once gets of a table what concerns its own applications: to read all of a thousand would
take each of a hundred longer than what it does then.

Nothing is queued: a process that does not read misses tables and later gets the newest one (style rule 10), so a slow
or stopped process can neither grow this one's memory nor hold it up.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.daemon.listening import Listening
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.peer import peer_of
from linkbalancer.feed.codec import LIMIT, Applied, Goodbye, Malformed, Packets, decode, encode
from linkbalancer.feed.table import Table

CLIENTS = 4096
"""Processes at most; one more is turned away."""


@dataclass(slots=True)
class _Client:
    """One process: its socket, whose it is, and whether it has missed the newest table.

    `introduced`: it has answered a table, and before that it has said of which applications it is.
    """

    sock: socket.socket
    pid: int
    applications: set[str] = field(default_factory=set)
    introduced: bool = False
    behind: bool = False


class FeedServer:
    """Listens on `path` and hands `heard` what the applications say."""

    def __init__(
        self,
        loop: Loop,
        path: Path,
        heard: Callable[[Instant, Applied], None],
        complain: Callable[[str], None],
        listener: socket.socket | None = None,
    ) -> None:
        """Listen, or go on with a predecessor's listening socket; raises OSError."""
        self._loop, self._heard, self._complain = loop, heard, complain
        self._newest: Packets | None = None
        self._whole = b""
        self._clients: dict[int, _Client] = {}
        self._listening = Listening(loop, path, socket.SOCK_SEQPACKET, self._accept, inherited=listener)

    @property
    def listener(self) -> int:
        """The listening socket's descriptor, for a successor."""
        return self._listening.socket.fileno()

    def keep(self) -> None:
        """Stand at the path again where somebody removed the socket; raises OSError."""
        self._listening.keep()

    def publish(self, table: Table) -> None:
        """Hand the table to everybody who can take it now, and to the others when they can."""
        self._newest, self._whole = Packets(table), encode(table)
        for client in tuple(self._clients.values()):
            self._send(client)

    def processes(self) -> dict[str, int]:
        """Return the id of the process of every application that is connected; several may have one."""
        return {name: client.pid for client in self._clients.values() for name in client.applications}

    def close(self) -> None:
        """Hang up on everybody."""
        for client in tuple(self._clients.values()):
            self._drop(client)
        self._listening.close()

    def _accept(self, _now: Instant) -> None:
        while True:
            try:
                sock, _address = self._listening.socket.accept()
            except OSError:
                return
            peer = peer_of(sock)
            if len(self._clients) >= CLIENTS or not peer.is_ours:
                self._complain(f"process {peer.pid} of user {peer.uid} turned away from the feed")
                sock.close()
                continue
            sock.settimeout(0)
            client = _Client(sock, peer.pid)
            self._clients[sock.fileno()] = client
            self._loop.add(sock, partial(self._talk, client))
            self._send(client)

    def _send(self, client: _Client) -> None:
        if self._newest is None:
            return
        data = self._newest.of(client.applications) if client.introduced else self._whole
        try:
            client.sock.send(data, socket.MSG_NOSIGNAL)
            late = False
        except BlockingIOError:
            late = True
        except OSError:
            self._drop(client)
            return
        if late != client.behind:
            client.behind = late
            self._loop.change(client.sock, partial(self._talk, client), write=late)

    def _talk(self, client: _Client, now: Instant) -> None:
        """Read one thing that a process says, so that all take turns; send it a table that it has missed."""
        try:
            data = client.sock.recv(LIMIT + 1)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data is not None and not self._understand(client, now, data):
            self._drop(client)
        elif client.behind:
            self._send(client)

    def _understand(self, client: _Client, now: Instant, data: bytes) -> bool:
        """Take in a message; return whether there may be more from that process."""
        if not data:
            return False
        match decode(data):
            case Applied() as message:
                self._name(client, {place.application for place in message.places})
                client.introduced |= message.session != 0
                self._heard(now, message)
                return True
            case Malformed(reason):
                self._complain(f"process {client.pid} sent no message of the feed: {reason}")
            case Table():
                self._complain(f"process {client.pid} sent a table")
            case Goodbye():
                pass
        return False

    def _name(self, client: _Client, applications: set[str]) -> None:
        """Note whose process it is; an older one of any of them, if it still lives, has been replaced."""
        new = applications - client.applications
        if not new:
            return
        client.applications |= new
        for other in [one for one in self._clients.values() if one is not client and one.applications & new]:
            self._drop(other)

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.sock.fileno(), None)
        self._loop.remove(client.sock)
        client.sock.close()
