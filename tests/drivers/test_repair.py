"""What `doctor --fix` does."""

from pathlib import Path

import pytest

from linkbalancer.drivers import repair, sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.preflight.finding import RunCommand, SetSwitch, WriteFile


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """With its folder, readable by everybody, and nothing is left beside it."""
    path = tmp_path / "new" / "x.conf"
    for text in ("[Network]\n", "again\n"):
        repair.perform(WriteFile(str(path), text))
        assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """It says which, and nothing is left behind."""
    (tmp_path / "file").touch()
    with pytest.raises(DriverError, match=r"write .*x\.conf"):
        repair.perform(WriteFile(str(tmp_path / "file" / "x.conf"), ""))
    (tmp_path / "x.conf").mkdir()
    with pytest.raises(DriverError, match=r"write .*x\.conf: Is a directory"):
        repair.perform(WriteFile(str(tmp_path / "x.conf"), ""))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "x.conf"]


def test_a_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set, and set again without harm."""
    monkeypatch.setattr(sysctl, "ROOT", tmp_path)
    (tmp_path / "x").write_text("1\n")
    for _time in range(2):
        repair.perform(SetSwitch("x", "0"))
    assert (tmp_path / "x").read_text() == "0"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("no-such-program",), "no-such-program: No such file or directory"),
        (("false",), "false: status 1"),
        (("sh", "-c", "echo no rights >&2; exit 4"), "no rights"),
    ],
)
def test_a_command_that_fails(words: tuple[str, ...], why: str) -> None:
    """In its own words."""
    with pytest.raises(DriverError, match=why):
        repair.perform(RunCommand(words))


def test_a_command_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up."""
    monkeypatch.setattr(repair, "_PATIENCE_S", 0.05)
    with pytest.raises(DriverError, match="not done within"):
        repair.perform(RunCommand(("sleep", "9")))
    repair.perform(RunCommand(("true",)))
