"""Tests of `linkbalancer import keepalived`."""

import json
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.importing import matching
from linkbalancer.cli.main import main

CONF = """\
global_defs { router_id gw-a
    frobnicate
}
vrrp_instance LAN {
    interface eth0
    virtual_router_id 51
    authentication { auth_type PASS
        auth_pass s3cret }
    virtual_ipaddress { 192.0.2.1/24 }
}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Return a small file."""
    path = tmp_path / "keepalived.conf"
    path.write_text(CONF)
    return path


def test_it_shows_what_it_would_write(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what it could not carry over, by kind; and no secret."""
    assert 0 == main(["import", "keepalived", str(conf)])

    shown = capsys.readouterr().out
    assert f"not carried over:\n  {conf}:2: 'frobnicate' is not known" in shown
    assert "--- linkbalancer.yaml" in shown
    assert "password_file: keys/vrrp-51.pass" in shown
    assert "s3cret" not in shown


def test_it_writes_files_that_check_accepts(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret one for its owner alone; and says what is next."""
    made = tmp_path / "made"

    assert 0 == main(["import", "keepalived", str(conf), "-o", str(made)])
    assert f"written to {made}: linkbalancer.yaml, apps.conf, keys/vrrp-51.pass" in capsys.readouterr().out
    assert 0o600 == (made / "keys" / "vrrp-51.pass").stat().st_mode & 0o777
    assert "s3cret\n" == (made / "keys" / "vrrp-51.pass").read_text()
    assert 0 == main(["check", str(made)])


def test_it_touches_nothing_that_is_there(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody has worked on it."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "apps.conf").write_text("mine\n")

    assert 2 == main(["import", "keepalived", str(conf), "-o", str(made)])
    assert "there already" in capsys.readouterr().err
    assert ["apps.conf"] == [path.name for path in made.iterdir()]


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what the command answers as JSON."""
    main(["import", "keepalived", *words, "--json"])
    return dict(json.loads(capsys.readouterr().out))


def test_it_answers_in_json(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every remark with its place, every file but the secret ones with its text."""
    answer = told(capsys, str(conf))

    assert (True, [], None) == (answer["good"], answer["errors"], answer["written"])
    assert ["lost"] == [remark["kind"] for remark in answer["remarks"]]
    assert (2, 5) == (answer["remarks"][0]["line"], answer["remarks"][0]["column"])
    assert [("linkbalancer.yaml", True), ("apps.conf", True), ("keys/vrrp-51.pass", False)] == [
        (file["name"], "text" in file) for file in answer["files"]
    ]
    assert "password" in answer["warnings"][0]["what"]


def test_a_broken_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With places; nothing is written."""
    path = tmp_path / "keepalived.conf"
    path.write_text("vrrp_instance A {\n")

    assert 1 == main(["import", "keepalived", str(path), "-o", str(tmp_path / "made")])
    shown = capsys.readouterr().out
    assert f"{path}:1:17: the block is not closed" in shown
    assert "nothing is converted" in shown
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence."""
    path = tmp_path / "keepalived.conf"
    path.write_bytes(b"\xff\xfe")

    assert 1 == main(["import", "keepalived", str(path)])
    assert "not UTF-8" in capsys.readouterr().out


def test_a_missing_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a folder that cannot be written."""
    assert 2 == main(["import", "keepalived", str(tmp_path / "none")])
    assert "cannot read" in capsys.readouterr().err


def test_lines_for_another_host_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--config-id` says which are meant, and `--node` who this is."""
    path = tmp_path / "keepalived.conf"
    text = CONF.replace("router_id gw-a", "@a router_id gw-a\n").replace(
        "interface eth0", "@b interface eth9\n@a interface eth1"
    )
    path.write_text(text)

    files = {
        file["name"]: file.get("text") for file in told(capsys, str(path), "--config-id", "b", "--node", "bb")["files"]
    }

    assert "node: bb\n" in files["linkbalancer.yaml"]
    assert "device: eth9" in files["linkbalancer.yaml"]


def test_patterns_mean_files(tmp_path: Path) -> None:
    """Wildcards and braces, in order, each file once; no hidden one, no folder."""
    for name in ("a.conf", "b.conf", ".hidden.conf", "c.inc"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.conf").mkdir()

    def names(pattern: str) -> list[str]:
        return [Path(one).name for one in matching(pattern, str(tmp_path))]

    assert ["a.conf", "b.conf"] == names("*.conf")
    assert ["c.inc", "a.conf"] == names("{c,{x,a}}.{inc,conf}")
    assert ["a.conf", "b.conf"] == names("{a,*}.conf")
    assert [".hidden.conf"] == names(".h*")
    assert ["b.conf"] == [Path(one).name for one in matching(str(tmp_path / "b.*"), "/")]
    assert [] == names("{open")
    assert [] == names("**a")
    assert [] == names("none/../x")
