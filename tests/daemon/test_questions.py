"""Asking without waiting."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.questions import AGAIN, PATIENCE, REPLACEMENT, Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.server import RequestServer


class World:
    """A loop with somebody who asks and somebody who answers."""

    def __init__(self, path: Path) -> None:
        """Listen and be ready to ask."""
        self.now: Instant = 0
        self.loop = Loop(lambda: self.now)
        self.server = RequestServer(self.loop, path, self._take)
        self.questions = Questions(self.loop, path)
        self.heard: list[tuple[Any, str]] = []

    def _take(self, _now: Instant, request: Request) -> None:
        if request.verb == "add":
            request.answer({"sum": sum(request.arguments["numbers"])})
        elif request.verb != "never":
            request.refuse("usage", "no such verb")

    def ask(self, verb: str, **arguments: Any) -> None:
        """Ask, and turn until there is an answer."""
        self.questions.ask(verb, lambda answer, why: self.heard.append((answer, why)), **arguments)
        while not self.heard:
            self.loop.turn()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return such a world."""
    world = World(tmp_path / "sock")
    yield world
    world.questions.close()
    world.server.close()
    world.loop.forget()


def test_an_answer(world: World) -> None:
    """It comes with what it was asked for, however long."""
    world.ask("add", numbers=[1] * 20_000)
    assert world.heard == [({"sum": 20_000}, "")]


def test_a_refusal(world: World) -> None:
    """It comes as no answer, with the reason."""
    world.ask("dance")
    assert world.heard == [(None, "no such verb")]


def test_nobody_there(world: World) -> None:
    """With the kernel's word, once nobody can be expected any more."""
    world.server.close()
    world.questions.ask("add", lambda answer, why: world.heard.append((answer, why)), numbers=[])
    assert world.heard == []
    world.now += REPLACEMENT
    world.questions.expire(world.now)
    assert world.heard == [(None, "Connection refused")]


def test_no_answer_in_time(world: World) -> None:
    """Patience ends."""
    world.questions.ask("never", lambda answer, why: world.heard.append((answer, why)))
    for _ in range(3):
        world.now += 1
        world.questions.expire(world.now)
    assert world.heard == []
    assert world.questions.deadline() == PATIENCE
    world.questions.expire(PATIENCE)
    assert world.heard == [(None, "no answer in time")]
    assert world.questions.deadline() is None


def test_a_hearer_that_is_replaced(world: World, tmp_path: Path) -> None:
    """Its successor is asked again, and answers."""
    world.server.close()
    world.questions.ask("add", lambda answer, why: world.heard.append((answer, why)), numbers=[1, 2])
    world.server = RequestServer(world.loop, tmp_path / "sock", world._take)
    world.now += AGAIN
    while not world.heard:
        world.loop.turn()
    assert world.heard == [({"sum": 3}, "")]


@pytest.mark.parametrize("answer", [b"what?\n", b"[]\n", b'{"ok": false}\n', b'{"ok": true, "answer"\n'])
def test_an_answer_that_makes_no_sense(world: World, tmp_path: Path, answer: bytes) -> None:
    """It is none."""
    world.server.close()
    path = tmp_path / "sock"
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        world.questions.ask("add", lambda answer, why: world.heard.append((answer, why)))
        other, _ = listener.accept()
        other.sendall(answer)
        while not world.heard:
            world.loop.turn()
        other.close()
    assert world.heard == [(None, "its answer makes no sense")]


def test_a_server_that_hangs_up(world: World) -> None:
    """The end of the line is the end of the question, once nobody can be expected to take it up."""
    world.questions.ask("never", lambda answer, why: world.heard.append((answer, why)))
    world.loop.turn()
    world.now += REPLACEMENT
    world.server.close()
    while not world.heard:
        world.loop.turn()
    assert world.heard == [(None, "hung up")]
