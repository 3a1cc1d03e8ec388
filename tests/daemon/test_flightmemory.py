"""Memory that outlives an agent: what is in it at whatever instant somebody looks."""

import os
from collections.abc import Iterator

import pytest

from linkbalancer.daemon.flightline import Lines, understood
from linkbalancer.daemon.flightmemory import CAPACITY, FlightMemory, left


@pytest.fixture
def memory() -> Iterator[FlightMemory]:
    """Return one of segment 7, datagram 3."""
    one = FlightMemory()
    one.begin(7, 3)
    yield one
    one.close()


def found(memory: FlightMemory) -> Lines | None:
    """Return what somebody finds who looks now."""
    data = left(memory.descriptor)
    told = None if data is None else understood(data)
    assert told is None or isinstance(told, Lines)
    return told


def test_what_was_added_is_left(memory: FlightMemory) -> None:
    """As the datagram that it would have been; a line that lacks its end gets it."""
    assert found(memory) is None
    assert memory.add(b"[5,1")
    assert found(memory) == Lines(7, 3, b"[5,1]\n", last=True)
    assert memory.add(b",2]\n")
    assert found(memory) == Lines(7, 3, b"[5,1,2]\n", last=True)
    memory.begin(7, 4)
    assert found(memory) is None
    assert memory.add(b"[1,0")
    assert found(memory) == Lines(7, 4, b"[1,0]\n", last=True)


def test_what_has_no_room_is_not_added(memory: FlightMemory) -> None:
    """What was there stays."""
    assert memory.add(b"[5,1")
    assert not memory.add(CAPACITY * b"x")
    assert memory.size == 4
    assert found(memory) == Lines(7, 3, b"[5,1]\n", last=True)


def test_nonsense_is_nothing(memory: FlightMemory) -> None:
    """A file that is none of an agent's, or is cut, or has gone."""
    memory.add(b"[5,1")
    os.pwrite(memory.descriptor, (1 << 40).to_bytes(8, "little"), 16)
    assert left(memory.descriptor) is None
    reading, writing = os.pipe()
    assert left(reading) is None
    os.close(reading)
    os.close(writing)
    short = os.memfd_create("short")
    os.write(short, b"123")
    assert left(short) is None
    os.close(short)
