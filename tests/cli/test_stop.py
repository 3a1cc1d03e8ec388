"""`linkbalancer stop`: whom it signals, with what, and how long it waits."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.cli import stop
from linkbalancer.cli.main import main

DAEMON = """\
import fcntl, os, signal, sys, time
lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); lock.write(f'{os.getpid()}\\n'); lock.flush()
signal.signal(signal.SIGTERM, lambda *_: os._exit(15))
signal.signal(signal.SIGUSR2, lambda *_: os._exit(12))
print('ready', flush=True); time.sleep(60)
"""


@pytest.fixture(autouse=True)
def no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has started this by systemd."""
    monkeypatch.delenv("MAINPID", raising=False)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Return something that holds a run directory, and tells by its exit status what ended it."""
    process = subprocess.Popen([sys.executable, "-c", DAEMON, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def systemctl(folder: Path, jobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a systemctl before all others that lists these jobs."""
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\necho '{jobs}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_by_the_run_directory(tmp_path: Path, daemon: "subprocess.Popen[bytes]") -> None:
    """Who holds it is asked to leave."""
    assert main(["stop", "--run-dir", str(tmp_path)]) == 0
    assert daemon.wait(5) == 15


def test_restart_by_hand(tmp_path: Path, daemon: "subprocess.Popen[bytes]") -> None:
    """What is at work stays for the next start."""
    assert main(["stop", "--restart", "--run-dir", str(tmp_path)]) == 0
    assert daemon.wait(5) == 12


@pytest.mark.parametrize(
    ("jobs", "status"),
    [
        ("7 linkbalancer.service restart running", 12),
        ("7 linkbalancer.service stop running", 15),
        ("7 other.service restart running", 15),
        ("", 15),
    ],
)
def test_systemd_says_what_is_meant(
    tmp_path: Path, daemon: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch, jobs: str, status: int
) -> None:
    """A restart job is a restart; everything else is a stop."""
    systemctl(tmp_path, jobs, monkeypatch)
    monkeypatch.setenv("MAINPID", str(daemon.pid))
    assert main(["stop"]) == 0
    assert daemon.wait(5) == status


def test_without_systemctl(daemon: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is a stop."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MAINPID", str(daemon.pid))
    assert main(["stop"]) == 0
    assert daemon.wait(5) == 15


def test_a_supervisor_that_ended_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Systemd names none then: nothing is signalled, and its orphans wait for the next start."""
    monkeypatch.setenv("MAINPID", "")
    assert main(["stop", "--run-dir", str(tmp_path)]) == 0


def test_nobody_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A free run directory, or none at all, is said."""
    assert main(["stop", "--run-dir", str(tmp_path)]) == 0
    assert "cannot tell who holds" in capsys.readouterr().err
    (tmp_path / "lock").write_text("1\n")
    assert main(["stop", "--run-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == f"linkbalancer: no daemon runs with {tmp_path}\n"


def test_a_process_that_is_gone() -> None:
    """There is nothing left to do."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert main(["stop", str(ended.pid)]) == 0


@pytest.mark.parametrize("pid", ["x", "0", "1", "-5"])
def test_no_process_of_a_daemon(pid: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Least of all is init asked to end."""
    assert main(["stop", "--", pid]) == 2
    assert "is no process of a daemon" in capsys.readouterr().err


def test_one_that_does_not_end(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The command does not wait for ever."""
    monkeypatch.setattr(stop, "PATIENCE_S", 0.1)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        assert main(["stop", str(deaf.pid)]) == 1
        deaf.kill()
    assert "has not ended within" in capsys.readouterr().err


def test_a_lock_is_shared_by_nobody(tmp_path: Path) -> None:
    """Asking who holds a directory leaves it free."""
    (tmp_path / "lock").write_text("1\n")
    assert stop.holder(tmp_path) == ""
    with (tmp_path / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
