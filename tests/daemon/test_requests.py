"""A request socket."""

import getpass
import grp
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.requests import ANSWER_PATIENCE, CALLERS, PATIENCE, REQUEST_LIMIT, Request, RequestServer
from tests.daemon.waiting import until

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
        self.server = RequestServer(self.loop, path, self._take)
        self.kept: list[Request] = []
        self.loop.every(1 * MILLISECOND, lambda _now: None)
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _take(self, _now: Instant, request: Request) -> None:
        match request.verb:
            case "big":
                request.answer(BIG)
            case "echo":
                request.answer({"arguments": request.arguments, "who": request.who})
            case "later":
                self.kept.append(request)
            case _:
                request.refuse("usage", "no such verb", "ask for big")

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


def ask(daemon: Daemon, request: bytes) -> Any:
    """Return the reply to a request."""
    with daemon.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(request)
        return json.loads(file.readline())


def test_requests_are_answered_in_order(daemon: Daemon) -> None:
    """However long the answer is, in however small pieces the request comes, and several in one piece."""
    assert ask(daemon, b'{"verb": "big"}\n') == {"api": 1, "ok": True, "answer": BIG}
    with daemon.connect() as sock, sock.makefile("rb") as file:
        for byte in b'{"api": 1, "verb": "echo", "x": 1}\n':
            sock.sendall(bytes([byte]))
        reply = json.loads(file.readline())
        assert reply["answer"] == {"arguments": {"x": 1}, "who": getpass.getuser()}
        sock.sendall(b'{"verb": "later"}\n{"verb": "big"}\n{"verb": "echo"}\n')
        until(lambda: daemon.kept)
        daemon.kept.pop().answer({"at": "last"})
        assert json.loads(file.readline())["answer"] == {"at": "last"}
        assert json.loads(file.readline())["answer"] == BIG
        assert json.loads(file.readline())["answer"]["arguments"] == {}


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (b"status\n", "a request is a line of JSON"),
        (b"[]\n", "a request is an object with a verb"),
        (b'{"verb": 7}\n', "a request is an object with a verb"),
        (b'{"verb": "big", "api": 2}\n', "this daemon speaks version 1 of the protocol"),
        (b'{"verb": "reboot"}\n', "no such verb"),
    ],
)
def test_what_is_no_request_is_refused(daemon: Daemon, request_: bytes, what: str) -> None:
    """The reply says what is wrong with it, and the connection goes on."""
    with daemon.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(request_)
        reply = json.loads(file.readline())
        assert reply["ok"] is False
        assert (reply["error"]["kind"], reply["error"]["what"]) == ("usage", what)
        sock.sendall(b'{"verb": "echo"}\n')
        assert json.loads(file.readline())["ok"]


def test_a_flood_of_bytes_gets_nothing(daemon: Daemon) -> None:
    """A request without an end is cut off."""
    with daemon.connect() as sock:
        try:
            sock.sendall(b"x" * (REQUEST_LIMIT + 2))
            assert sock.recv(1) == b""
        except ConnectionError:
            pass


def test_silent_callers_are_dropped(daemon: Daemon) -> None:
    """Who asks nothing is dropped after a while; who waits for an answer is told when none comes."""
    idle = [daemon.connect() for _ in range(3)]
    waiting = daemon.connect()
    waiting.sendall(b'{"verb": "later"}\n')
    until(lambda: daemon.kept)
    daemon.clock.now += 2 * PATIENCE
    assert all(sock.recv(1) == b"" for sock in idle)
    daemon.clock.now += 2 * ANSWER_PATIENCE
    assert json.loads(waiting.recv(1000))["error"]["kind"] == "unavailable"
    daemon.kept.pop().answer({})
    for sock in (*idle, waiting):
        sock.close()


def test_idle_callers_keep_nobody_out(daemon: Daemon) -> None:
    """When all places are taken, one that is idle makes room for a new caller, who gets his answer."""
    idle = [daemon.connect() for _ in range(CALLERS)]
    assert ask(daemon, b'{"verb": "big"}\n')["answer"] == BIG
    for sock in idle:
        sock.close()


def test_a_group_may_be_let_in(tmp_path: Path) -> None:
    """The socket is the owner's alone, unless a group is given that it can be given to."""
    loop = Loop()
    path = tmp_path / "sock"
    mine = grp.getgrgid(os.getgid()).gr_name
    for group, mode in ((None, 0o600), ("no-such-group", 0o600), (mine, 0o660)):
        server = RequestServer(loop, path, lambda _now, _request: None, group)
        assert path.stat().st_mode & 0o777 == mode
        server.close()
    loop.forget()
