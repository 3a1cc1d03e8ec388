"""Tests of the files that move a Keepalived's priorities."""

from pathlib import Path

import pytest

from linkbalancer.drivers import trackfiles
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import Family, GroupId


def test_a_number_is_put_in_place_whole(tmp_path: Path) -> None:
    """A file of the group's own, readable by Keepalived, with nothing left beside it."""
    folder = tmp_path / "run" / "keepalived"

    assert trackfiles.write(folder, GroupId(7), -254)
    assert trackfiles.write(folder, GroupId(7, Family.IPV6), 20)
    assert ["7", "7-ipv6"] == sorted(path.name for path in folder.iterdir())
    assert ("-254\n", "20\n") == ((folder / "7").read_text(), (folder / "7-ipv6").read_text())
    assert 0o644 == (folder / "7").stat().st_mode & 0o777


def test_the_same_number_changes_nothing(tmp_path: Path) -> None:
    """Keepalived would read it again."""
    trackfiles.write(tmp_path, GroupId(7), 5)
    before = (tmp_path / "7").stat().st_ino

    assert not trackfiles.write(tmp_path, GroupId(7), 5)
    assert before == (tmp_path / "7").stat().st_ino
    assert trackfiles.write(tmp_path, GroupId(7), 6)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """In words, with the path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DriverError, match=r"write .*/file/7"):
        trackfiles.write(tmp_path / "file", GroupId(7), 5)
