"""The snapshot's file."""

import os
from pathlib import Path

import pytest

from linkbalancer.daemon.snapshot import SIZE, SLOT, SnapshotFile

BOOT = "0" * 36


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the snapshot is."""
    return tmp_path / "agent.snapshot"


def test_the_newest_is_read_back(path: Path) -> None:
    """A successor reads the last snapshot of any number of them, and goes on from its number."""
    assert SnapshotFile(path, BOOT).read() is None
    for number in range(5):
        writer = SnapshotFile(path, BOOT)
        writer.write({"number": number})
        writer.close()
        assert SnapshotFile(path, BOOT).read() == {"number": number}


@pytest.mark.parametrize("torn_at", [0, 20, 50, 70])
def test_a_torn_snapshot_leaves_the_one_before(path: Path, torn_at: int) -> None:
    """A writer killed half-way spoils one slot; the other still holds the snapshot before."""
    file = SnapshotFile(path, BOOT)
    file.write({"number": 1, "text": "x" * 100})
    file.write({"number": 2, "text": "y" * 100})
    with path.open("r+b") as raw:
        raw.seek(0 * SLOT + torn_at)  # number 2 is in slot 0
        raw.write(b"\xff\xff\xff\xff")
    snapshot = SnapshotFile(path, BOOT).read()
    assert snapshot is not None
    assert snapshot["number"] == 1


def test_another_boots_snapshot_counts_as_none(path: Path) -> None:
    """Instants of another boot mean nothing."""
    SnapshotFile(path, BOOT).write({"number": 1})
    assert SnapshotFile(path, "1" * 36).read() is None
    assert SnapshotFile(path).read() is None


def test_what_was_handed_over_is_forgotten(path: Path) -> None:
    """After `forget` a successor finds nothing."""
    file = SnapshotFile(path, BOOT)
    file.write({"number": 1})
    file.write({"number": 2})
    file.forget()
    assert SnapshotFile(path, BOOT).read() is None


def test_a_snapshot_that_is_too_long_is_not_written(path: Path) -> None:
    """The slot is the limit; the one before stays."""
    file = SnapshotFile(path, BOOT)
    assert file.write({"number": 1})
    assert not file.write({"text": "x" * SLOT})
    assert file.read() == {"number": 1}


def test_the_file_is_the_owners_alone(path: Path) -> None:
    """Nobody else reads what the gateway knows, and its size never changes."""
    SnapshotFile(path, BOOT).write({"number": 1})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == SIZE


def test_a_sign_of_life_is_of_the_newest_snapshot(path: Path) -> None:
    """What was said of one does not hold for the next, and half a sign is none."""
    file = SnapshotFile(path, BOOT)
    file.write({"number": 1})
    file.live(7)
    assert SnapshotFile(path, BOOT).read() == {"number": 1, "alive": 7}
    file.write({"number": 2})
    assert SnapshotFile(path, BOOT).read() == {"number": 2}
    file.live(8)
    with path.open("r+b") as raw:
        raw.seek(2 * SLOT + 16)
        raw.write(b"\xff")
    assert SnapshotFile(path, BOOT).read() == {"number": 2}


def test_the_file_of_a_predecessor_that_gave_no_sign_is_read(path: Path) -> None:
    """It was shorter."""
    file = SnapshotFile(path, BOOT)
    file.write({"number": 1})
    os.truncate(path, 2 * SLOT)
    assert file.read() == {"number": 1}
