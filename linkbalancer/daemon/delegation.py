"""The agent's end of the bridge to Keepalived: what it says becomes events, and what is asked for goes to it.

Whoever connected last is the bridge. When it is gone, what it had said stands (L8: unknown changes nothing).
"""

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.keepalivedline import LIMIT, SOCKET, Told, decode, encode
from linkbalancer.daemon.listening import Listening
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.bridge import Word
from linkbalancer.engine.delegate import Delegate, Steer
from linkbalancer.engine.events import KeepalivedSays
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, GroupState

Take: TypeAlias = Callable[[Instant, Iterable[KeepalivedSays]], None]

_CREDENTIALS = struct.Struct("=iII")


class KeepalivedServer:
    """Listens in the run directory.

    Args:
        loop: what turns.
        run_dir: where.
        take: told what Keepalived says.
        memberships: asked for what is known of the groups, for whoever connects, and what is asked for.
        complain: where goes what is wrong.
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        take: Take,
        memberships: Callable[[], Mapping[GroupId, Membership]],
        complain: Callable[[str, str], None],
    ) -> None:
        """Listen; raises OSError."""
        self._loop, self._take, self._memberships, self._complain = loop, take, memberships, complain
        self._listening = Listening(loop, run_dir / SOCKET, socket.SOCK_SEQPACKET, self._accept)
        self._bridge: socket.socket | None = None

    def keep(self) -> None:
        """Stand at the path again where somebody removed the socket; raises OSError."""
        self._listening.keep()

    def close(self) -> None:
        """Hang up."""
        self._drop()
        self._listening.close()

    def steer(self) -> None:
        """Pass on what is asked for now; where there is no bridge, whoever connects is told."""
        self._send(Told(asked=self._asked()))

    def _asked(self) -> dict[GroupId, Steer]:
        asked = {group: one.asked() for group, one in self._delegates()}
        return {group: steer for group, steer in asked.items() if steer is not None}

    def _said(self) -> dict[GroupId, Word]:
        return {
            group: Word(one.said, one.said_priority)
            for group, one in self._delegates()
            if one.said is not GroupState.UNKNOWN
        }

    def _delegates(self) -> Iterator[tuple[GroupId, Delegate]]:
        for group, membership in self._memberships().items():
            if isinstance(membership.router, Delegate):
                yield group, membership.router

    def _accept(self, _now: Instant) -> None:
        try:
            sock, _address = self._listening.socket.accept()
        except OSError:
            return
        pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in {0, os.geteuid()}:
            self._complain("hear Keepalived's bridge", f"process {pid} of user {uid} turned away")
            sock.close()
            return
        sock.settimeout(0)
        self._drop()
        self._bridge = sock
        self._loop.add(sock, partial(self._read, sock))
        self._send(Told(self._asked(), self._said()))

    def _send(self, told: Told) -> None:
        if self._bridge is None:
            return
        try:
            self._bridge.send(encode(told), socket.MSG_NOSIGNAL)
        except OSError:
            # It connects again, and is told everything.
            self._drop()

    def _read(self, sock: socket.socket, now: Instant) -> None:
        while sock is self._bridge:
            try:
                data = sock.recv(LIMIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            told = decode(data)
            if told is None:
                self._drop()
                return
            self._take(now, [KeepalivedSays(group, word.state, word.priority) for group, word in told.said.items()])

    def _drop(self) -> None:
        if self._bridge is not None:
            self._loop.remove(self._bridge)
            self._bridge.close()
            self._bridge = None
