"""Scripts as trackers: who runs them, and what is believed when they cannot be run."""

import os
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.scripts import ScriptTracker
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.report import Report
from tests.daemon.checking.turning import loop, turn_until

ME: dict[str, Any] = {"user": "root"} if os.geteuid() == 0 else {}


def tracker(turning: Loop, *words: str, **keys: Any) -> ScriptTracker:
    """Return a script that a loop watches."""
    settings = Tracker.model_validate({"script": list(words), "interval": "200ms", **keys})
    one = ScriptTracker("it", settings, turning, Path("/run/nowhere"), lambda _name: None)
    turning.watch(one)
    return one


def test_a_script_is_good_when_it_ends_well() -> None:
    """And tells what it said last."""
    turning = loop()
    one = tracker(turning, "/bin/echo", "fine", **ME)
    one.begin(turning.clock())
    assert one.report().ok is None
    turn_until(turning, lambda: one.report().ok)
    assert (one.report().kind, one.report().text) == ("script", "fine")
    one.close()


@pytest.mark.parametrize(
    ("words", "keys", "text"),
    [
        (["/bin/sh", "-c", "exit 4"], ME, "exit status 4"),
        (["/bin/sh", "-c", "kill -TERM $$"], ME, "ended by SIGTERM"),
        (["/bin/sh", "-c", "kill -40 $$"], ME, "ended by signal 40"),
        (["/nonexistent/program"], ME, "exit status 127: cannot run /nonexistent/program: No such file or directory"),
        (
            ["/bin/true"],
            {"user": "no-such-user"},
            "cannot be run: there is no user no-such-user: add it, or name another",
        ),
    ],
)
def test_what_went_wrong_is_said(words: list[str], keys: dict[str, Any], text: str) -> None:
    """In a few words."""
    turning = loop()
    one = tracker(turning, *words, **keys)
    one.begin(turning.clock())
    turn_until(turning, lambda: one.report().ok is False)
    assert one.report().text.startswith(text)
    one.close()


@pytest.mark.lab
def test_root_runs_nothing_that_others_may_change(tmp_path: Path) -> None:
    """Not even when told to run it as root."""
    script, ran = tmp_path / "script", tmp_path / "ran"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o777)
    turning = loop()
    one = tracker(turning, str(script), user="root")
    one.begin(turning.clock())
    turn_until(turning, lambda: one.report().ok is False)
    assert one.report().text.startswith("cannot be run: root runs nothing that others may change: ")
    assert not ran.exists()
    one.close()


def test_a_predecessors_belief_has_to_be_disproved() -> None:
    """By as many results as ever; a belief about another kind is none."""
    turning = loop()
    one = tracker(turning, "/bin/false", fall=3, **ME)
    one.recall(Report("file", ok=False, since=5))
    assert one.report().ok is None
    one.recall(Report("script", ok=True, since=5, text="before"))
    assert (one.report().ok, one.report().since, one.report().text) == (True, 5, "before")
    one.begin(turning.clock())
    turn_until(turning, lambda: one.report().text == "exit status 1")
    assert one.report().ok is True
    turn_until(turning, lambda: one.report().ok is False)
    assert one.report().since > 5
    one.close()


def test_closing_ends_what_runs(tmp_path: Path) -> None:
    """And everything that it started."""
    marker = tmp_path / "pid"
    turning = loop()
    one = tracker(
        turning, "/bin/sh", "-c", f"echo $$ >{marker}.new; mv {marker}.new {marker}; sleep 60", timeout="30s", **ME
    )
    one.begin(turning.clock())
    turn_until(turning, marker.exists)
    pid = int(marker.read_text())
    one.close()
    assert not Path(f"/proc/{pid}").exists()
