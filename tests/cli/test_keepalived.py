"""Tests of `linkbalancer keepalived render`."""

import json
from pathlib import Path

import pytest

from linkbalancer.cli.main import main

CONFIG = """\
node: b1
role: standalone
groups:
  1: {mode: keepalived, instance: LAN, device: eth0, virtual_ips: [192.0.2.1/24], priority: 150}
  2: {device: eth0, virtual_ips: [192.0.2.2/24]}
keepalived: {config: out/keepalived.conf, user: keeper}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration with a group of each kind."""
    path = tmp_path / "linkbalancer.yaml"
    path.write_text(CONFIG)
    (tmp_path / "out").mkdir()
    return path


def test_it_shows_what_to_include(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the groups that Keepalived runs, and of no other."""
    assert 0 == main(["keepalived", "render", str(config), "--run-dir", str(tmp_path / "run")])

    shown = capsys.readouterr().out
    assert "vrrp_instance LAN {" in shown
    assert f'file "{tmp_path}/run/keepalived/1"' in shown
    assert f"vrrp_notify_fifo {tmp_path}/run/keepalived/notify keeper" in shown
    assert "192.0.2.2" not in shown


def test_existing_instances_are_left_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What they must refer to is said."""
    assert 0 == main(["keepalived", "render", str(config), "--existing"])

    shown = capsys.readouterr().out
    assert "vrrp_instance LAN {" not in shown
    assert "# in vrrp_instance LAN, whose priority must be 150:" in shown
    assert "track_file linkbalancer_1 {" in shown


def test_it_writes(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the configuration says, with the folder that Keepalived needs; and again changes nothing."""
    words = ["keepalived", "render", str(config), "--write", "--run-dir", str(tmp_path / "run")]

    assert 0 == main(words)
    assert "reload Keepalived" in capsys.readouterr().out
    assert "vrrp_instance LAN" in (tmp_path / "out" / "keepalived.conf").read_text()
    assert (tmp_path / "run" / "keepalived").is_dir()
    assert 0 == main([*words, "--json"])
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert 0 == main(words)
    assert "says so already" in capsys.readouterr().out


def test_what_cannot_be_written_is_said(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence."""
    (tmp_path / "out").rmdir()

    assert 2 == main(["keepalived", "render", str(config), "--write", "--run-dir", str(tmp_path / "run")])
    assert "cannot write" in capsys.readouterr().err


def test_without_such_groups_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says where to read on."""
    path = tmp_path / "linkbalancer.yaml"
    path.write_text("node: b1\nrole: standalone\ngroups:\n  2: {device: eth0, virtual_ips: [192.0.2.2/24]}\n")

    assert 1 == main(["keepalived", "render", str(path)])
    assert "docs/keepalived.md" in capsys.readouterr().err


def test_a_bad_configuration_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its errors; and one that is not there."""
    path = tmp_path / "linkbalancer.yaml"
    path.write_text("node: b1\n")

    assert 1 == main(["keepalived", "render", str(path)])
    assert f"{path}:1:1" in capsys.readouterr().err
    assert 2 == main(["keepalived", "render", str(tmp_path / "none")])
    assert "cannot read" in capsys.readouterr().err
