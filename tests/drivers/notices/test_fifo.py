"""A named pipe: Keepalived's lines, whole, and only while somebody reads."""

import os
import stat
from pathlib import Path

import pytest

from linkbalancer.config.topics import Topic
from linkbalancer.drivers.notices.fifo import LONGEST, Fifo, keepalived_line
from linkbalancer.drivers.notices.outcome import Outcome
from linkbalancer.engine.news import News


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a pipe is to be."""
    return tmp_path / "notify"


def reader(path: Path) -> int:
    """Begin to read."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_a_reader_gets_the_line(path: Path) -> None:
    """The pipe is made; nobody else may read it."""
    fifo = Fifo(str(path))
    assert fifo.tell("one\n") == Outcome(good=False, text="nobody reads it", away=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reading = reader(path)
    assert fifo.tell("two\n") == Outcome(good=True, text="written")

    assert os.read(reading, 100) == b"two\n"
    os.close(reading)
    fifo.close()


def test_a_reader_may_come_and_go(path: Path) -> None:
    """Who comes back gets what is told then."""
    fifo = Fifo(str(path))
    fifo.tell("one\n")
    first = reader(path)
    fifo.tell("two\n")
    os.close(first)
    assert fifo.tell("three\n") == Outcome(good=False, text="its reader is gone", away=True)
    second = reader(path)
    assert fifo.tell("three\n").good

    assert os.read(second, 100) == b"three\n"
    os.close(second)
    fifo.close()


def test_a_reader_that_does_not_read_blocks_nobody(path: Path) -> None:
    """A full pipe is as one that nobody reads; a line is written whole, or not at all."""
    fifo = Fifo(str(path))
    fifo.tell("")
    reading = reader(path)
    line = "x" * 999 + "\n"
    count = 0
    while fifo.tell(line).good:
        count += 1
    assert fifo.tell(line) == Outcome(good=False, text="its reader does not read", away=True)

    assert len(os.read(reading, 1 << 20)) == 1000 * count
    assert fifo.tell(line).good
    os.close(reading)
    fifo.close()


def test_what_is_no_pipe(path: Path) -> None:
    """Nothing is written to somebody's file."""
    path.write_text("mine")
    outcome = Fifo(str(path)).tell("one\n")

    assert outcome == Outcome(good=False, text=f"{path}: it is no named pipe; remove it, or name another place")
    assert path.read_text() == "mine"
    assert not Fifo(str(path / "below")).tell("one\n").good


def test_a_line_is_no_longer_than_a_pipe_takes(path: Path) -> None:
    """It would be torn."""
    assert "too long" in Fifo(str(path)).tell("x" * (LONGEST + 1)).text


def test_a_line_of_keepalived() -> None:
    """To the byte."""
    news = News("agent", 1, 2, 3, "vid", Topic.GROUP, "VID 1", "master: claimed", {"state": "master", "priority": 100})

    assert keepalived_line(news) == 'INSTANCE "1" MASTER 100\n'
    assert keepalived_line(news, "VI_1") == 'INSTANCE "VI_1" MASTER 100\n'
