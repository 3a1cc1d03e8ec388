"""A child that does for its parent what the parent has given up the rights for; it listens to its parent alone.

Who listens to strangers needs no right, but listing the firewall's rules does. The child is forked before the rights
are given up. It is asked by a line, and answers with a JSON line; when it is silent for too long it is killed, and the
next question has another one, with what rights are left.
"""

import gc
import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeAlias

from linkbalancer.clock import Duration, Instant, in_words
from linkbalancer.daemon.forking import fork
from linkbalancer.daemon.lifeline import call_myself, die_with_parent
from linkbalancer.daemon.loop import Loop

ANSWER_LIMIT = 16 << 20
"""Bytes of an answer; a longer one is none."""

_NICENESS = 10

Work: TypeAlias = Callable[[bytes], dict[str, Any]]
"""Answers a question, in the child; what it stumbles over it says itself."""

Heard: TypeAlias = Callable[[dict[str, Any] | None, str], None]
"""Called with an answer, or with None and what went wrong."""


@dataclass(slots=True)
class _Child:
    """The child: its id, our end of the line to it, and what has come of its answer."""

    pid: int
    sock: socket.socket
    answer: bytearray = field(default_factory=bytearray)


class Aide:
    """The child, seen from its parent; at most one question at a time.

    Args:
        loop: what turns meanwhile.
        name: what the child calls itself.
        work: what the child does with a question.
        heard: told the answer to each question.
        patience: how long an answer may take.
    """

    def __init__(self, loop: Loop, name: str, work: Work, heard: Heard, patience: Duration) -> None:
        """Fork; raises OSError."""
        self._loop, self._name, self._work, self._heard, self.patience = loop, name, work, heard, patience
        self._until: Instant | None = None
        self._child: _Child | None = _fork(name, work)
        loop.watch(self)

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._until is not None

    @property
    def pid(self) -> int | None:
        """The child's id, None while there is none."""
        return None if self._child is None else self._child.pid

    def ask(self, question: bytes) -> None:
        """Ask, unless an answer is awaited already."""
        if self.busy:
            return
        now = self._loop.clock()
        self._until = now + self.patience
        try:
            child = self._child = self._child or _fork(self._name, self._work)
            child.sock.settimeout(1)
            child.sock.sendall(question + b"\n")
            child.sock.settimeout(0)
        except OSError as error:
            self._end(f"the child cannot be asked: {error.strerror or error}")
            return
        self._loop.add(child.sock, self._read)

    def close(self) -> None:
        """End the child; nobody is told."""
        self._bury()

    def deadline(self) -> Instant | None:
        """Return the end of the patience (the loop asks)."""
        return self._until

    def expire(self, _now: Instant) -> None:
        """Give up a child that does not answer."""
        self._end(f"not done within {in_words(self.patience)}: given up")

    def _read(self, _now: Instant) -> None:
        child = self._child
        assert child is not None
        try:
            some = child.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            some = b""
        child.answer += some
        if not some or len(child.answer) > ANSWER_LIMIT:
            self._end("the child has ended" if not some else "its answer is too long")
        elif child.answer.endswith(b"\n"):
            answer = json.loads(child.answer)
            child.answer.clear()
            self._loop.remove(child.sock)
            self._until = None
            self._heard(answer, "")

    def _end(self, why: str) -> None:
        self._bury()
        self._heard(None, why)

    def _bury(self) -> None:
        """Kill the child with everything that it started."""
        child, self._child, self._until = self._child, None, None
        if child is not None:
            self._loop.remove(child.sock)
            child.sock.close()
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # the id is its own until it is waited for
            os.waitpid(child.pid, 0)


def _fork(name: str, work: Work) -> _Child:
    """Fork the child; raises OSError."""
    pid, ours = fork(socket.SOCK_STREAM, partial(_run, name, work))
    with suppress(OSError):  # both sides do it, so that it is done before either goes on
        os.setpgid(pid, pid)
    return _Child(pid, ours)


def _run(name: str, work: Work, sock: socket.socket, parent: int) -> NoReturn:
    """Be the child."""
    try:
        gc.freeze()
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        os.setpgid(0, 0)
        die_with_parent(parent)
        call_myself(name)
        with suppress(OSError):  # a sandbox may forbid it
            os.nice(_NICENESS)
        with sock.makefile("rb") as questions:
            for question in questions:
                sock.sendall(json.dumps(work(question)).encode() + b"\n")
    finally:
        os._exit(0)
