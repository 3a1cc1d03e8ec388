"""A request socket."""

import contextlib
import getpass
import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.server import (
    ANSWER_PATIENCE,
    CALLERS,
    PATIENCE,
    REQUEST_LIMIT,
    Caller,
    RequestServer,
)
from tests.daemon.waiting import until

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
LINES = JSON.map(lambda value: json.dumps(value).encode() + b"\n") | st.sampled_from([b"[" * 20_000 + b"\n", b"\n"])

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
        self.soon: list[Callable[[], None]] = []
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
            if self.soon:
                self.soon.pop()()
            self.loop.turn()

    def later(self, answer: dict[str, Any]) -> None:
        """Have the request that is kept answered, by the daemon's own thread."""
        until(lambda: self.kept)
        request = self.kept.pop()
        self.soon.append(lambda: request.answer(answer))

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
        daemon.later({"at": "last"})
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


def test_many_requests_in_one_piece(daemon: Daemon) -> None:
    """Thousands at once are answered all, in turns, and others are answered meanwhile; half a connection is enough."""
    with daemon.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(b'{"verb": "echo"}\n' * 3000)
        sock.shutdown(socket.SHUT_WR)
        assert ask(daemon, b'{"verb": "echo"}\n')["ok"]
        assert sum(json.loads(line)["ok"] for line in file) == 3000


def test_who_hangs_up_after_asking_twice_gets_both_answers(daemon: Daemon) -> None:
    """Also when the first one comes later."""
    with daemon.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(b'{"verb": "later"}\n{"verb": "echo"}\n')
        sock.shutdown(socket.SHUT_WR)
        daemon.later({"first": 1})
        assert [json.loads(line)["ok"] for line in file] == [True, True]


def test_a_caller_that_does_not_read_blocks_nobody(daemon: Daemon) -> None:
    """Its answers wait in the kernel, then it is dropped; what it goes on asking is not kept."""
    with daemon.connect() as deaf:
        deaf.settimeout(0.2)
        with contextlib.suppress(OSError):
            deaf.sendall(b'{"verb": "big"}\n' * 100_000)
        assert ask(daemon, b'{"verb": "big"}\n')["answer"] == BIG
        daemon.clock.now += 3 * PATIENCE
        until(lambda: len(daemon.server._callers) <= 1)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=300), LINES), max_size=6))
def test_no_bytes_do_harm(pieces: list[bytes]) -> None:
    """Whatever is sent, each line gets one line of JSON, and the next caller is answered."""
    here, there = socket.socketpair()
    loop = Loop()
    with tempfile.TemporaryDirectory() as directory:
        server = RequestServer(
            loop, Path(directory) / "sock", lambda _now, request: request.answer({"v": request.verb})
        )
        caller = Caller(there, 0, loop.clock() + PATIENCE)
        server._callers[there.fileno()] = caller
        server._attend(caller, "read")
        there.settimeout(0)
        sent = b"".join(pieces) + b'\n{"verb": "end"}\n'
        here.sendall(sent)
        here.shutdown(socket.SHUT_WR)
        while not caller.is_gone:
            loop.turn()
        replies = [json.loads(line) for line in here.makefile("rb")]
        server.close()
    here.close()
    loop.forget()
    assert len(replies) == sent.count(b"\n")
    assert all(reply["api"] == 1 for reply in replies)
    assert replies[-1]["answer"] == {"v": "end"}


def test_slow_answers_keep_neither_timers_nor_others_waiting(tmp_path: Path) -> None:
    """Callers that ask for what takes long, again and again, have turns; a timer and another server have theirs."""
    clock = Clock()
    loop = Loop(clock)

    def slow(_now: Instant, request: Request) -> None:
        clock.now += 500 * MILLISECOND
        request.answer({})

    server, other = RequestServer(loop, tmp_path / "slow", slow), RequestServer(loop, tmp_path / "other", slow)
    loop.every(100 * MILLISECOND, lambda _now: None)
    callers = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(9)]
    for number, caller in enumerate(callers):
        caller.connect(str(tmp_path / ("slow" if number else "other")))
        caller.sendall(b'{"verb": "x"}\n' * 20)
    for _ in range(400):
        clock.now += 10 * MILLISECOND
        loop.turn()
    assert loop.lateness.worst <= 1100 * MILLISECOND  # one answer of each server at most
    for caller in callers:
        caller.settimeout(0)
        assert caller.recv(1)  # everybody has had a turn
        caller.close()
    for one in (server, other):
        one.close()
    loop.forget()
