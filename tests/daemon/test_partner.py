"""The agent's end of a line to one worker, on a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import Instant
from linkbalancer.daemon import partner as module
from linkbalancer.daemon.partner import Partner
from linkbalancer.daemon.peer import Peer
from tests.daemon.checking.turning import loop

LIMIT = 16


class Line:
    """A partner, what it heard, and whom it turned away."""

    def __init__(self, run_dir: Path) -> None:
        """Listen; `bad` is the message that is hung up on."""
        self.loop, self.path = loop(), run_dir / "line.sock"
        self.heard, self.away = list[bytes](), list[str]()
        self.partner = Partner(
            self.loop, self.path, LIMIT, greeting=lambda: b"hello", heard=self._hear, turned_away=self.away.append
        )

    def _hear(self, _now: Instant, message: bytes) -> bool:
        self.heard.append(message)
        return message != b"bad"

    def connect(self) -> socket.socket:
        """Return a worker's end, accepted."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(5)
        sock.connect(str(self.path))
        self.loop.turn()
        return sock


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Yield a listening partner."""
    listening = Line(tmp_path)
    yield listening
    listening.partner.close()
    listening.loop.forget()


def test_who_connects_is_greeted_and_heard(line: Line) -> None:
    """Every message that waits; of one that is too long, enough to see that."""
    line.partner.say(b"nobody takes this")
    with line.connect() as worker:
        assert worker.recv(100) == b"hello"
        assert line.partner.pid == os.getpid()
        for message in (b"one", b"two", b"x" * 100):
            worker.send(message)
        line.loop.turn()
        assert line.heard == [b"one", b"two", b"x" * (LIMIT + 1)]
        line.partner.say(b"answer")
        assert worker.recv(100) == b"answer"
    line.loop.turn()
    assert line.partner.pid is None


def test_what_is_refused_ends_the_line(line: Line) -> None:
    """What comes after it is not heard."""
    with line.connect() as worker:
        assert worker.recv(100) == b"hello"
        worker.send(b"bad")
        worker.send(b"more")
        line.loop.turn()
        assert line.heard == [b"bad"]
        with pytest.raises(ConnectionError):
            worker.recv(100)


def test_the_newest_is_the_partner(line: Line) -> None:
    """The one before it is hung up on."""
    with line.connect() as first, line.connect() as second:
        assert first.recv(100) == second.recv(100) == b"hello"
        assert first.recv(100) == b""
        line.partner.say(b"to the second")
        assert second.recv(100) == b"to the second"


def test_who_does_not_read_is_hung_up_on(line: Line) -> None:
    """Nothing is queued here; it connects again, and is greeted with all there is."""
    with line.connect():
        for _ in range(10_000):
            line.partner.say(b"x" * 10_000)
        assert line.partner.pid is None


def test_a_stranger_is_turned_away(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's process, whatever the rights of the file say."""
    monkeypatch.setattr(module, "peer_of", lambda _sock: Peer(7, os.geteuid() + 1))
    with line.connect() as stranger:
        assert stranger.recv(100) == b""
    assert line.away == [f"process 7 of user {os.geteuid() + 1} turned away"]
    assert line.partner.pid is None


def test_its_place_is_kept(line: Line) -> None:
    """Also when somebody empties the run directory."""
    line.path.unlink()
    line.partner.keep()
    with line.connect() as worker:
        assert worker.recv(100) == b"hello"
