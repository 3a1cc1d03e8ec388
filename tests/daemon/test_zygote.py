"""A zygote that is killed, or runs out of something, at the worst moment: what it was forked of never goes on in it."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from linkbalancer.daemon import zygote
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.supervisor import Supervisor
from linkbalancer.daemon.zygote import Brood, Order, live
from tests.daemon.waiting import until


def born(_order: Order) -> Brood:
    """Offer one worker."""
    return Brood({"agent": "1"}, b"", lambda _name, _lifeline: 0)


def unwound(begin: Callable[[], NoReturn]) -> bytes:
    """Let a child begin; return what it says that should never be said: that it goes on where it was forked."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            begin()
        finally:
            os.write(writing, b"unwound")
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as file:
        return file.read()  # ends when the last of its children has


@pytest.fixture
def line() -> Iterator[tuple[Lifeline, socket.socket]]:
    """Yield both ends of a line; at one of them a worker is asked for."""
    ours, theirs = Lifeline.pair()
    worker, its = Lifeline.pair()
    ours.say("spawn", "agent", descriptor=its.fileno())
    its.close()
    worker.close()  # whoever is forked finds its line closed, and ends
    yield ours, theirs
    ours.close()
    theirs.close()


def test_killed_while_its_child_forks(line: tuple[Lifeline, socket.socket]) -> None:
    """Whom the process in between would tell is gone: it ends, and is no second supervisor."""
    _ours, theirs = line
    supervisor, write = os.getpid(), os.write

    def begin() -> NoReturn:
        mother = os.getpid()

        def late(descriptor: int, data: bytes) -> int:
            if os.getpid() != mother:
                until(lambda: os.getppid() != mother)
            return write(descriptor, data)

        def killed(_pid: int, _options: int) -> NoReturn:
            os.kill(mother, signal.SIGKILL)
            raise AssertionError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", late)
            patch.setattr(os, "waitpid", killed)
            live(Lifeline(theirs), born, Order(), supervisor)

    assert unwound(begin) == b""


class Poor(Supervisor):
    """One whose zygote has no descriptors left."""

    def fork(self, lifeline: Lifeline, theirs: socket.socket) -> int:
        """Fork it."""
        return self._fork(lifeline, theirs, Order())

    def close(self) -> None:
        """Supervise nobody."""
        self._signals.close()
        self._loop.forget()


def test_without_descriptors(line: tuple[Lifeline, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies of that, and another one is forked: else it would go on as the supervisor that it is a copy of."""
    _ours, theirs = line

    def none() -> NoReturn:
        raise OSError(24, "Too many open files")

    supervisor, (mine, other) = Poor(born, lambda *_words, **_more: None), Lifeline.pair()
    monkeypatch.setattr(os, "pipe", none)
    try:
        child = supervisor.fork(mine, theirs)
    except OSError:  # as the supervisor takes it where it cannot fork
        os._exit(3)
    supervisor.close()
    mine.close()
    other.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == zygote.CRASHED
