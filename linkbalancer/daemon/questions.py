"""Asking another process of the daemon over its request socket, without waiting for the answer."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop

PATIENCE: Duration = 3 * SECOND
"""How long an answer is waited for."""

ANSWER_LIMIT = 64 << 20
"""Bytes of an answer; a longer one is none."""

Heard: TypeAlias = Callable[[dict[str, Any] | None, str], None]
"""Called once with the answer, or with None and what went wrong."""


@dataclass(slots=True)
class _Question:
    """One question under way."""

    sock: socket.socket
    heard: Heard
    until: Instant
    received: bytearray


class Questions:
    """Asks over one socket path; each question has a connection of its own."""

    def __init__(self, loop: Loop, path: Path) -> None:
        self._loop, self._path = loop, path
        self._open: list[_Question] = []
        loop.watch(self)

    def ask(self, verb: str, heard: Heard, **arguments: object) -> None:
        """Ask; `heard` is called within `PATIENCE`, at once where nobody listens."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(0)
        try:
            sock.connect(str(self._path))
            sock.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
        except OSError as error:
            sock.close()
            heard(None, error.strerror or str(error))
            return
        question = _Question(sock, heard, self._loop.clock() + PATIENCE, bytearray())
        self._open.append(question)
        self._loop.add(sock, partial(self._read, question))

    def close(self) -> None:
        """Give up what is being asked; nobody is told."""
        for question in tuple(self._open):
            self._drop(question)

    def deadline(self) -> Instant | None:
        """Return when the oldest question is given up (the loop asks)."""
        return min((question.until for question in self._open), default=None)

    def expire(self, now: Instant) -> None:
        """Give up what takes too long."""
        for question in [one for one in self._open if one.until <= now]:
            self._end(question, None, "no answer in time")

    def _read(self, question: _Question, _now: Instant) -> None:
        try:
            data = question.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        question.received += data
        if question.received.endswith(b"\n"):
            self._conclude(question)
        elif not data or len(question.received) > ANSWER_LIMIT:
            self._end(question, None, "hung up")

    def _conclude(self, question: _Question) -> None:
        reply = json.loads(question.received)
        if reply["ok"]:
            self._end(question, reply["answer"], "")
        else:
            self._end(question, None, reply["error"]["what"])

    def _end(self, question: _Question, answer: dict[str, Any] | None, why: str) -> None:
        self._drop(question)
        question.heard(answer, why)

    def _drop(self, question: _Question) -> None:
        self._open.remove(question)
        self._loop.remove(question.sock)
        question.sock.close()
