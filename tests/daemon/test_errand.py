"""Errands as real children."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.loop import Loop
from tests.daemon.waiting import alive, until


class Sender:
    """Whoever sends for things: a loop, an errand, and what came of it."""

    def __init__(self, patience: Duration = 20 * SECOND) -> None:
        """Be idle."""
        self.loop = Loop()
        self.ends: list[str | None] = []
        self.beats = 0
        self.errand = Errand(self.loop, self._ended, patience)
        self.loop.every(5 * MILLISECOND, self._beat)

    def _ended(self, _now: Instant, why: str | None) -> None:
        self.ends.append(why)

    def _beat(self, _now: Instant) -> None:
        self.beats += 1

    def turn_until_ended(self) -> None:
        """Turn the loop until the errand is over."""
        end = time.monotonic() + 20
        while not self.ends:
            assert time.monotonic() < end
            self.loop.turn()


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Return a sender; what it still has under way ends with it."""
    one = Sender()
    yield one
    one.errand.close()
    one.loop.forget()


def children() -> list[int]:
    """Return the ids of this process's children."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_the_loop_turns_while_the_work_is_done(sender: Sender, tmp_path: Path) -> None:
    """The work goes on until somebody has turned the loop for a while; a second one is not begun meanwhile."""
    done, go = tmp_path / "done", tmp_path / "go"

    def work() -> None:
        until(go.exists)
        done.write_text("done")

    assert sender.errand.start(work)
    assert sender.errand.under_way
    assert not sender.errand.start(work)
    while sender.beats < 3:
        sender.loop.turn()
    assert sender.ends == []
    go.touch()
    sender.turn_until_ended()
    assert sender.ends == [None]
    assert done.read_text() == "done"
    assert not sender.errand.under_way
    assert sender.errand.deadline() is None


def test_a_failure_is_told_in_its_own_words(sender: Sender) -> None:
    """The exception's text, its name when it has none, or the status of a child that could say nothing."""

    def fail() -> None:
        raise ValueError("syntax error, unexpected newline " + "x" * 10_000)

    def fail_without_words() -> None:
        raise ValueError

    for work, why in (
        (fail, "syntax error, unexpected newline xxx"),
        (fail_without_words, "ValueError"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "the process ended with status -9"),
    ):
        assert sender.errand.start(work)
        sender.turn_until_ended()
        assert (sender.ends.pop() or "").startswith(why)


def test_what_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """After its patience the child is gone, its own child with it, and that is a failure."""
    sender = Sender(patience=300 * MILLISECOND)
    note = tmp_path / "pid"

    def hang() -> None:
        pid = os.fork()
        if pid:
            note.write_text(str(pid))
        signal.pause()

    sender.errand.start(hang)
    sender.turn_until_ended()
    sender.loop.forget()
    assert sender.ends == ["not done within 300 ms: given up"]
    assert children() == []
    until(lambda: not alive(int(note.read_text())))


def test_close_kills_and_says_nothing(sender: Sender) -> None:
    """Who ends takes his errand with him; without one there is nothing to do."""
    sender.errand.start(signal.pause)
    sender.errand.close()
    sender.errand.close()
    assert children() == []
    assert sender.ends == []


def test_the_child_holds_nothing_open(sender: Sender) -> None:
    """A socket that its parent closes is closed: the other end need not wait for the errand."""
    ours, theirs = socket.socketpair()
    sender.errand.start(signal.pause)
    ours.close()
    theirs.settimeout(10)
    assert theirs.recv(1) == b""
    theirs.close()


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """Even after kill -9 of its parent."""
    note = tmp_path / "pid"

    def work() -> None:
        note.write_text(str(os.getpid()))
        signal.pause()

    parent = os.fork()
    if parent == 0:
        try:
            Sender().errand.start(work)
            signal.pause()
        finally:
            os._exit(1)
    pid = int(until(lambda: note.exists() and note.read_text()))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    until(lambda: not alive(pid))
