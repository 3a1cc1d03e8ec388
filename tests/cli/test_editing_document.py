"""The commands in docs/editing.md do what it says, one after the other."""

import shlex
from pathlib import Path

import pytest

from linkbalancer.cli.main import main
from linkbalancer.config.rulelines import rule_lines
from tests.config.test_documents import blocks
from tests.config.texts import CONFIG

PAGE = (Path(__file__).parents[2] / "docs/editing.md").read_text()
RULES = """\
#    source  destination  TOS  source port  destination port  protocol  [VIDs, best first]
App=*        *            *    *            443               tcp       [2 1]  name=web   # browsers
App=*        *            ef   *            *                 udp       [1 2]  name=voip
App=*        *            *    *            *                 *         [1 2]  name=rest
"""


def test_the_session(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command succeeds, what it is shown to answer is what it answers, and at the end the file is as it was."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text(RULES)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/l1.key").touch(0o600)
    (tmp_path / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
    for module in ("rules", "rulechange", "places"):
        monkeypatch.setattr(f"linkbalancer.cli.{module}.DEFAULT_CONFIG", tmp_path / "linkbalancer.yaml")
    monkeypatch.setenv("LINKBALANCER_RUN_DIR", str(tmp_path))

    done = []
    for session in blocks(PAGE, "console"):
        for part in session.removeprefix("$ linkbalancer ").split("\n$ linkbalancer "):
            command, _, answer = part.partition("\n")
            assert main(shlex.split(command, comments=False)) == 0, command
            shown = capsys.readouterr().out
            assert not answer.strip() or shown == answer
            done.append(command.split()[1])
            if command.startswith("rules move ssh"):
                assert rule_lines((tmp_path / "apps.conf").read_text())[0].application == "ssh"

    assert done == ["list", "add", "disable", "enable", "move", "remove"]
    assert (tmp_path / "apps.conf").read_text() == RULES
