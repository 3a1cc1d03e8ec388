"""The plan of what is not written yet, against a socket that answers as a daemon with the old files does."""

from pathlib import Path

import pytest

from linkbalancer.cli.planning import show_plan
from tests.cli.fakeapi import FakeApi, status
from tests.config.texts import CONFIG

RULES = "App=* * * * 443 tcp [2 1] name=web\nApp=* * * * * * [1 2] name=rest\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a good configuration."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text(RULES)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/l1.key").touch(0o600)
    (tmp_path / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
    return tmp_path / "linkbalancer.yaml"


def test_the_new_text_is_compared_not_the_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the editor holds counts, with CR LF too; the file has not changed."""
    rules = config.parent / "apps.conf"
    texts = {str(config): CONFIG, str(rules): RULES}
    answer = {"path": str(config), "rules": str(rules), "texts": texts, "keys": {}}
    api = FakeApi(config.parent / "run", {"configuration": answer, "status": status()})

    new = RULES.replace("App", "App=* * * * 22 tcp [1 2] name=ssh\r\nApp", 1).encode()
    show_plan(config, {rules.resolve(): new}, config.parent / "run")
    api.close()

    shown = capsys.readouterr().out
    assert "to apply it would change:\n" in shown
    assert "application ssh new" in shown
    assert "gone" not in shown


def test_no_plan(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a daemon there is nothing to compare with, and that is said."""
    show_plan(config, {}, config.parent)
    assert "no plan: no daemon answers on" in capsys.readouterr().out
