"""Tests of what is said of files that cannot be read."""

from pathlib import Path

import pytest

from linkbalancer.daemon import judge
from linkbalancer.daemon.texts import Texts
from tests.config.texts import CONFIG


def test_a_service_that_may_not_read_says_how_it_could(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is not root: its user is named, and what to do."""
    refused = PermissionError(13, "Permission denied", "l1.key")
    monkeypatch.setattr("os.geteuid", lambda: 65534)
    assert judge._why(refused) == "Permission denied for nobody (chgrp linkbalancer it, and chmod g+r it)"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert judge._why(refused) == "Permission denied"


def test_the_texts_of_a_configuration_are_its_own_files(tmp_path: Path) -> None:
    """Sets' files are among them, keys are not: they go into recordings and to whoever asks."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text("App=@file:far.txt * * * * * [1] name=far\n")
    (tmp_path / "far.txt").write_text("10.1.0.0/16\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/l1.key").touch(0o600)
    (tmp_path / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")

    judged = judge.judge(str(tmp_path / "linkbalancer.yaml"), Texts())

    own = {str(tmp_path / name) for name in ("linkbalancer.yaml", "apps.conf", "far.txt")}
    assert set(judged.loaded.texts) == own == set(judged.texts.files) - {str(tmp_path / "keys/l1.key")}
