"""Resolvers: those of the host, and questions that are put to one, by UDP and where the answer is too long by TCP.

A question has a socket of its own, so that its port is another one each time and only who was asked can answer.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from linkbalancer.engine.naming.message import PAYLOAD, Question, Refusal, Reply, Truncated, asked, read

RESOLV_CONF: Final = Path("/etc/resolv.conf")
OWN: Final = "127.0.0.1"
"""Who is asked where the host names no resolver, as the C library has it."""

RESOLVERS_MAX: Final = 3
"""Resolvers of the host that count, as for the C library."""

_PORT: Final = 53
_READS: Final = 16
_LONGEST: Final = 65_535


def of_host(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """Return the resolvers that the host names, its own where it names none."""
    found = []
    with suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                with suppress(ValueError):
                    ip_address(words[1])
                    found.append(words[1])
    return tuple(found[:RESOLVERS_MAX]) or (OWN,)


class Exchange:
    """One question to one resolver, until there is an answer. Raises OSError where it cannot even be sent.

    Attributes:
        writes: whether to wait until it can be written, not read.
    """

    def __init__(self, question: Question, resolver: str) -> None:
        self._question, self._resolver = question, resolver
        self._number = int.from_bytes(os.urandom(2))
        self._unsent, self._heard = b"", b""
        self.writes = False
        self._read: Callable[[], Reply | None] = self._by_datagram
        self._socket = self._connected(socket.SOCK_DGRAM)
        try:
            self._socket.send(asked(self._number, question))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait for; another one once the answer was too long for a datagram."""
        return self._socket.fileno()

    def close(self) -> None:
        """Ask no longer."""
        self._socket.close()

    def ready(self) -> Reply | None:
        """Return what was answered when it has come; raises OSError."""
        return self._read()

    def _connected(self, kind: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._resolver else socket.AF_INET
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            made.connect((self._resolver, _PORT))
        except BlockingIOError:
            return made
        except OSError:
            made.close()
            raise
        return made

    def _by_datagram(self) -> Reply | None:
        for _datagram in range(_READS):
            try:
                data = self._socket.recv(PAYLOAD)
            except BlockingIOError:
                return None
            reply = read(data, self._number, self._question)
            if isinstance(reply, Truncated):
                self._turn_to_stream()
                return None
            if reply is not None:
                return reply
        return None

    def _turn_to_stream(self) -> None:
        message = asked(self._number, self._question)
        self._unsent = len(message).to_bytes(2) + message
        stream = self._connected(socket.SOCK_STREAM)
        self._socket.close()
        self._socket, self._read, self.writes = stream, self._by_stream, True

    def _by_stream(self) -> Reply | None:
        try:
            if self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent, socket.MSG_NOSIGNAL) :]
                self.writes = bool(self._unsent)
                return None
            part = self._socket.recv(_LONGEST)
        except BlockingIOError:
            return None
        self._heard += part
        length = int.from_bytes(self._heard[:2])
        if len(self._heard) >= 2 and len(self._heard) >= length + 2:
            reply = read(self._heard[2 : length + 2], self._number, self._question)
            return reply if reply is not None and not isinstance(reply, Truncated) else Refusal("another answer by TCP")
        return None if part else Refusal("the answer by TCP breaks off")
