"""Being on time: memory that stays, and garbage that is looked for when nothing else is due."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.daemon import punctual
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.punctual import EVERY, PATIENCE, QUIET, Punctual

ROOT = Path(__file__).parents[2]
LOCK = """\
import os, resource, sys
from linkbalancer.daemon.punctual import stay
if sys.argv[1] == "limited":
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 23, 1 << 23))
    os.setuid(65534)
status = lambda key: next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))
resident = status("VmRSS")
print(stay() or "locked")
print(status("VmLck") > resident // 2, status("VmRSS") - resident < 8192)
held = bytearray(64 << 20)
"""


def locked(how: str) -> list[str]:
    """Have a process lock its memory; return what it says."""
    done = subprocess.run([sys.executable, "-c", LOCK, how], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.lab
def test_memory_stays_and_costs_nothing() -> None:
    """What was never touched is not brought in."""
    assert locked("free") == ["locked", "True True"]


@pytest.mark.lab
def test_with_a_limit_nothing_is_locked() -> None:
    """A limit counts every address: a later allocation would fail, which is worse than a page that is read again."""
    assert locked("limited") == ["not allowed: needs LimitMEMLOCK=infinity, or CAP_IPC_LOCK", "False True"]


def test_a_kernel_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is quoted."""
    monkeypatch.setattr(punctual, "_unlimited", lambda: True)
    monkeypatch.setattr(punctual, "_FUTURE", 1 << 20)

    assert punctual.stay() == "Invalid argument"


class Other:
    """Something else in the loop that has a deadline."""

    def __init__(self, at: Instant | None) -> None:
        self.at = at

    def deadline(self) -> Instant | None:
        """Return it."""
        return self.at

    def expire(self, _now: Instant) -> None:
        """Do nothing."""


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Punctual, Other]]:
    """Return one that has begun at 0, beside something else, without locking this process's memory."""
    loop, other = Loop(lambda: 0), Other(None)
    loop.watch(other)
    monkeypatch.setattr(punctual, "stay", lambda: "not here")
    found = Punctual(loop)
    found.sweep()
    found.begin()
    yield found, other
    gc.enable()
    gc.unfreeze()
    loop.forget()


def test_nothing_collects_by_itself(at_rest: tuple[Punctual, Other]) -> None:
    """From its beginning on; every few seconds it is done, and counted."""
    mine, _other = at_rest
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0
    assert mine.deadline() == EVERY
    mine.expire(EVERY)

    assert mine.describe()["collections"] == {"count": 1, "worst_us": 0}
    assert mine.describe()["memory_why"] == "not here"
    assert not mine.describe()["memory_locked"]


def test_it_waits_for_a_quiet_moment(at_rest: tuple[Punctual, Other]) -> None:
    """What is due soon comes first; a loop that is never quiet is not spared for ever."""
    mine, other = at_rest
    other.at = EVERY + 3 * MILLISECOND
    mine.expire(EVERY)
    assert mine.describe()["collections"]["count"] == 0
    assert mine.deadline() == other.at + QUIET // 5
    other.at = EVERY + SECOND
    mine.expire(EVERY + 4 * MILLISECOND)
    assert mine.describe()["collections"]["count"] == 1
    other.at = PATIENCE + MILLISECOND
    mine.expire(PATIENCE)

    assert mine.describe()["collections"]["count"] == 2


def test_circles_are_freed(at_rest: tuple[Punctual, Other]) -> None:
    """Memory does not grow for want of a collector."""
    mine, _other = at_rest
    mine.expire(EVERY)
    before = len(gc.get_objects())
    for _ in range(1000):
        circle: list[object] = []
        circle.append(circle)
    assert len(gc.get_objects()) >= before + 999
    mine.expire(2 * EVERY)

    assert len(gc.get_objects()) < before + 100
