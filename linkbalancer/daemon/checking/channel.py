"""The checker's line to the agent: everything that is believed when it connects, then what changes.

An agent tells first what it had been told before, so that a checker that was started anew goes on from there. Nothing
is queued: what changes while the agent does not read is told as it is when it reads again.
"""

import socket
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.report import LIMIT, Malformed, Reports, decode, encode

CHECKS = "checks.sock"

AGAIN: Duration = 20 * MILLISECOND
AGAIN_MAX: Duration = 320 * MILLISECOND
"""How soon a lost agent is looked for again: first, and at most (doubling in between)."""

GREETING: Duration = 1000 * MILLISECOND
"""How long the agent's first word is waited for."""


Wanted: TypeAlias = tuple[Collection[str], Collection[str], Collection[str]]
"""Of whom reports are wanted: trackers, gateways, far ends over IPv6."""

TRACKER, GATEWAY, END = range(3)


class Channel:
    """A source of the loop that keeps an agent told.

    Args:
        loop: what turns.
        run_dir: where the agent listens.
        known: what the agent had been told before this checker began (called once, with the first agent's first word).
        reports: asked for what is believed now: of some, or of all (None).
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        known: Callable[[Reports], None],
        reports: Callable[[Wanted | None], Reports],
    ) -> None:
        self._loop, self._path, self._known, self._reports = loop, str(run_dir / CHECKS), known, reports
        self._socket: socket.socket | None = None
        self._greeted = False
        self._news: tuple[set[str], set[str], set[str]] = (set(), set(), set())
        self._delay = AGAIN
        self._due: Instant | None = loop.clock()
        loop.watch(self)

    def changed(self, name: str, *, of: int = TRACKER) -> None:
        """Note that one of a kind has another report than before; it is told at the end of the turn."""
        self._news[of].add(name)
        if self._greeted:
            self._due = self._loop.clock()

    def deadline(self) -> Instant | None:
        """Return when to connect, or to tell."""
        return self._due

    def expire(self, now: Instant) -> None:
        """Look for the agent, or tell it what is new."""
        self._due = None
        if self._socket is None:
            self._connect(now)
        elif not self._greeted:
            self._lost(now)
        elif any(self._news):
            self._tell(now, self._reports(self._news))

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._loop.remove(self._socket)
            self._socket.close()
            self._socket = None

    def _connect(self, now: Instant) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(0)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            self._later(now)
            return
        self._socket, self._delay, self._due = sock, AGAIN, now + GREETING
        self._loop.add(sock, self._read)

    def _later(self, now: Instant) -> None:
        self._due = now + self._delay
        self._delay = min(2 * self._delay, AGAIN_MAX)

    def _lost(self, now: Instant) -> None:
        self.close()
        self._greeted = False
        self._later(now)

    def _read(self, now: Instant) -> None:
        """Take the agent's first word, and notice when it is gone."""
        assert self._socket is not None
        try:
            data = self._socket.recv(LIMIT + 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        heard = decode(data) if data else None
        if heard is None or isinstance(heard, Malformed):
            self._lost(now)
        elif not self._greeted:
            self._greeted = True
            self._known(heard)
            self._tell(now, self._reports(None))

    def _tell(self, now: Instant, reports: Reports) -> None:
        assert self._socket is not None
        try:
            self._socket.send(encode(reports), socket.MSG_NOSIGNAL)
        except BlockingIOError:
            self._loop.change(self._socket, partial(self._writable, whole=reports.whole), write=True)
            return
        except OSError:
            self._lost(now)
            return
        for news in self._news:
            news.clear()

    def _writable(self, now: Instant, *, whole: bool) -> None:
        """Go on where the agent had not read for a while (or has gone: reading tells)."""
        assert self._socket is not None
        self._loop.change(self._socket, self._read, write=False)
        self._tell(now, self._reports(None if whole else self._news))
