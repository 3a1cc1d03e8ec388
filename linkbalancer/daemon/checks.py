"""The agent's end of the checker's line: what the checker believes becomes events.

Whoever connected last is the checker. When it is gone, what it had said stands (L8: unknown changes nothing).
"""

import os
import socket
import struct
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.checking.channel import CHECKS
from linkbalancer.daemon.listening import Listening
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import LIMIT, Malformed, Reports, decode, encode

Take: TypeAlias = Callable[[Instant, Iterable[Checked]], None]

_CREDENTIALS = struct.Struct("=iII")


class ChecksServer:
    """Listens in the run directory.

    Args:
        loop: what turns.
        run_dir: where.
        take: told what the checker says.
        known: asked for what is believed now, for whoever connects.
        complain: where goes what is wrong.
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        take: Take,
        known: Callable[[], Reports],
        complain: Callable[[str, str], None],
    ) -> None:
        """Listen; raises OSError."""
        self._loop, self._take, self._known, self._complain = loop, take, known, complain
        self._listening = Listening(loop, run_dir / CHECKS, socket.SOCK_SEQPACKET, self._accept)
        self._checker: socket.socket | None = None
        self.pid: int | None = None

    def keep(self) -> None:
        """Stand at the path again where somebody removed the socket; raises OSError."""
        self._listening.keep()

    def close(self) -> None:
        """Hang up."""
        self._drop()
        self._listening.close()

    def _accept(self, _now: Instant) -> None:
        try:
            sock, _address = self._listening.socket.accept()
        except OSError:
            return
        pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in {0, os.geteuid()}:
            self._complain("take checks", f"process {pid} of user {uid} turned away")
            sock.close()
            return
        sock.settimeout(0)
        self._drop()
        self._checker, self.pid = sock, pid
        self._loop.add(sock, partial(self._read, sock))
        try:
            sock.send(encode(self._known()), socket.MSG_NOSIGNAL)
        except OSError:
            self._drop()

    def _read(self, sock: socket.socket, now: Instant) -> None:
        while sock is self._checker:
            try:
                data = sock.recv(LIMIT + 1)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            told = decode(data) if data else None
            if told is None or isinstance(told, Malformed):
                if told is not None:
                    self._complain("take checks", f"the checker sent no reports: {told.reason}")
                self._drop()
                return
            self._take(now, [Checked(told)])

    def _drop(self) -> None:
        if self._checker is not None:
            self._loop.remove(self._checker)
            self._checker.close()
            self._checker = self.pid = None
