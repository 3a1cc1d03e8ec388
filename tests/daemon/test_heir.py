"""A successor whose incumbent hands on what nobody can go on from, or is stopped at the worst moment."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.daemon.agentlock import AgentLock
from linkbalancer.daemon.heir import SILENCE, Heir
from linkbalancer.daemon.lifeline import enclose
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.succession import send
from tests.daemon.waiting import alive

GOOD = b'{"snapshot": {"schema": 2}, "at": 1}'


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[tuple[Heir, AgentLock, socket.socket, Loop]]:
    """Return an heir, its lock, and the incumbent's end of the conversation."""
    loop, lock = Loop(), AgentLock(tmp_path / "lock")
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.settimeout(1)
    yield Heir(loop, lock, ours, {}), lock, theirs, loop
    theirs.close()
    loop.forget()


def hand_on(theirs: socket.socket, told: object, content: bytes, descriptors: tuple[int, ...]) -> None:
    """Send a bequest."""
    memory = enclose(content)
    assert send(theirs, json.dumps({"bequest": told}).encode() + b"\n", [memory, *descriptors])
    os.close(memory)


def test_a_good_bequest_is_taken(ends: tuple[Heir, AgentLock, socket.socket, Loop]) -> None:
    """The sockets are there by their keys, and the incumbent is told."""
    heir, _lock, theirs, loop = ends
    with socket.socket() as heirloom:
        hand_on(theirs, {"sockets": [[["feed.sock"], 1]]}, GOOD, (heirloom.fileno(),))
    loop.turn()
    assert heir.bequest is not None
    (received,) = heir.bequest.take("feed.sock")
    received.close()
    assert theirs.recv(100) == b'{"verb": "taken"}\n'


@pytest.mark.parametrize(
    ("told", "content"),
    [
        ({"sockets": [[["feed.sock"], 1]]}, GOOD),  # what comes along is a file
        ({"sockets": [[["feed.sock"], -1]]}, b"{}"),
        ({"sockets": []}, b"{}"),
        ({"sockets": []}, b"\xff garbage"),
        ({"sockets": []}, b'{"snapshot": [1]}'),
        ({"sockets": [[[[]], 1]]}, GOOD),
        ({}, GOOD),
    ],
)
def test_nothing_is_taken_that_nobody_can_go_on_from(
    ends: tuple[Heir, AgentLock, socket.socket, Loop], told: object, content: bytes
) -> None:
    """The incumbent is not told that it may end, no descriptor is left open."""
    heir, _lock, theirs, loop = ends
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Path("/dev/null").open("rb") as file:
        hand_on(theirs, told, content, (file.fileno(),))
    loop.turn()
    assert heir.lost
    assert heir.bequest is None
    assert theirs.recv(100) == b""
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1  # the conversation itself


def test_an_incumbent_stopped_without_its_lock_never_speaks_again(tmp_path: Path) -> None:
    """It let go of its office and was stopped before it could hand on: it is killed all the same."""
    path = tmp_path / "agent.sock"
    loop, lock = Loop(), AgentLock(tmp_path / "lock")
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        os.write(tell, b"1")
        _kept = listener.accept()
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os.kill(pid, signal.SIGSTOP)
    heir = Heir(loop, lock, sock, {})
    heir.expire(loop.clock() + SILENCE)
    assert heir.lost
    assert not alive(pid)
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(tell)
    loop.forget()
