"""`linkbalancer plan` without a daemon: two directories, in the operator's words and in the kernel's."""

import json
import os
from pathlib import Path

import pytest

from linkbalancer.cli import changing
from linkbalancer.cli.main import main

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
  2: {device: eth0, link: l1, virtual_ips: [192.168.1.252/24]}
applications: apps.conf
"""
RULES = "App=* * * * 443 tcp [2 1] name=web\n"
KEY = "1 00112233445566778899aabbccddeeff\n"


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Return two directories with the same configuration."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "linkbalancer.yaml").write_text(CONFIG)
        (tmp_path / name / "apps.conf").write_text(RULES)
        (tmp_path / name / "l1.key").write_text(KEY)
        (tmp_path / name / "l1.key").chmod(0o600)
    return tmp_path / "old", tmp_path / "new"


def plan(sides: tuple[Path, Path], *options: str) -> int:
    """Compare."""
    return main(["plan", "--from", str(sides[0]), str(sides[1]), *options])


def test_nothing(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The same, and the same but for comments."""
    assert plan(sides) == 0
    assert capsys.readouterr().out == "nothing changes\n"
    (sides[1] / "apps.conf").write_text("# new\n" + RULES)
    assert plan(sides) == 0
    assert capsys.readouterr().out == "nothing changes but comments or layout\n"


def test_a_change(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """In lines, in the kernel's terms, and as JSON."""
    (sides[1] / "apps.conf").write_text(RULES.replace("[2 1]", "[1]") + "App=* * * * 53 udp [1] name=dns\n")
    (sides[1] / "linkbalancer.yaml").write_text(CONFIG.replace(".252/24]", ".250/24]"))
    assert plan(sides, "-v") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "~ application web: VIDs 2 1 -> 1; its flows follow at once" in lines
    assert "+ rule apps.conf:2 new: App=* * * * 53 udp [1] name=dns" in lines
    assert "  - ip address 192.168.1.252 dev eth0: while Master of VID 2" in lines
    assert any(line.startswith("  + nft chains inet linkbalancer forward_") for line in lines)

    assert plan(sides, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["changes"][1] == {
        "kind": "new",
        "subject": "application dns",
        "what": "VIDs 1",
        "effect": "",
    }
    assert not told["nothing_changes"]


def test_keys_are_compared_and_never_shown(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """A new one is a change of the link."""
    (sides[1] / "l1.key").write_text("2 ffeeddccbbaa99887766554433221100\n")
    assert plan(sides, "-v") == 0
    out = capsys.readouterr().out
    assert "link l1: its keys change (numbers 1 -> 2)" in out
    assert "ffeedd" not in out


@pytest.mark.parametrize("fault", ["missing", "readable", "empty"])
def test_a_bad_key_is_an_error(sides: tuple[Path, Path], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As the daemon would refuse it."""
    key = sides[1] / "l1.key"
    if fault == "missing":
        key.unlink()
    elif fault == "readable":
        key.chmod(0o644)
    else:
        key.write_text("")
    assert plan(sides) == 1
    assert "l1.key" in capsys.readouterr().err


def test_every_error_at_once(sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """And status 1."""
    (sides[1] / "apps.conf").write_text("nonsense\nApp=* * * * * * [9]\n")
    assert plan(sides) == 1
    said = capsys.readouterr().err
    assert "apps.conf:1:1" in said
    assert "apps.conf:2:" in said


def test_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No daemon, no file, no second directory: one sentence each."""
    assert main(["plan", "--run-dir", str(tmp_path)]) == 1
    assert main(["plan", "--from", str(tmp_path), str(tmp_path)]) == 2
    assert main(["plan", "--from", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "to compare two directories: linkbalancer plan --from OLD NEW" in lines[0]


def test_a_key_that_is_not_ours_to_read(
    sides: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is not compared: no root is needed for a plan."""
    (sides[1] / "l1.key").write_text("2 ffeeddccbbaa99887766554433221100\n")

    def denied(path: str) -> str:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "access", lambda path, _mode: not path.endswith(".key"))
    monkeypatch.setattr(changing, "read_text", denied)
    assert plan(sides) == 0
    assert capsys.readouterr().out == "nothing changes\n"
