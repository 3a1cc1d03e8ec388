"""Tests of reading a configuration's files: bounded, and never by what would block."""

import os
from pathlib import Path

import pytest

from linkbalancer.daemon import texts
from linkbalancer.daemon.drift import Drift
from linkbalancer.daemon.scope import sums
from linkbalancer.daemon.texts import Texts, read_text


def test_a_text(tmp_path: Path) -> None:
    """Without a mark of byte order, with Unix's line ends; over a symbolic link too."""
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    (tmp_path / "link").symlink_to("file")
    assert read_text(str(tmp_path / "link")) == "a\nb\nc\n"


def test_what_is_no_file(tmp_path: Path) -> None:
    """A directory, a pipe that nobody writes to, a device that never ends."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "absent"):
        with pytest.raises(OSError, match=str(path)):
            read_text(str(path))


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, or all of them together."""
    monkeypatch.setattr(texts, "LARGEST", 100)
    for name in ("one", "other"):
        (tmp_path / name).write_text("x" * 60)
    (tmp_path / "huge").write_text("x" * 101)
    with pytest.raises(OSError, match=r"MiB together"):
        read_text(str(tmp_path / "huge"), 100)
    files = Texts()
    files._left = 100
    files.read(str(tmp_path / "one"))
    with pytest.raises(OSError, match=r"MiB together"):
        files.read(str(tmp_path / "other"))


def test_kept_texts() -> None:
    """Nothing else is read, and a key's mode is not judged again."""
    files = Texts({"a": "text"})
    assert files.read("a") == "text"
    assert files.exposure("/nowhere") is None
    with pytest.raises(FileNotFoundError):
        files.read("b")
    assert files.files == {"a": "text"}


def test_drift(tmp_path: Path) -> None:
    """Edited files are named until they are as they were; one that is gone too."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1\n")
    other.write_text("2\n")
    sums = {str(one): _sum("1\n"), str(other): _sum("2\n")}
    drift = Drift(sums)
    drift.look()
    assert drift.lines() == []
    one.write_text("changed\n")
    other.unlink()
    drift.look()
    assert "(one, other cannot be read: No such file or directory); `linkbalancer apply`" in drift.lines()[0]
    one.write_text("1\n")
    other.write_text("2\n")
    drift.look()
    assert drift.lines() == []


def _sum(text: str) -> str:
    return sums({"": text})[""]
