"""Tests of reading a Keepalived's FIFO."""

import os
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from linkbalancer.host.notifyfifo import LINE_MAX, NotifyFifo, groups_present
from linkbalancer.links import Family, GroupId


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[NotifyFifo]:
    """Return one that is open."""
    one = NotifyFifo(tmp_path / "folder" / "notify")
    one.open()
    yield one
    one.close()


def writing(fifo: NotifyFifo) -> int:
    """Open the other end as Keepalived does."""
    return os.open(fifo.path, os.O_RDWR | os.O_NONBLOCK)


def test_nobody_writes(fifo: NotifyFifo) -> None:
    """Without Keepalived there is nobody, which is something else than nothing."""
    assert fifo.read() is None
    assert 0o600 == fifo.path.stat().st_mode & 0o777


def test_lines_arrive_whole(fifo: NotifyFifo) -> None:
    """A line is one when its end has come; the last writer's end is an end of its own."""
    end = writing(fifo)

    assert [] == fifo.read()
    os.write(end, b'INSTANCE "A" MASTER 1\nINSTANCE "B"')
    assert ['INSTANCE "A" MASTER 1'] == fifo.read()
    os.write(end, b" BACKUP 2\n")
    assert ['INSTANCE "B" BACKUP 2'] == fifo.read()
    os.close(end)
    assert fifo.read() is None


def test_what_waits_is_kept(tmp_path: Path) -> None:
    """A reader that comes later reads what was written meanwhile."""
    first = NotifyFifo(tmp_path / "notify")
    first.open()
    end = writing(first)
    first.close()
    os.write(end, b"one\n")
    later = NotifyFifo(first.path)
    later.open()

    assert ["one"] == later.read()
    os.close(end)
    later.close()


def test_a_line_without_an_end_is_thrown_away(fifo: NotifyFifo) -> None:
    """Memory has a limit."""
    end = writing(fifo)
    os.write(end, b"x" * (LINE_MAX + 1))
    assert [] == fifo.read()
    os.write(end, b"\nnext\n")

    assert ["", "next"] == fifo.read()
    os.close(end)


def test_another_fifo_at_the_path_is_noticed(fifo: NotifyFifo) -> None:
    """Keepalived removes one that it has made, and makes another."""
    assert fifo.stands
    fifo.path.unlink()
    assert not fifo.stands
    os.mkfifo(fifo.path)
    assert not fifo.stands
    fifo.open()
    assert fifo.stands


def test_no_fifo_is_an_error(tmp_path: Path) -> None:
    """A plain file would be read for ever."""
    (tmp_path / "notify").write_text("no FIFO\n")
    fifo = NotifyFifo(tmp_path / "notify")

    with pytest.raises(FileExistsError, match="no FIFO"):
        fifo.open()
    assert (-1, None, False) == (fifo.fileno(), fifo.read(), fifo.stands)


def test_addresses_of_this_host_are_found() -> None:
    """On whichever device, of either family."""
    one, six, other = GroupId(1), GroupId(1, Family.IPV6), GroupId(2)
    wanted = {one: ip_address("127.0.0.1"), six: ip_address("::1"), other: ip_address("192.0.2.77")}

    found = groups_present(wanted)

    assert one in found
    assert other not in found
