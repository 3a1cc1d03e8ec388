"""`linkbalancer weight`: what it shows, and the one key that it edits."""

import json
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from tests.cli.fakeapi import FakeApi, status

GATEWAY = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}
  2: {device: eth0, link: l1, virtual_ips: [192.0.2.252/24]}  # the second
applications: apps.conf
"""
WORDS = "weight 80 -> priority 134: latency 80 (rtt 20 ms)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a gateway's file."""
    (tmp_path / "apps.conf").write_text("App=* * * * * * [1 2] name=all\n")
    path = tmp_path / "linkbalancer.yaml"
    path.write_text(GATEWAY)
    return path


def weigh(*words: str, config: Path) -> int:
    """Call it; nothing is applied."""
    return main(["weight", *words, "--config", str(config), "--no-apply", "--run-dir", str(config.parent / "run")])


def explained(group: int, **changes: Any) -> dict[str, Any]:
    """Return what a status says of one weight."""
    return {"group": group, "weight": 80.0, "priority": 134, "words": WORDS} | changes


def shown(tmp_path: Path, weights: list[dict[str, Any]], wanted: dict[str, Any]) -> FakeApi:
    """Return an api whose link l1 is weighed so."""
    now = status()
    now["links"]["l1"] |= {"weights": weights, "wanted": wanted}
    now["links"]["l2"] |= {"weights": [], "wanted": {}}
    return FakeApi(tmp_path / "run", {"status": now})


def test_it_shows_of_what_each_weight_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And whether the far end has it."""
    told = {"priority": 134, "weight": 80.0, "acknowledged": True, "refused": False}
    wanted = {"1": told, "2": told | {"acknowledged": False}, "3": told | {"refused": True}}
    nothing = explained(4, weight=None, priority=None, words="no weight yet: latency unknown")
    api = shown(tmp_path, [*(explained(vid) for vid in (2, 1, 3)), nothing], wanted)
    assert main(["weight", "--run-dir", str(tmp_path / "run")]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "VID link weight priority far end because",
        "1 l1 80 134 has it latency 80 (rtt 20 ms)",
        "2 l1 80 134 not heard yet latency 80 (rtt 20 ms)",
        "3 l1 80 134 refuses latency 80 (rtt 20 ms)",
        "4 l1 - as configured - latency unknown",
    ]
    assert main(["weight", "show", "--json", "--run-dir", str(tmp_path / "run")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [(one["link"], one["group"], one["far_end"]) for one in answer["weights"]][:2] == [
        ("l1", 2, wanted["2"]),
        ("l1", 1, wanted["1"]),
    ]
    api.close()


def test_where_nothing_is_weighed_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And without a daemon that nobody answers."""
    api = shown(tmp_path, [], {})
    assert main(["weight", "--run-dir", str(tmp_path / "run")]) == 0
    assert "configured at its far end" in capsys.readouterr().out
    api.close()
    assert main(["weight", "--run-dir", str(tmp_path / "run")]) == 1
    assert "no daemon answers" in capsys.readouterr().err


def test_one_key_is_edited_and_everything_else_stays(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a VID, for a link; and taken back again."""
    assert weigh("set", "2", "latency", "good=20ms", "hold=30s", config=config) == 0
    edited = GATEWAY.replace(
        "[192.0.2.252/24]}", "[192.0.2.252/24], weight: {function: latency, latency: {good: 20ms}, hold: 30s}}"
    )
    assert config.read_text() == edited
    assert "written" in capsys.readouterr().out
    assert weigh("set", "l1", "loss", config=config) == 0
    assert "insecure: true, weight: loss}" in config.read_text()
    assert weigh("reset", "l1", config=config) == 0
    assert weigh("reset", "vid 2", config=config) == 0
    assert config.read_text() == GATEWAY
    capsys.readouterr()
    assert weigh("reset", "2", config=config) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows the difference."""
    assert weigh("set", "2", "loss", "-n", config=config) == 0
    out = capsys.readouterr().out
    assert "weight: loss" in out
    assert config.read_text() == GATEWAY


@pytest.mark.parametrize(
    ("words", "exit_status", "says"),
    [
        (["set", "2", "latenzy"], 1, "there is no weight function latenzy"),
        (["set", "2", "latency", "good=1s", "bad=1ms"], 1, "good is not better than bad"),
        (["set", "2", "expression", "expression=100 - tea"], 1, "tea"),
        (["set", "9", "loss"], 1, "there is no groups.9"),
        (["set", "l9", "loss"], 1, "there is no links.l9"),
        (["set", "2/ipv6", "loss"], 1, "there is no groups.2/ipv6"),
        (["set", "2", "loss", "good"], 2, "is no setting"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_written(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], exit_status: int, says: str
) -> None:
    """With its place where it has one."""
    assert weigh(*words, config=config) == exit_status
    assert says in capsys.readouterr().err
    assert config.read_text() == GATEWAY


def test_what_is_no_file_or_no_text_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback."""
    assert weigh("set", "2", "loss", config=config.parent / "nowhere.yaml") == 2
    config.write_bytes(b"node: \xff\n")
    assert weigh("set", "2", "loss", config=config) == 1
    assert "not UTF-8" in capsys.readouterr().err
