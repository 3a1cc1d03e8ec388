"""The agent's end of a line to one worker: whoever of this daemon connected last.

When it is gone, what it had said stands (L8: unknown changes nothing); it connects again, and is told everything.
"""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from linkbalancer.clock import Instant
from linkbalancer.daemon.listening import Listening
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.peer import peer_of


class Partner:
    """A listening socket of messages (SOCK_SEQPACKET), and at most one process that is connected to it.

    Args:
        loop: what turns.
        path: where it listens.
        limit: bytes of a message at most; of a longer one, `heard` gets one more byte than that.
        greeting: what whoever connects is told.
        heard: takes a message; False hangs up.
        turned_away: told which process of which user is no part of this daemon.
    """

    def __init__(
        self,
        loop: Loop,
        path: Path,
        limit: int,
        *,
        greeting: Callable[[], bytes],
        heard: Callable[[Instant, bytes], bool],
        turned_away: Callable[[str], None],
    ) -> None:
        """Listen; raises OSError."""
        self._loop, self._limit = loop, limit
        self._greeting, self._heard, self._turned_away = greeting, heard, turned_away
        self._listening = Listening(loop, path, socket.SOCK_SEQPACKET, self._accept)
        self._sock: socket.socket | None = None
        self.pid: int | None = None

    def say(self, message: bytes) -> None:
        """Send a message; where nobody takes it, whoever connects is greeted with all there is."""
        if self._sock is None:
            return
        try:
            self._sock.send(message, socket.MSG_NOSIGNAL)
        except OSError:
            self._drop()

    def keep(self) -> None:
        """Stand at the path again where somebody removed the socket; raises OSError."""
        self._listening.keep()

    def close(self) -> None:
        """Hang up, and listen no more."""
        self._drop()
        self._listening.close()

    def _accept(self, _now: Instant) -> None:
        try:
            sock, _address = self._listening.socket.accept()
        except OSError:
            return
        peer = peer_of(sock)
        if not peer.is_ours:
            self._turned_away(f"process {peer.pid} of user {peer.uid} turned away")
            sock.close()
            return
        sock.settimeout(0)
        self._drop()
        self._sock, self.pid = sock, peer.pid
        self._loop.add(sock, partial(self._read, sock))
        self.say(self._greeting())

    def _read(self, sock: socket.socket, now: Instant) -> None:
        while sock is self._sock:
            try:
                message = sock.recv(self._limit + 1)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message or not self._heard(now, message):
                self._drop()

    def _drop(self) -> None:
        if self._sock is not None:
            self._loop.remove(self._sock)
            self._sock.close()
            self._sock = self.pid = None
