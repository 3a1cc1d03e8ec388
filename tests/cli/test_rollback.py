"""Putting files back: atomically, with owner and mode kept, and the other ones kept beside."""

import os
from pathlib import Path

import pytest

from linkbalancer.cli.rollback import KEPT, _put_back, _replace
from linkbalancer.daemon.configurations import Configurations, Entry, Facts, digest


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, dict[str, object]]:
    """Return a folder of files, and the daemon's answer on what is in force."""
    folder = tmp_path / "etc"
    folder.mkdir()
    texts = {str(folder / name): f"{name} as it was\n" for name in ("linkbalancer.yaml", "apps.conf", "l1.key")}
    path = str(folder / "linkbalancer.yaml")
    entry = Entry(number=0, at=1, who="root", how="apply", digest=digest(path, texts), path=path, state="good")
    kept = Configurations(tmp_path / "configurations")
    number = kept.add(entry, Facts((), str(folder / "apps.conf"), {}), texts, ()).number
    for name, text in texts.items():
        Path(name).write_text(text)
    return folder, {"entry": number, "store": str(kept.directory)}


def test_only_what_differs_is_replaced(site: tuple[Path, dict[str, object]]) -> None:
    """The other one stays beside it, with its mode."""
    folder, answer = site
    assert _put_back(answer) == ({}, None)
    rules = folder / "apps.conf"
    rules.write_text("edited\n")
    rules.chmod(0o640)
    os.chown(rules, 12, 34)

    replaced, fault = _put_back(answer)

    assert (replaced, fault) == ({str(rules): str(rules) + KEPT}, None)
    assert rules.read_text() == "apps.conf as it was\n"
    assert Path(str(rules) + KEPT).read_text() == "edited\n"
    found = rules.stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, 12, 34)
    assert {path.name for path in folder.iterdir()} == {
        "linkbalancer.yaml",
        "apps.conf",
        "apps.conf" + KEPT,
        "l1.key",
    }


def test_files_that_are_gone_come_back(site: tuple[Path, dict[str, object]]) -> None:
    """A key for its owner alone."""
    folder, answer = site
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    replaced, _fault = _put_back(answer)
    assert set(replaced.values()) == {None}
    assert (folder / "l1.key").stat().st_mode & 0o777 == 0o600


def test_a_symbolic_link_stays_one(site: tuple[Path, dict[str, object]]) -> None:
    """What it leads to is replaced."""
    folder, answer = site
    (folder / "apps.conf").rename(folder / "real.conf")
    (folder / "apps.conf").symlink_to("real.conf")
    (folder / "real.conf").write_text("edited\n")
    _put_back(answer)
    assert (folder / "apps.conf").is_symlink()
    assert (folder / "real.conf").read_text() == "apps.conf as it was\n"
    assert (folder / f"real.conf{KEPT}").read_text() == "edited\n"


def test_what_stands_in_the_way_is_said(site: tuple[Path, dict[str, object]]) -> None:
    """A store that is not there, a folder that is none, a configuration that is not kept."""
    folder, answer = site
    (folder / "apps.conf").unlink()
    (folder / "apps.conf").mkdir()
    _replaced, fault = _put_back(answer)
    assert fault is not None
    assert "puts them back" in fault
    _replaced, fault = _put_back({**answer, "store": str(folder / "nowhere")})
    assert fault is not None
    assert _put_back({**answer, "entry": None}) == ({}, "it could not be kept")


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is copied."""

    def refuse(*_arguments: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    file = tmp_path / "apps.conf"
    file.write_text("edited\n")
    assert _replace(file, "as it was\n", secret=False) == str(file) + KEPT
    assert (file.read_text(), Path(str(file) + KEPT).read_text()) == ("as it was\n", "edited\n")
