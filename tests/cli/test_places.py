"""Which configuration is meant where none is named: the running daemon's, for each command alike."""

from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from linkbalancer.cli.places import DEFAULT_CONFIG, in_use
from tests.cli.fakeapi import FakeApi


@pytest.mark.parametrize("answer", [{"kind": "rights", "what": "no"}, {"configuration": None}, {}])
def test_the_usual_one(tmp_path: Path, answer: dict[str, Any]) -> None:
    """Where no daemon tells of another."""
    assert in_use(tmp_path / "nobody") == DEFAULT_CONFIG
    daemon = FakeApi(tmp_path / "run", {"status": answer})
    try:
        assert in_use(tmp_path / "run") == DEFAULT_CONFIG
    finally:
        daemon.close()


def test_the_running_daemons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For `rules list`, `explain`, `doctor` and `edit`, as for `plan` and `apply`."""
    path = tmp_path / "gateway.yaml"
    monkeypatch.setenv("LINKBALANCER_RUN_DIR", str(tmp_path / "run"))
    daemon = FakeApi(tmp_path / "run", {"status": {"configuration": {"path": str(path)}}})
    packet = ["--src", "192.0.2.1", "--dst", "198.51.100.1", "--proto", "tcp"]
    try:
        assert in_use(tmp_path / "run") == path
        for words in (["rules", "list"], ["explain", *packet], ["doctor"], ["edit"]):
            assert main(words) == 2
            told = capsys.readouterr().err
            assert str(path) in told, words
    finally:
        daemon.close()


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is told of in a sentence, by every command that was given one."""
    for words in (["edit"], ["rules", "list"], ["doctor"], ["check"], ["plan", "--from", str(tmp_path)]):
        assert main([*words, str(tmp_path / "nowhere.yaml")]) == 2
        assert "[Errno" not in capsys.readouterr().err
