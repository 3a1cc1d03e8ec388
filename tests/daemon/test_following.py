"""Many processes of applications at a real gateway whose provider dies: nobody waits for one of them."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.benchmarks.following import begun
from tests.daemon.waiting import until

pytestmark = pytest.mark.lab

PROCESSES, APPLICATIONS = 20, 200


def test_a_stopped_and_a_dead_process_hold_up_nobody(tmp_path: Path) -> None:
    """The others follow while both are still missing, the agent answers, and in the end all have followed."""
    with begun(tmp_path / "files", PROCESSES, APPLICATIONS) as (gateway, providers, _started_ms):

        def vids() -> dict[str, int | None]:
            return {name: one["vid"] for name, one in gateway.status()["applications"].items()}

        whose = {
            name.removeprefix("app:"): pid
            for name, pid in gateway.status()["processes"].items()
            if name.startswith("app:")
        }
        stopped, dead, *_others = sorted(set(whose.values()))
        others = [name for name, pid in whose.items() if pid not in {stopped, dead}]
        assert len(set(whose.values())) == PROCESSES
        os.kill(stopped, signal.SIGSTOP)
        os.kill(dead, signal.SIGKILL)
        providers("ip link set p1 down")
        until(lambda: set(vids().values()) == {2}, 60, "all have followed, theirs by those that came in their place")

        # By the daemon's own log, for asking for the status takes longer than following does.
        lines = gateway.lines.splitlines()
        killed = next(number for number, line in enumerate(lines) if "silent for 2 s: killed" in line)
        followed = {
            match["app"]: number
            for number, line in enumerate(lines)
            if (match := re.search(r"event=steers .* app=(?P<app>\S+) vid=2 ", line))
        }
        assert {name for name in others if followed[name] > killed} == set(), "only after the stopped one was replaced"
        assert {name for name, pid in whose.items() if pid == stopped and followed[name] < killed} == set()
