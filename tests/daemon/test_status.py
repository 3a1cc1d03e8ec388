"""The status socket."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.status import CALLERS, PATIENCE, StatusServer

BIG = {"schema": 1, "text": "x" * 1_000_000}


class Clock:
    """A clock that the test moves."""

    now: Instant = 0

    def __call__(self) -> Instant:
        """Return the present instant."""
        return self.now


class Daemon:
    """A server that is turned by a thread, as callers wait for it."""

    def __init__(self, path: Path) -> None:
        """Listen."""
        self.path, self.clock = path, Clock()
        self.loop = Loop(self.clock)
        self.server = StatusServer(self.loop, path, lambda _now: BIG)
        self.loop.every(1 * MILLISECOND, lambda _now: None)
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self.clock.now += 1 * MILLISECOND
            self.loop.turn()

    def close(self) -> None:
        """End."""
        self._stopped = True
        self._thread.join()
        self.server.close()
        self.loop.forget()

    def connect(self) -> socket.socket:
        """Return a caller's socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect(str(self.path))
        return sock


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a daemon that answers."""
    running = Daemon(tmp_path / "status.sock")
    yield running
    running.close()


def read_all(sock: socket.socket) -> bytes:
    """Return everything until the end."""
    parts = []
    while part := sock.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def ask(daemon: Daemon, request: bytes) -> Any:
    """Return the answer to a request."""
    sock = daemon.connect()
    sock.sendall(request)
    answer = json.loads(read_all(sock))
    sock.close()
    return answer


def test_one_request_one_answer(daemon: Daemon) -> None:
    """`status` brings the whole status, however long it is and in however small pieces the request comes."""
    assert ask(daemon, b"status\n") == BIG
    sock = daemon.connect()
    for byte in (b"sta", b"tus", b"\n"):
        sock.sendall(byte)
    assert json.loads(read_all(sock)) == BIG
    sock.close()


def test_unknown_requests_are_refused(daemon: Daemon) -> None:
    """Another word gets an error; a flood of bytes gets nothing."""
    assert ask(daemon, b"reboot\n") == {"schema": 1, "error": "unknown request; there is `status`"}
    sock = daemon.connect()
    try:
        sock.sendall(b"x" * 1000)
        assert read_all(sock) == b""
    except ConnectionError:
        pass
    sock.close()


def test_silent_callers_are_dropped(daemon: Daemon) -> None:
    """Who asks nothing, or reads nothing, is dropped after a while."""
    idle = [daemon.connect() for _ in range(CALLERS)]
    daemon.clock.now += 2 * PATIENCE
    assert all(read_all(sock) == b"" for sock in idle)
    assert ask(daemon, b"status\n") == BIG
    for sock in idle:
        sock.close()


def test_idle_callers_keep_nobody_out(daemon: Daemon) -> None:
    """When all places are taken, the oldest caller makes room for a new one, who gets his answer."""
    idle = [daemon.connect() for _ in range(CALLERS)]
    assert ask(daemon, b"status\n") == BIG
    assert read_all(idle[0]) == b""
    idle[-1].sendall(b"status\n")
    assert json.loads(read_all(idle[-1])) == BIG
    for sock in idle:
        sock.close()
