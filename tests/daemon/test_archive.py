"""The history's file: chains, bounds, damage, and what a kill leaves."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.daemon.archive import Archive, is_damage, move_aside
from linkbalancer.daemon.recording import Told

ROOT = Path(__file__).parents[2]
WALL = 1_700_000_000 * SECOND
"""What the wall clock shows at CLOCK_BOOTTIME 0 in these tests."""


def told(number: int, cause: int | None = None, *, at: int = 0, **facts: Any) -> Told:
    """Return a record of the agent."""
    follows, kind = facts.pop("follows", {}), facts.pop("kind", "k")
    return Told(
        facts.pop("teller", "agent"), 1, number, at, kind, facts.pop("subject", "s"), "t", cause, follows, facts
    )


def rows(path: Path, *columns: str) -> list[tuple[Any, ...]]:
    """Return what is in the file."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = connection.execute("SELECT * FROM records ORDER BY id").fetchall()
    connection.close()
    return [tuple(row[column] for column in columns or ("id", "root", "cause")) for row in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "state" / "history.sqlite"


def test_chains_are_kept_with_their_root(path: Path) -> None:
    """Across batches; a cause that was lost makes a root, and what is told twice is kept once."""
    archive = Archive(path, "boot")
    archive.add([told(1), told(2, 1), told(3, 2)], WALL)
    archive.add([told(3, 2), told(4, 3), told(9, 8)], WALL)
    archive.close()

    assert rows(path) == [(1, 1, None), (2, 1, 1), (3, 1, 2), (5, 1, 3), (6, 6, None)]
    assert archive.notes == []


def test_another_tellers_record_is_found_by_what_it_is(path: Path) -> None:
    """The latest that fits and is not too old."""
    archive = Archive(path, "boot")
    died = [told(number, teller="supervisor", kind="process", subject="agent") for number in (1, 2)]
    later = told(1, at=SECOND, follows={"kind": "process", "subject": "agent"})
    other = told(2, at=SECOND, follows={"kind": "process", "subject": "api"})
    late = told(3, at=60 * SECOND, follows={"kind": "process", "subject": "agent"})
    archive.add([*died, later, other, late], WALL)
    archive.close()

    assert rows(path, "cause") == [(None,), (None,), (2,), (None,), (None,)]


def test_the_wall_clock_is_stamped_and_stamped_anew(path: Path) -> None:
    """When somebody set it, all records of this boot move with it; those of others stay."""
    archive = Archive(path, "before")
    archive.add([told(1, at=SECOND)], WALL)
    archive.close()
    archive = Archive(path, "boot")
    archive.restamp(WALL)
    archive.add([told(2, at=SECOND)], 0)
    archive.restamp(WALL)
    archive.restamp(WALL + 1)
    archive.close()

    assert rows(path, "at") == [((WALL + SECOND) // 1000,), ((WALL + SECOND) // 1000,)]


def test_old_chains_are_dropped_as_wholes(path: Path) -> None:
    """By their beginning."""
    archive = Archive(path, "boot")
    archive.add([told(1, at=0), told(2, 1, at=90 * SECOND), told(3, at=80 * SECOND)], 0)

    assert not archive.prune(before=None, size=1 << 30)
    assert archive.prune(before=60 * 10**6, size=1 << 30)
    assert not archive.prune(before=60 * 10**6, size=1 << 30)
    archive.close()
    assert rows(path, "number") == [(3,)]


def test_the_file_stays_below_its_bound(path: Path) -> None:
    """The oldest chains go first, and what they took is given back."""
    archive = Archive(path, "boot")
    for batch in range(40):
        archive.add([told(100 * batch + n, None if n % 5 == 0 else 100 * batch + n - 1) for n in range(100)], WALL)
    size = 200_000
    assert archive.held() > size
    while archive.prune(before=None, size=size):
        pass
    assert archive.held() <= size
    left = rows(path)
    assert left[0][0] > 1
    assert left[-1][0] == 4000
    assert {root for _, root, _ in left} <= {number for number, _, _ in left}
    while archive.prune(before=None, size=1):
        pass  # ends, though an empty file is larger
    assert rows(path) == []
    archive.add([told(9999)], WALL)
    archive.close()
    assert rows(path)[0][0] > 4000, "ids are never used again"
    assert path.stat().st_size < 2 * size


@pytest.mark.parametrize("damage", ["text", "pages", "newer"])
def test_what_cannot_be_trusted_is_moved_aside(path: Path, damage: str) -> None:
    """And a new one is begun."""
    archive = Archive(path, "boot")
    archive.add([told(number) for number in range(1, 2000)], WALL)
    archive.close()
    if damage == "text":
        path.write_bytes(b"no database at all" * 100)
    elif damage == "pages":
        data = bytearray(path.read_bytes())
        for page in range(4096, len(data), 4096):
            data[page : page + 200] = os.urandom(200)
        path.write_bytes(data)
    else:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()

    archive = Archive(path, "boot")
    assert "moved aside, a new one is begun" in archive.notes[0]
    archive.add([told(1)], WALL)
    archive.close()
    assert rows(path) == [(1, 1, None)]
    assert path.with_name("history.sqlite.damaged").exists()


def test_a_file_that_was_removed_is_noticed(path: Path) -> None:
    """What is written there is nowhere."""
    archive = Archive(path, "boot")
    assert archive.in_place()
    path.unlink()
    assert not archive.in_place()
    archive.close()
    move_aside(path)


def test_other_errors_are_no_damage(path: Path) -> None:
    """A folder in its place, a file that may not be read: nothing of it is moved."""
    path.mkdir(parents=True)
    with pytest.raises(sqlite3.OperationalError) as refused:
        Archive(path, "boot")
    assert not is_damage(refused.value)
    assert path.is_dir()


WRITER = """
import sys
from pathlib import Path
from linkbalancer.daemon.archive import Archive
from linkbalancer.daemon.recording import Told
archive = Archive(Path(sys.argv[1]), "boot")
for batch in range(100000):
    records = [Told("agent", 1, 10 * batch + n, 0, "k", "s", "t" * 200, None, {}, {}) for n in range(10)]
    archive.add(records, 0)
    print(batch, flush=True)
"""


def test_a_killed_writer_loses_at_most_the_last_batch(path: Path) -> None:
    """Whenever it is killed, the file is good, and every batch that was confirmed is there as a whole."""
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            confirmed = [int(process.stdout.readline()) for _ in range(40)]
            process.send_signal(signal.SIGKILL)
            confirmed += [int(line) for line in process.stdout]
        archive = Archive(path, "boot")
        archive.close()
        assert archive.notes == []
        count = len(rows(path))
        assert count % 10 == 0
        assert count >= 10 * len(confirmed)
        path.unlink()
