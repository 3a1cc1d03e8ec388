"""The workers' log lines on a real standard error."""

import os
import pty
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
from linkbalancer.daemon import logs
log = logs.start(process="agent")
log.debug("hidden")
log.info("vid", subject="VID 1", text="claimed")
log.critical("cannot start", why="no")
"""


def run(**environment: str) -> list[str]:
    """Return what a process with this environment logs into a pipe."""
    inherited = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**inherited, **environment},
    )
    return done.stderr.splitlines()


def test_plain_lines() -> None:
    """Into a pipe: time, level and event first, then the fields; nothing below `info`."""
    first, second = run()
    stamp, _, rest = first.partition(" ")
    assert stamp.startswith("time=")
    assert stamp.endswith("Z")
    assert rest == 'level=info event=vid process=agent subject="VID 1" text=claimed'
    assert second.endswith('level=critical event="cannot start" process=agent why=no')


def test_the_journal_stamps_lines_itself() -> None:
    """Under systemd a line begins with its level."""
    assert run(JOURNAL_STREAM="8:1")[0].startswith("level=info event=vid ")


def test_a_terminal_gets_aligned_lines() -> None:
    """On a terminal the lines are made for eyes."""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "claimed" in shown
    assert "level=" not in shown
