"""The status socket: one request line, one JSON answer, and the connection ends."""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.feed import listen
from linkbalancer.daemon.loop import Loop

CALLERS = 16
"""Connections at once; for one more the oldest is dropped: who asks is answered within a turn, who hangs is not."""

PATIENCE: Duration = 2 * SECOND
"""How long a caller may take for his request and for reading the answer."""

_REQUEST_LIMIT = 64


@dataclass(slots=True)
class _Caller:
    """One connection: what it has asked so far, and what of the answer is still to be sent."""

    sock: socket.socket
    until: Instant
    asked: bytes = b""
    answer: memoryview | None = None


class StatusServer:
    """Answers `status` with what `describe(now)` returns."""

    def __init__(self, loop: Loop, path: Path, describe: Callable[[Instant], dict[str, Any]]) -> None:
        """Listen; raises OSError."""
        self._loop, self._describe = loop, describe
        self._callers: dict[int, _Caller] = {}
        self._listener = listen(path, socket.SOCK_STREAM)
        loop.add(self._listener, self._accept)
        loop.every(PATIENCE // 2, self._sweep)

    def close(self) -> None:
        """Hang up on everybody."""
        for caller in tuple(self._callers.values()):
            self._drop(caller)
        self._loop.remove(self._listener)
        self._listener.close()

    def _accept(self, now: Instant) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            if len(self._callers) >= CALLERS:
                self._drop(next(iter(self._callers.values())))
            sock.settimeout(0)
            caller = _Caller(sock, now + PATIENCE)
            self._callers[sock.fileno()] = caller
            self._loop.add(sock, partial(self._talk, caller))

    def _talk(self, caller: _Caller, now: Instant) -> None:
        if caller.answer is None:
            try:
                data = caller.sock.recv(_REQUEST_LIMIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            caller.asked += data
            if not data or len(caller.asked) > _REQUEST_LIMIT:
                self._drop(caller)
                return
            if not caller.asked.endswith(b"\n"):
                return
            caller.answer = memoryview(self._answer(now, caller.asked.strip()))
        self._send(caller, caller.answer)

    def _answer(self, now: Instant, request: bytes) -> bytes:
        if request == b"status":
            answer = self._describe(now)
        else:
            answer = {"schema": 1, "error": "unknown request; there is `status`"}
        return json.dumps(answer).encode() + b"\n"

    def _send(self, caller: _Caller, answer: memoryview) -> None:
        try:
            caller.answer = answer[caller.sock.send(answer, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(caller)
            return
        if not caller.answer:
            self._drop(caller)
            return
        self._loop.change(caller.sock, partial(self._talk, caller), read=False, write=True)

    def _sweep(self, now: Instant) -> None:
        for caller in tuple(self._callers.values()):
            if caller.until <= now:
                self._drop(caller)

    def _drop(self, caller: _Caller) -> None:
        self._callers.pop(caller.sock.fileno(), None)
        self._loop.remove(caller.sock)
        caller.sock.close()
