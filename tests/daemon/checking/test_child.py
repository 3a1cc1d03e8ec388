"""Programs of the administrator's, as real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.clock import Instant
from linkbalancer.daemon.checking.child import Child, end_leftovers, last_line, start
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.users import Identity, identity
from tests.daemon.checking.turning import loop, turn_until
from tests.daemon.waiting import alive, until

OF_THE_C_LIBRARY = 3 << 31
"""Signals 32 and 33, which a program cannot set: whoever started the tests may have had them ignored."""


class Ends:
    """Notes how a program ended."""

    def __init__(self) -> None:
        """Nothing has ended."""
        self.status: int | None = None
        self.line = ""

    def over(self, _now: Instant, status: int, line: str) -> None:
        """Take it."""
        self.status, self.line = status, line


def me() -> Identity:
    """Return who runs these tests."""
    return identity("root" if os.geteuid() == 0 else None)


def run(
    turning: Loop, script: str, who: Identity | None = None, run_dir: Path = Path("/run/nowhere")
) -> tuple[Child, Ends]:
    """Run a piece of shell."""
    ends = Ends()
    return start(turning, ["sh", "-c", script], who or me(), run_dir, ends.over, LINKBALANCER_TRACKER="t"), ends


@pytest.mark.parametrize(
    ("script", "status", "line"),
    [
        ("echo fine", 0, "fine"),
        ("echo first; echo second >&2; echo; exit 3", 3, "second"),
        ("kill -SEGV $$", -signal.SIGSEGV, ""),
        ("printf 'no newline'", 0, "no newline"),
        ("printf 'red \\033[31m\\007'", 0, "red ?[31m?"),
        ("printf '\\377\\376'", 0, "\ufffd\ufffd"),
        ("exec /nonexistent/program", 127, ""),
    ],
)
def test_how_it_ended_and_what_it_said_last(script: str, status: int, line: str) -> None:
    """Both streams count; nothing of it is obeyed by a terminal."""
    turning = loop()
    _child, ends = run(turning, script)
    turn_until(turning, lambda: ends.status is not None)
    assert ends.status == status
    assert line in ends.line


def test_a_program_that_is_not_there_says_so() -> None:
    """With the status that shells have for it."""
    turning, ends = loop(), Ends()
    start(turning, ["/nonexistent/program"], me(), Path("/run/nowhere"), ends.over)
    turn_until(turning, lambda: ends.status is not None)
    assert (ends.status, ends.line) == (127, "cannot run /nonexistent/program: No such file or directory")


def test_it_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither environment nor descriptors nor signals nor the working directory."""
    monkeypatch.setenv("SECRET", "x")
    turning, written = loop(), tmp_path / "written"
    with Path("/dev/null").open() as inherited:
        os.dup2(inherited.fileno(), 77)  # inheritable, unlike what Python opens
        script = f"exec >{written}; env; ls /proc/$$/fd; pwd; grep SigIgn /proc/self/status"
        _child, ends = run(turning, script)
        turn_until(turning, lambda: ends.status is not None)
        os.close(77)
    lines = written.read_text().splitlines()
    variables = {line.partition("=")[0] for line in lines if "=" in line} - {"PWD", "_"}
    assert variables == {"HOME", "LANG", "LINKBALANCER_RUN", "LINKBALANCER_TRACKER", "PATH", "USER"}
    assert [line for line in lines if line.isdecimal()] == ["0", "1", "2"]
    assert lines[-2] == "/"
    name, ignored = lines[-1].split()
    assert name == "SigIgn:"
    assert int(ignored, 16) & ~OF_THE_C_LIBRARY == 0


@pytest.mark.lab
def test_it_is_another_user_without_any_right() -> None:
    """Root becomes who is named, and nobody comes back from there."""
    turning = loop()
    _child, ends = run(
        turning,
        "id -u; id -G; grep CapBnd /proc/self/status >/dev/null; grep -h CapEff /proc/self/status",
        identity("nobody"),
    )
    turn_until(turning, lambda: ends.status is not None)
    assert ends.line.split() == ["CapEff:", "0" * 16]
    _child, ends = run(turning, "echo $(id -u) $(id -G) $USER", identity("nobody"))
    turn_until(turning, lambda: ends.status is not None)
    nobody = identity("nobody")
    assert ends.line == f"{nobody.uid} {' '.join(map(str, nobody.groups))} nobody"


def test_a_flood_is_held_back() -> None:
    """It is read up to a limit, then it waits; what is kept is small."""
    turning = loop()
    child, ends = run(turning, "yes")
    turn_until(turning, lambda: child.written > 1 << 20)
    kept = child.written
    for _ in range(50):
        turning.turn()
    assert child.written == kept
    assert len(child.tail) <= 4096
    child.terminate()
    turn_until(turning, lambda: ends.status is not None)
    assert ends.status == -signal.SIGTERM


@pytest.mark.parametrize("ending", ["exit 0", "sleep 60"])
def test_what_it_started_ends_with_it(tmp_path: Path, ending: str) -> None:
    """Whether it was told to end or ended by itself."""
    turning, file = loop(), tmp_path / "pid"
    deaf = f"trap : TERM; echo $$ >{file}.new; mv {file}.new {file}; while :; do sleep 1; done"
    child, ends = run(turning, f"sh -c '{deaf}' & while [ ! -e {file} ]; do sleep 0.01; done; {ending}")
    turn_until(turning, file.exists)
    grandchild = int(file.read_text())
    if ending != "exit 0":
        assert alive(grandchild)
        child.terminate()
    turn_until(turning, lambda: ends.status is not None)
    until(lambda: not alive(grandchild))


def test_who_ignores_the_word_is_killed() -> None:
    """SIGKILL needs no consent."""
    turning = loop()
    child, ends = run(turning, "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
    turn_until(turning, lambda: child.written > 0)
    child.terminate()
    for _ in range(20):
        turning.turn()
    assert ends.status is None
    child.kill()
    turn_until(turning, lambda: ends.status is not None)
    assert ends.status == -signal.SIGKILL


def test_closing_tells_nobody() -> None:
    """And leaves nothing running."""
    turning = loop()
    child, ends = run(turning, "sleep 60")
    child.close()
    assert ends.status is None
    assert not alive(child.pid)


PARENT = """
import os, sys
from pathlib import Path
from linkbalancer.daemon.checking.child import start
from linkbalancer.host.users import identity
from tests.daemon.checking.turning import loop
turning = loop()
me = identity("root" if os.geteuid() == 0 else None)
start(turning, ["sh", "-c", sys.argv[1]], me, Path(sys.argv[2]), lambda *_: None)
while True:
    turning.turn()
"""


def test_what_a_killed_checker_left_is_found(tmp_path: Path) -> None:
    """The program dies with it; what that had started is ended by the next checker, what became independent is not."""
    files = [tmp_path / name for name in ("leader", "left", "free")]
    leader, left, free = files
    script = (
        f"echo $$ >{leader}; sh -c 'echo $$ >{left}; sleep 60' & setsid sh -c 'echo $$ >{free}; sleep 60' & sleep 60"
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, script, str(tmp_path)])
    try:
        until(lambda: all(file.exists() and file.read_text().strip() for file in files))
        pids = [int(file.read_text()) for file in files]
        parent.kill()
        parent.wait()
        until(lambda: not alive(pids[0]))
        assert alive(pids[1])
        assert end_leftovers(tmp_path / "elsewhere") == 0
        assert end_leftovers(tmp_path) > 0
        until(lambda: not alive(pids[1]))
        assert alive(pids[2])
    finally:
        parent.kill()
        if free.exists():
            os.killpg(int(free.read_text()), signal.SIGKILL)


def test_the_last_line_is_short() -> None:
    """Of whatever was written."""
    assert last_line(b"") == ""
    assert last_line(b"x" * 10_000) == "x" * 160
    assert last_line(b"one\n\n  \n") == "one"
