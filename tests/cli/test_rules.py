"""`linkbalancer rules` on real files: what is written, what is refused, and that nothing else changes."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from linkbalancer.cli.main import main
from linkbalancer.cli.rulelist import facts, plain
from linkbalancer.cli.sources import locked
from linkbalancer.cli.verdict import Verdict, judge
from linkbalancer.config.rulelines import rule_lines
from tests.cli.test_status import STATUS, Daemon
from tests.config.texts import CONFIG

ROOT = Path(__file__).parents[2]
RULES = """\
# The first line that matches decides.
App=*  *  *  *  443  tcp  [2 1]  name=web   # browsers
App=*  *  *  *  80   tcp  [2 1]  name=web
App=*  *  *  *  *    *    [1 2]  name=rest
"""
SSH = "* * * * 22 tcp [1 2] name=ssh"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a good configuration with a rule file and a key."""
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    (tmp_path / "apps.conf").write_text(RULES)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/l1.key").touch(0o600)
    (tmp_path / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
    return tmp_path / "linkbalancer.yaml"


@pytest.fixture
def rules(config: Path) -> Path:
    """Return the rule file."""
    return config.parent / "apps.conf"


def test_a_rule_is_added_where_it_is_wanted(config: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is the only change, its difference is shown, and what to do next."""
    assert main(["rules", "add", SSH, "--before", "rest", str(config)]) == 0

    new = "App=*  *  *  *  22   tcp  [1 2]  name=ssh"
    assert rules.read_text() == RULES.replace("App=*  *  *  *  *", f"{new}\nApp=*  *  *  *  *")
    shown = capsys.readouterr()
    assert f"\n+{new}\n" in shown.out
    assert shown.out.endswith(f"written; next: `linkbalancer plan {config}`, then `linkbalancer apply`\n")
    assert shown.err == ""
    assert [path.name for path in config.parent.iterdir() if path.name.startswith(".")] == []


def test_the_directory_may_be_named_anywhere(config: Path, rules: Path) -> None:
    """CONFIG stands before or after the options, and may be the directory."""
    assert main(["rules", "disable", "rest", "--json", str(config.parent)]) == 0
    assert main(["rules", "enable", "4", str(config)]) == 0
    assert rules.read_text() == RULES


def test_a_rule_that_would_never_match_needs_a_place(
    config: Path, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a place it is refused behind a rule that takes its packets; with one it is only said."""
    assert main(["rules", "add", SSH, str(config)]) == 1
    assert "rest takes all its packets before; say where it goes, such as --before 4" in capsys.readouterr().err
    assert rules.read_text() == RULES

    assert main(["rules", "add", SSH, "--end", str(config)]) == 0
    assert "warning: never matches: line 4 takes all its packets before" in capsys.readouterr().err


def test_moving_disabling_enabling_removing(config: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each does what it says, and undone, the file is as it was."""
    assert main(["rules", "move", "rest", "--top", str(config)]) == 0
    assert [line.application for line in rule_lines(rules.read_text())] == ["rest", "web", "web"]
    heard = capsys.readouterr().err
    assert [f":{line}:1: warning: never matches: line 2 takes all its packets before" in heard for line in (3, 4)] == [
        True,
        True,
    ]
    assert main(["rules", "move", "2", "--end", str(config)]) == 0
    assert rules.read_text() == RULES
    assert main(["rules", "move", "4", "--after", "3", str(config)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["rules", "disable", "3", str(config)]) == 0
    assert main(["rules", "list", str(config)]) == 0
    assert "disabled" in capsys.readouterr().out
    assert main(["rules", "enable", "web", str(config)]) == 0
    assert rules.read_text() == RULES
    assert main(["rules", "remove", "3", str(config)]) == 0
    assert len(rule_lines(rules.read_text())) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["remove", "web"], 1, ["web means 2 rules", "  line 2 @", "  line 3 @"]),
        (
            ["add", "* * * * 22 tcp [9 8] name=ssh", "--top"],
            1,
            ["for VID 9", "for VID 8", "2 errors"],
        ),
        (["add", "* * * * 22 tcp [1] name=web", "--top"], 1, ["has other VIDs than on line 2"]),
        (["add", "* * * * 22 tcp", "--top"], 2, ["names no VIDs", "quote it"]),
        (["enable", "rest"], 1, ["rest is in use already"]),
        (["move", "rest", "--before", "nobody"], 1, ["no rule is called nobody"]),
    ],
)
def test_what_is_refused_changes_nothing(
    config: Path, *, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: list[str]
) -> None:
    """Every error is said with its place, and the file is as it was."""
    rules = config.parent / "apps.conf"
    before = rules.stat()

    assert main(["rules", *words, str(config)]) == status

    heard = capsys.readouterr()
    assert [text for text in said if text not in heard.err] == []
    assert heard.out == ""
    assert (rules.read_text(), rules.stat().st_mtime_ns, rules.stat().st_ino) == (
        RULES,
        before.st_mtime_ns,
        before.st_ino,
    )


def test_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs are told the line, the difference, the errors, and every rule's parts."""
    assert main(["rules", "add", SSH, "--top", str(config), "--json", "--dry-run"]) == 0
    added = json.loads(capsys.readouterr().out)
    assert (added["changed"], added["line"]) == (False, 2)
    assert "+App=*  *  *  *  22   tcp  [1 2]  name=ssh" in added["difference"]

    assert main(["rules", "add", SSH.replace("[1 2]", "[9]"), "--top", str(config), "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["line"] == 2

    assert main(["rules", "list", str(config), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["daemon"] is False
    assert [(one["line"], one["application"], one["enabled"]) for one in listed["rules"]] == [
        (2, "web", True),
        (3, "web", True),
        (4, "rest", True),
    ]
    assert listed["rules"][0]["destination_port"] == "443"
    assert listed["rules"][0]["comment"] == "browsers"


def test_the_list_says_where_applications_are(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a daemon answers, each rule has the VID that its application is on."""
    status = {**STATUS, "applications": {"web": {"vid": 2}, "rest": {"vid": None}}}
    rules = config.parent / "apps.conf"
    rules.write_text(
        RULES + "App=* * * * bad tcp [1]\nApp=* * * * 1 tcp [1] name=new\n#App=* * * * 2 tcp [1] name=old\n"
    )
    (config.parent / "run").mkdir()
    daemon = Daemon(config.parent / "run", json.dumps({"api": 1, "ok": True, "answer": status}).encode() + b"\n")

    assert main(["rules", "list", str(config), "--run-dir", str(config.parent / "run")]) == 0

    daemon.close()
    lines = capsys.readouterr().out.splitlines()
    for line, words in zip(lines[1:], ["VID 2", "VID 2", "nowhere", "?", "not applied yet", "disabled"], strict=True):
        assert words in line
    assert plain([], None) == "there are no rules"


def test_owner_mode_links_and_endings_stay(config: Path, rules: Path, tmp_path: Path) -> None:
    """What replaces a file has its owner, mode and attributes; a link to it stays a link; CR LF stays."""
    real = tmp_path / "elsewhere"
    real.mkdir()
    target = real / "rules.txt"
    rules.rename(target)
    target.write_bytes(b"\xef\xbb\xbf" + RULES.replace("\n", "\r\n").encode())
    target.chmod(0o640)
    os.chown(target, 12, 34)
    rules.symlink_to(target)

    assert main(["rules", "add", SSH, "--top", str(config)]) == 0

    state = target.stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (12, 34, 0o640)
    assert rules.is_symlink()
    assert target.read_bytes().startswith(b"\xef\xbb\xbf# The first")
    assert target.read_bytes().count(b"\r\n") == target.read_bytes().count(b"\n") == 5
    assert sorted(path.name for path in real.iterdir()) == ["rules.txt"]


def test_a_rule_file_by_itself(rules: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration beside it is found and checked with it; without one the file is checked alone."""
    words = ["rules", "add", SSH.replace("[1 2]", "[9]"), "--top", "--file", str(rules)]
    assert main(words) == 1
    assert "no group for VID 9" in capsys.readouterr().err
    config.unlink()
    assert main(words) == 0
    assert "checked by itself" in capsys.readouterr().out


def test_who_has_the_lock_is_said(
    config: Path, rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second waits a little, then is told who changes the file since when."""
    monkeypatch.setattr("linkbalancer.cli.rules.PATIENCE_S", 0.1)
    with locked(rules, {"who": "alice", "pid": 7, "since": "12:00", "what": "apps.conf"}):
        assert main(["rules", "disable", "rest", str(config)]) == 1
    assert "alice is changing apps.conf since 12:00 (process 7)" in capsys.readouterr().err
    assert main(["rules", "disable", "rest", str(config)]) == 0


def test_many_at_once_lose_nothing(config: Path, rules: Path) -> None:
    """Eight changes at the same time follow each other: in the file is who was told so, on a busy computer not all."""
    words = [sys.executable, "-m", "linkbalancer", "rules", "add"]
    running = [
        subprocess.Popen(
            [*words, f"* * * * {port} tcp [1] name=p{port}", "--top", str(config)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for port in range(1, 9)
    ]
    said = [process.communicate(timeout=120)[1] for process in running]

    done = [port for port, process in enumerate(running, 1) if process.returncode == 0]
    assert done
    refused = [text for process, text in zip(running, said, strict=True) if process.returncode != 0]
    assert all("is changing" in text for text in refused), refused
    names = {line.application for line in rule_lines(rules.read_text())}
    assert names == {"web", "rest", *(f"p{port}" for port in done)}


def test_a_change_by_somebody_else_is_not_overwritten(
    config: Path, rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that knows nothing of our lock saves while we check: nothing of it is lost."""

    def check(path: Path | None, instead: Mapping[Path, bytes]) -> Verdict:
        rules.write_text("# theirs\n" + RULES)
        return judge(path, instead)

    monkeypatch.setattr("linkbalancer.cli.rulechange.judge", check)

    assert main(["rules", "disable", "rest", str(config)]) == 1

    assert "was changed by somebody else meanwhile" in capsys.readouterr().err
    assert rules.read_text() == "# theirs\n" + RULES


@pytest.mark.parametrize("missing", ["linkbalancer.yaml", "apps.conf"])
def test_a_file_that_is_not_there(config: Path, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, in one line."""
    (config.parent / missing).unlink()
    assert main(["rules", "list", str(config)]) == 2
    assert f"{missing}: No such file" in capsys.readouterr().err


def test_what_cannot_be_read_as_a_rule_file(config: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are no text, a directory, and a configuration that names no rule file are said in a sentence."""
    rules.write_bytes(b"\xff\xfe")
    assert main(["rules", "disable", "rest", str(config)]) == 1
    assert "is not UTF-8 text" in capsys.readouterr().err
    assert main(["rules", "list", "--file", str(rules.parent)]) == 2
    assert "Is a directory" in capsys.readouterr().err
    config.write_text("node: b1\n")
    assert main(["rules", "list", str(config)]) == 1
    assert "names no rule file; add a key such as applications: apps.conf" in capsys.readouterr().err


def test_a_full_disk_changes_nothing(
    config: Path, rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the new file cannot be written whole, the old one stays, and nothing is left beside it."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["rules", "disable", "rest", str(config)]) == 1
    assert "No space left on device; it is as it was" in capsys.readouterr().err
    assert rules.read_text() == RULES
    assert sorted(path.name for path in rules.parent.iterdir()) == ["apps.conf", "keys", "linkbalancer.yaml"]


def test_apply_follows(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--apply` applies what was written, when the lock is free again, and only then."""
    applied: list[tuple[Path | None, list[str]]] = []

    def apply(path: Path | None, _run_dir: Path) -> int:
        applied.append((path, sorted(file.name for file in config.parent.glob(".*"))))
        return 0

    monkeypatch.setattr("linkbalancer.cli.rules.apply", apply)
    assert main(["rules", "disable", "rest", str(config), "--apply"]) == 0
    assert main(["rules", "disable", "rest", str(config), "--apply"]) == 1
    assert main(["rules", "enable", "rest", str(config), "--apply", "-n"]) == 0
    assert applied == [(config, [])]


def test_two_threads_share_a_lock_in_turn(rules: Path) -> None:
    """The lock is one holder's at a time, also within a process, and its file is gone afterwards."""
    inside: list[int] = []

    def hold() -> None:
        for _ in range(20):
            with locked(rules, {"who": "x"}, patience_s=20):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(rules.parent.glob(".*")) == []


def test_start_up_is_light() -> None:
    """`rules list` needs neither validation nor netlink; rich is for a terminal only."""
    code = "import sys, linkbalancer.cli.rules; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"asyncio", "pydantic", "pyroute2", "structlog", "rich"}.isdisjoint(modules)


def test_rules_with_sets_are_edited_like_others(config: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sets stay where they are, rules that use them keep their words, and an unknown one is an error with its place."""
    (config.parent / "far.txt").write_text("10.1.0.0/16\n")
    sets = "Set=@far  @file:far.txt, 10.2.0.0/16   # the others\n"
    rules.write_text(sets + RULES)

    assert main(["rules", "add", "@far,10.9.0.1 * * * ssh,telnet tcp [1 2] name=ssh", "--top", str(config)]) == 0
    assert "App=@far,10.9.0.1 * * * ssh,telnet tcp [1 2] name=ssh\n" in rules.read_text()
    added = rules.read_text()
    assert main(["rules", "disable", "ssh", str(config)]) == 0
    assert "no rule uses the set @far" in capsys.readouterr().err
    assert main(["rules", "enable", "ssh", str(config)]) == 0
    assert main(["rules", "move", "ssh", "--after", "web", str(config)]) == 1  # two lines are called web
    assert main(["rules", "move", "ssh", "--after", "4", str(config)]) == 0
    assert main(["rules", "move", "ssh", "--before", "3", str(config)]) == 0
    assert rules.read_text() == added
    capsys.readouterr()

    assert main(["rules", "list", str(config), "--json"]) == 0
    (ssh, *_others) = json.loads(capsys.readouterr().out)["rules"]
    assert (ssh["source"], ssh["destination_port"], ssh["valid"]) == ("@far,10.9.0.1", "ssh,telnet", True)
    assert main(["rules", "add", "@fur * * * * * [1] name=fur", "--top", str(config)]) == 1
    assert ":3:5: there is no set @fur; did you mean @far?" in capsys.readouterr().err
    assert main(["rules", "remove", "ssh", str(config)]) == 0
    assert rules.read_text() == sets + RULES


def test_a_rule_behind_a_set_that_takes_its_packets_is_refused(config: Path, rules: Path) -> None:
    """What a set's file holds counts."""
    (config.parent / "far.txt").write_text("10.1.0.0/16,2001:db8::/32\n")
    rules.write_text("App=@file:far.txt * * * * * [1] name=far\n")

    assert main(["rules", "add", "10.1.7.0/24,2001:db8::5 * * * * * [1 2] name=near", str(config)]) == 1
    assert main(["rules", "add", "10.1.7.0/24,2001:db9::5 * * * * * [1 2] name=near", str(config)]) == 0


def test_a_long_list_is_cut_in_the_table(rules: Path) -> None:
    """The first of its elements and how many more there are."""
    ports = ",".join(str(port) for port in range(1000, 1020, 2))
    rules.write_text(f"App=* * * * {ports} tcp [1] name=many\nApp=* * * * 1,2,3 tcp [1] name=few\n")
    text = plain(rule_lines(rules.read_text()), None)

    assert "  1000,1002,1004,1006,1008,+5  " in text
    assert "  1,2,3  " in text


def test_options_have_a_column_where_there_are_any(rules: Path) -> None:
    """The name is the application's column; programs get the others as they are written."""
    rules.write_text(
        "App=* * * * 1 tcp [1] good-for=5s name=many handover=keep # why\nApp=* * * * 2 tcp [1] name=few\n"
    )
    lines = rule_lines(rules.read_text())

    assert [line.options for line in lines] == ["good-for=5s handover=keep", ""]
    assert "  [1]   good-for=5s handover=keep  ?      why" in plain(lines, None)
    assert "options" not in plain(lines[1:], None)
    assert [one["options"] for one in facts(lines, None)] == ["good-for=5s handover=keep", ""]
