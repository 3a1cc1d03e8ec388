"""A directory at a look."""

import os
from pathlib import Path

import pytest

from linkbalancer.daemon.place import Place


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with a file in it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/name").touch()
    return tmp_path / "run"


def settled(directory: Path) -> Place:
    """Return one that has been looked at until nothing changed."""
    place = Place(directory)
    assert [place.has_changed() for _look in range(4)] == [True, True, False, False]
    return place


@pytest.mark.parametrize(
    "change",
    [
        lambda path: (path / "name").unlink(),
        lambda path: (path / "name").rename(path / "other"),
        lambda path: (path / "new").touch(),
    ],
    ids=["removed", "renamed", "made"],
)
def test_a_name_that_changes_is_seen_twice(directory: Path, change: object) -> None:
    """Another change may have hidden within the same tick of the kernel's clock."""
    place = settled(directory)
    os.utime(directory, ns=(0, 0))
    assert callable(change)
    change(directory)
    assert [place.has_changed() for _look in range(3)] == [True, True, False]


def test_what_is_written_into_a_file_is_no_change(directory: Path) -> None:
    """Names alone matter."""
    place = settled(directory)
    (directory / "name").write_text("more")
    assert not place.has_changed()


def test_another_directory_in_its_place_is_a_change(directory: Path) -> None:
    """Even one of the same age."""
    place, age = settled(directory), directory.stat().st_mtime_ns
    directory.rename(directory.with_name("old"))
    directory.mkdir()
    os.utime(directory, ns=(age, age))
    assert place.has_changed()


def test_a_directory_that_is_gone_is_looked_for_every_time(directory: Path) -> None:
    """Somebody has to make it again."""
    place = settled(directory)
    directory.rename(directory.with_name("old"))
    assert [place.has_changed() for _look in range(3)] == [True, True, True]


def test_what_was_forgotten_is_a_change(directory: Path) -> None:
    """Who could not do what a change asked for is told again."""
    place = settled(directory)
    place.forget()
    assert [place.has_changed() for _look in range(3)] == [True, True, False]
