"""Asking another process of the daemon over its request socket, without waiting for the answer."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop

PATIENCE: Duration = 3 * SECOND
"""How long an answer is waited for."""

REPLACEMENT: Duration = 1 * SECOND
"""How long one who does not listen, or hangs up, is asked again: while it is replaced, somebody else soon listens."""

AGAIN: Duration = 20 * MILLISECOND
"""How long to wait before it is asked again."""

ANSWER_LIMIT = 64 << 20
"""Bytes of an answer; a longer one is none."""

Heard: TypeAlias = Callable[[dict[str, Any] | None, str], None]
"""Called once with the answer, or with None and what went wrong."""


@dataclass(slots=True)
class _Question:
    """One question under way; without a socket it waits to be asked again at `again_at`."""

    text: bytes
    heard: Heard
    until: Instant
    replaced_until: Instant
    sock: socket.socket | None = None
    again_at: Instant | None = None
    received: bytearray = field(default_factory=bytearray)


class Questions:
    """Asks over one socket path; each question has a connection of its own.

    Args:
        loop: what turns meanwhile.
        path: the socket.
        patience: how long an answer is waited for.
    """

    def __init__(self, loop: Loop, path: Path, patience: Duration = PATIENCE) -> None:
        self._loop, self._path, self._patience = loop, path, patience
        self._open: list[_Question] = []
        loop.watch(self)

    def ask(self, verb: str, heard: Heard, **arguments: object) -> None:
        """Ask; `heard` is called within the patience, never before this returns.

        A question that was not answered because its hearer ended is asked again: let it be one that may be asked twice.
        """
        now = self._loop.clock()
        text = json.dumps({"verb": verb, **arguments}).encode() + b"\n"
        question = _Question(text, heard, now + self._patience, now + REPLACEMENT)
        self._open.append(question)
        self._send(question, now)

    def close(self) -> None:
        """Give up what is being asked; nobody is told."""
        for question in tuple(self._open):
            self._drop(question)

    def deadline(self) -> Instant | None:
        """Return when something is asked again or given up (the loop asks)."""
        return min((min(one.until, one.again_at or one.until) for one in self._open), default=None)

    def expire(self, now: Instant) -> None:
        """Give up what takes too long; ask again what nobody heard."""
        for question in tuple(self._open):
            if question.until <= now:
                self._end(question, None, "no answer in time")
            elif question.again_at is not None and question.again_at <= now:
                self._send(question, now)

    def _send(self, question: _Question, now: Instant) -> None:
        question.again_at = None
        question.sock = sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(0)
        try:
            sock.connect(str(self._path))
            sock.sendall(question.text)
        except OSError as error:
            self._retry(question, now, error.strerror or str(error))
            return
        self._loop.add(sock, partial(self._read, question))

    def _retry(self, question: _Question, now: Instant, why: str) -> None:
        """Ask again soon; who was not replaced within a while is not there."""
        self._hang_up(question)
        question.received.clear()
        if now < question.replaced_until:
            question.again_at = now + AGAIN
        else:
            self._end(question, None, why)

    def _read(self, question: _Question, now: Instant) -> None:
        assert question.sock is not None
        try:
            data = question.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        question.received += data
        if question.received.endswith(b"\n"):
            self._conclude(question)
        elif len(question.received) > ANSWER_LIMIT:
            self._end(question, None, "its answer has no end")
        elif not data:
            self._retry(question, now, "hung up")

    def _conclude(self, question: _Question) -> None:
        try:
            reply = json.loads(question.received)
            answer, why = (reply["answer"], "") if reply["ok"] else (None, str(reply["error"]["what"]))
        except (KeyError, TypeError, ValueError):
            answer, why = None, "its answer makes no sense"
        self._end(question, answer, why)

    def _end(self, question: _Question, answer: dict[str, Any] | None, why: str) -> None:
        self._drop(question)
        question.heard(answer, why)

    def _drop(self, question: _Question) -> None:
        self._open.remove(question)
        self._hang_up(question)

    def _hang_up(self, question: _Question) -> None:
        if question.sock is not None:
            self._loop.remove(question.sock)
            question.sock.close()
            question.sock = None
