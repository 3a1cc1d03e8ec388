"""Programs that are asked, and processes that run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.engine.preflight.observed import Process
from linkbalancer.host.preflight import networkmanager, processes, program
from linkbalancer.host.preflight.program import UnseenError, ask, ask_json
from tests.daemon.waiting import until


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("no-such-program", "x"), "the program no-such-program is missing"),
        (("sh", "-c", "echo no\n rights >&2; exit 3"), "no rights"),
        (("sh", "-c", "exit 3"), "status 3"),
    ],
)
def test_what_cannot_be_asked_is_said(words: tuple[str, ...], why: str) -> None:
    """In the program's own words."""
    with pytest.raises(UnseenError, match=why.rsplit(maxsplit=1)[-1]):
        ask(*words)


def test_json() -> None:
    """Nothing is an empty list; what is no JSON is unseen."""
    assert ask_json("sh", "-c", 'echo "[1]"') == [1]
    assert ask_json("true") == []
    with pytest.raises(UnseenError, match="is no JSON"):
        ask_json("echo", "[1")


def test_a_program_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while."""
    monkeypatch.setattr(program, "PATIENCE_S", 0.05)
    with pytest.raises(UnseenError, match="timed out"):
        ask("sleep", "10")


def test_programs_of_administrators_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a user's PATH."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert program.find("sh") is not None


def test_networkmanagers_devices() -> None:
    """A colon in a name is escaped."""
    assert networkmanager.parse("eth0:connected\neth0\\:1:unmanaged\n\n") == {
        "eth0": "connected",
        "eth0:1": "unmanaged",
    }


def test_processes_of_interest_are_found() -> None:
    """By the name that the kernel has, with their words; others are left out."""
    code = "import time; open('/proc/self/comm', 'w').write('keepalived'); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        found = until(lambda: [one for one in processes.read() if one.pid == child.pid])
        assert (found[0].name, found[0].words[1]) == ("keepalived", "-c")
        assert os.getpid() not in {one.pid for one in processes.read()}
    finally:
        child.kill()
        child.wait()


def test_hidden_processes_are_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc shows only one's own; but what systemd runs has a control group, empty when it is stopped."""
    monkeypatch.setattr(processes, "PROC", tmp_path)
    monkeypatch.setattr(processes, "SLICE", tmp_path / "slice")
    with pytest.raises(UnseenError, match="hidepid"):
        processes.read()
    for unit, pids in (("systemd-networkd", "17\n18\n"), ("keepalived", ""), ("cron", "19\n")):
        (tmp_path / "slice" / f"{unit}.service").mkdir(parents=True)
        (tmp_path / "slice" / f"{unit}.service" / "cgroup.procs").write_text(pids)
    assert processes.read() == (Process(17, "systemd-network", ("systemd-network",)),)
