"""The zygote's holes: what is made after they are filled lies together; afterwards they are holes again."""

import os
import sys
from collections.abc import Iterator

import pytest

from linkbalancer.daemon import holes

POOL = 1 << 14
EVERY = 100


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    """Leave nothing filled behind."""
    yield
    holes.clear()


def full_of_holes(length: int) -> list[bytes]:
    """Return what stays of many objects, one in a hundred of which has gone."""
    many = [bytes(length) for _number in range(EVERY * EVERY * 4)]
    return [one for number, one in enumerate(many) if number % EVERY]


def pools(some: list[bytes]) -> int:
    """Return how many of the allocator's pools objects are in."""
    return len({id(one) // POOL for one in some})


@pytest.mark.parametrize("length", [1, 100, 300, 470])
def test_what_is_made_after_the_filling_lies_together(length: int) -> None:
    """A hundred new objects would be in a pool each, or two; they are in as few as they have room in."""
    rest = full_of_holes(length)
    scattered = pools([bytes(length) for _number in range(EVERY)])
    filled = holes.fill()
    together = [bytes(length) for _number in range(EVERY)]
    needed = -(-EVERY * (len(rest[0]) + 48) // POOL)
    assert filled
    assert pools(together) <= needed + 1 < scattered


def test_what_was_filled_is_free_again() -> None:
    """Who reads anew has the holes back."""
    rest = full_of_holes(100)
    assert holes.fill()
    holes.clear()
    assert pools([bytes(100) for _number in range(EVERY)]) > EVERY / 4
    assert rest


def test_filling_ends_where_no_pool_is_ever_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another allocator has no pools: nothing stays filled then."""
    before = sys.getallocatedblocks()
    monkeypatch.setattr(holes, "MOST", 1 << 10)
    assert not holes.fill()
    assert sys.getallocatedblocks() < before + EVERY


def test_a_child_copies_less() -> None:
    """What a child makes after a fork costs it fewer pages of what it shared."""
    rest = full_of_holes(100)
    scattered = copied()
    assert holes.fill()
    assert copied() < scattered / 2
    assert rest


def copied() -> int:
    """Return how many KiB of its own a child has more, when it has made some objects."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = own()
        some = [bytes(100) for _number in range(4 * EVERY)]
        os.write(writing, f"{own() - before}".encode() if some else b"")
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    answer = int(os.read(reading, 20))
    os.close(reading)
    return answer


def own() -> int:
    """Return the KiB that this process shares with nobody."""
    file = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
    text = os.read(file, 4096)
    os.close(file)
    return int(text.split(b"Private_Dirty:")[1].split()[0])
