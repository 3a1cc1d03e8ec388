"""A runner: one child at a time, its words, and its end, however it comes."""

import os
import sys
import time
from pathlib import Path

from linkbalancer.clock import SECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.runner import TAIL, Ending, Runner


class Run:
    """A runner in a loop of its own, and how its children ended."""

    def __init__(self, timeout: int = 5 * SECOND) -> None:
        self.loop, self.endings = Loop(), list[Ending]()
        self.runner = Runner(self.loop, self._ended, timeout)

    def _ended(self, _now: Instant, ending: Ending) -> None:
        self.endings.append(ending)

    def of(self, *words: str) -> Ending:
        """Run a program; return its end."""
        self.runner.start(lambda: os.execv(words[0], words))
        return self.end()

    def end(self) -> Ending:
        """Turn until the child has ended."""
        while not self.endings:
            self.loop.turn()
        return self.endings.pop()


def overdue(script: str) -> Ending:
    """Return the end of a shell script whose time is over when it has said that it is ready."""
    run = Run(60 * SECOND)
    run.runner.start(lambda: os.execv("/bin/sh", ["/bin/sh", "-c", script]))
    child = run.runner._child
    assert child is not None
    while b"ready" not in child.words:
        run.loop.turn()
    run.runner.expire(run.loop.clock())
    return run.end()


def test_what_it_says_and_how_it_ends() -> None:
    """Both its outputs, as one line."""
    assert Run().of("/bin/sh", "-c", "echo one; echo two >&2; exit 3") == Ending(3, "one two", late=False)
    assert Run().of("/bin/sh", "-c", "kill -KILL $$") == Ending(-9, "", late=False)


def test_the_end_of_a_flood_of_words() -> None:
    """A program that never stops talking is not stopped by that, and fills nobody's memory."""
    ending = Run().of(sys.executable, "-c", "for n in range(200000): print(n)")

    assert ending.status == 0
    assert ending.words.endswith("199998 199999")
    assert len(ending.words) <= TAIL


def test_an_exception_is_its_words() -> None:
    """Where the work is ours."""
    run = Run()

    def fail() -> None:
        raise ValueError("no such thing")

    run.runner.start(fail)
    assert run.end() == Ending(1, "no such thing", late=False)


def test_nothing_of_ours_is_open_in_it(tmp_path: Path) -> None:
    """But its three, and the folder that the shell lists them by."""
    with (tmp_path / "secret").open("w") as held:
        os.set_inheritable(held.fileno(), bool(held))
        assert Run().of("/bin/sh", "-c", "cd /proc/$$/fd && echo *").words == "0 1 2 3"


def test_one_that_takes_too_long_is_asked_and_then_killed() -> None:
    """Asked first: who listens ends in order."""
    assert overdue("trap 'echo asked; exit 7' TERM; echo ready; sleep 30 & wait") == Ending(7, "ready asked", late=True)
    assert overdue("trap '' TERM; echo ready; while :; do sleep 0.1; done") == Ending(-9, "ready", late=True)


def test_what_it_leaves_behind_in_time_lives_on(tmp_path: Path) -> None:
    """A program may start something that takes longer, and end."""
    marker = tmp_path / "marker"
    run = Run()
    assert run.of("/bin/sh", "-c", f"(sleep 0.3; touch {marker}) >/dev/null 2>&1 & exit 0").status == 0
    end = time.monotonic() + 10
    while not marker.exists() and time.monotonic() < end:
        time.sleep(0.02)

    assert marker.exists()


def test_a_closed_runner_leaves_nobody() -> None:
    """And tells nobody."""
    run = Run()
    run.runner.start(lambda: time.sleep(60))
    child = run.runner._child
    assert child is not None
    run.runner.close()
    run.runner.close()

    assert not Path(f"/proc/{child.pid}").exists()
    assert run.endings == []
