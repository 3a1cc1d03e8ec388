"""The recorder's process: everything that is told is kept, whatever the disk does meanwhile."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.daemon import recorder
from linkbalancer.daemon.archive import Archive
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.recorder import RecorderProcess, Writer
from linkbalancer.daemon.recording import LAG, SOCKET, Recording, Told, in_turn
from tests.daemon.test_archive import rows
from tests.daemon.waiting import until

DAYS = 90 * 86400 * SECOND


def told(number: int, at: int = 0, *, teller: str = "agent", text: str = "t", **follows: str) -> Told:
    """Return a record."""
    return Told(teller, 1, number, at, "k", "s", text, None, follows, {})


class Desk:
    """A writer with its file, and the lines that it said."""

    def __init__(self, path: Path, size: int = 1 << 26) -> None:
        """Begin."""
        self.path, self.lines = path, list[str]()
        self.writer = Writer(path, self.lines.append, keep=DAYS, size=size, pause_s=0.01, retry_s=0.05)
        self.writer.start()

    def numbers(self) -> list[int]:
        """Return the numbers of the records that are kept."""
        try:
            return [number for (number,) in rows(self.path, "number")]
        except sqlite3.Error:
            return []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a writer."""
    desk = Desk(tmp_path / "history.sqlite")
    yield desk
    desk.writer.end()


def test_what_is_told_is_kept_at_once(desk: Desk) -> None:
    """With the wall clock's time."""
    desk.writer.take([])
    desk.writer.take([told(1, boottime())])
    until(lambda: desk.numbers() == [1])
    (at,) = rows(desk.path, "at")[0]
    assert abs(at - desk.path.stat().st_mtime_ns // 1000) < 60 * 10**6
    assert desk.lines == []


def test_many_records_take_several_transactions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And arrive all."""
    monkeypatch.setattr(recorder, "BATCH", 100)
    desk.writer.take([told(number) for number in range(1, 1001)])
    until(lambda: len(desk.numbers()) == 1000)


def test_a_disk_that_refuses_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once; what comes meanwhile waits, the oldest is dropped beyond a bound, and that is said too."""
    monkeypatch.setattr(recorder, "KEPT", 5)
    broken = threading.Event()
    broken.set()
    add = Archive.add

    def full(archive: Archive, batch: list[Told], offset: int) -> None:
        if broken.is_set():
            raise sqlite3.OperationalError("database or disk is full")
        add(archive, batch, offset)

    monkeypatch.setattr(Archive, "add", full)
    desk.writer.take([told(1)])
    until(lambda: desk.lines)
    desk.writer.take([told(number) for number in range(2, 8)])
    broken.clear()
    until(lambda: desk.numbers() == [3, 4, 5, 6, 7])
    until(lambda: len(desk.lines) == 2)
    assert "cannot be written (database or disk is full); the history goes on in memory" in desk.lines[0]
    assert desk.lines[1].endswith("can be written again; 2 records were lost meanwhile")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands in its place, and goes: then there is a history."""
    (tmp_path / "state").write_text("")
    desk = Desk(tmp_path / "state" / "history.sqlite")
    desk.writer.take([told(1)])
    until(lambda: desk.lines)
    (tmp_path / "state").unlink()
    until(lambda: desk.numbers() == [1])
    desk.writer.end()


def test_a_file_that_is_removed_under_way(desk: Desk) -> None:
    """It is said, and a new one begun."""
    desk.writer.take([told(1)])
    until(lambda: desk.numbers() == [1])
    desk.path.unlink()
    desk.writer.take([told(2)])
    until(lambda: desk.numbers() == [2])
    assert "was removed" in desk.lines[0]


def test_a_file_that_is_damaged_under_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is moved aside, and what was to be written is in the new one."""
    desk.writer.take([told(1)])
    until(lambda: desk.numbers() == [1])
    add = Archive.add

    def meets_damage(_archive: Archive, _batch: list[Told], _offset: int) -> None:
        monkeypatch.setattr(Archive, "add", add)
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    monkeypatch.setattr(Archive, "add", meets_damage)
    desk.writer.take([told(2)])
    until(lambda: desk.numbers() == [2])
    assert rows(desk.path.with_name("history.sqlite.damaged"), "number") == [(1,)]
    assert desk.lines[1].endswith("is damaged: moved aside, a new one is begun")


def test_the_bound_holds_while_it_runs(tmp_path: Path) -> None:
    """Much more than fits is told; the file stays small and has the newest."""
    desk = Desk(tmp_path / "history.sqlite", size=300_000)
    for number in range(1, 6001):
        desk.writer.take([told(number, text="t" * 300)])
    until(lambda: desk.numbers()[-1:] == [6000])
    until(lambda: desk.path.stat().st_size < 600_000)
    assert desk.numbers()[0] > 1
    desk.writer.end()


def test_age_drops_only_by_a_clock_that_was_not_set_lately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps ahead by a year must not take the history with it."""
    old = Archive(tmp_path / "history.sqlite", "another boot")
    old.add([told(1)], 0)
    old.close()
    monkeypatch.setattr(recorder, "PRUNE_EVERY", 10 * MILLISECOND)
    desk = Desk(tmp_path / "history.sqlite")
    desk.writer.take([told(2, boottime())])
    until(lambda: desk.numbers() == [1, 2])
    monkeypatch.setattr(recorder, "TRUSTED_AFTER", 0)
    until(lambda: desk.numbers() == [2])
    desk.writer.end()


def test_a_clock_that_is_set_takes_this_boots_records_along(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were never at another time than the clock now says."""
    desk.writer.take([told(1, boottime())])
    until(lambda: desk.numbers() == [1])
    (before,) = rows(desk.path, "at")[0]
    monkeypatch.setattr(recorder, "boottime", lambda: boottime() - 3600 * SECOND)
    desk.writer.take([told(2, boottime())])
    until(lambda: desk.numbers() == [1, 2])
    (after,) = rows(desk.path, "at")[0]
    assert abs(after - before - 3600 * 10**6) < 10**6


def test_causes_of_others_come_first() -> None:
    """What follows from another teller's record waits for it, and its own teller's later ones wait with it."""
    batch = [
        told(1, 10, teller="app:web", kind="application"),
        told(5, 10 + MILLISECOND),
        told(2, 20, teller="app:web"),
        told(6, 10 + LAG + MILLISECOND),
    ]

    assert [(one.teller, one.number) for one in in_turn(batch)] == [
        ("agent", 5),
        ("app:web", 1),
        ("app:web", 2),
        ("agent", 6),
    ]


def test_the_process_takes_what_is_told_until_it_is_asked_to_end(tmp_path: Path) -> None:
    """Also what was told just before."""
    desk = Desk.__new__(Desk)
    desk.path, desk.lines = tmp_path / "history.sqlite", []
    writer = Writer(desk.path, desk.lines.append, keep=DAYS, size=1 << 26)
    supervisor, child = Lifeline.pair()
    (tmp_path / SOCKET).write_text("left by a predecessor")
    process = RecorderProcess(tmp_path / SOCKET, writer, Lifeline(child))
    recording = Recording(tmp_path, "agent", 1)
    recording.tell("k", "first", number=1)
    recording.flush()
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(process.run()))
    thread.start()
    until(lambda: desk.numbers() == [1])
    recording.tell("k", "second", number=2)
    recording.close()
    supervisor.say("end")
    thread.join(10)
    assert ended == [0]
    assert desk.numbers() == [1, 2]
    spoken = supervisor.hear()
    assert getattr(spoken, "word", None) == "ready"
    supervisor.close()
