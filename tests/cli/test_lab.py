"""`linkbalancer lab` as people use it: what it prints works, and what was killed is neither hidden nor kept."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.run import NAMESPACES, ROOT, Run, processes_in, runs
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

LAB = [sys.executable, "-m", "linkbalancer", "lab"]
BARE = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def call(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a deed of `linkbalancer lab`."""
    return subprocess.run([*LAB, *words], capture_output=True, text=True, check=False, timeout=60, **more)


def run_named(name: str) -> Run:
    """Return the run of that name."""
    return next(run for run in runs() if run.name == name)


def left_of(owner: int) -> list[Path]:
    """Everything that a process's run left."""
    return [*ROOT.glob(f"{owner}-*"), *NAMESPACES.glob(f"lb-{owner}-*")]


@pytest.fixture
def up() -> Iterator["subprocess.CompletedProcess[str]"]:
    """The answer of a `lab up`, whose lab is gone afterwards."""
    done = call("up", str(EXAMPLE), cwd="/", env=BARE)
    assert done.returncode == 0, done.stderr
    yield done
    for run in runs():
        if run.name == done.stdout.split()[1]:
            if run.alive:
                os.kill(run.owner, signal.SIGKILL)
            while run.alive:
                time.sleep(0.01)
            run.clear()


def test_the_hint_works_as_printed(up: "subprocess.CompletedProcess[str]") -> None:
    """Without the program in PATH, at once: the lab is up when it says so, and the node's own daemon answers."""
    name = up.stdout.split()[1]
    hint = shlex.split(up.stdout.splitlines()[-1].removeprefix("try: "))
    asked = subprocess.run(hint, capture_output=True, text=True, check=False, cwd="/", env=BARE)
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("b1 (controller): ")

    other = call("exec", "--lab", name, "f2", "linkbalancer", "status", "--json")
    assert json.loads(other.stdout)["node"] == "f2"


def test_a_killed_lab_is_shown_and_cleared(up: "subprocess.CompletedProcess[str]") -> None:
    """After kill -9 of its process: `list` shows it as dead, `exec` says so, `down` clears it and says that too."""
    name = up.stdout.split()[1]
    run = run_named(name)
    node = run.namespace("b1")
    os.kill(run.owner, signal.SIGKILL)
    while run.alive:
        time.sleep(0.01)
    assert processes_in([node]) != []

    assert f"{name}  dead: " in call("list").stdout
    assert name in json.loads(call("list", "--json").stdout)["dead"]
    assert f"lab {name} is dead" in call("exec", "--lab", name, "b1", "true").stderr

    down = call("down", "--lab", name)
    assert down.returncode == 0, down.stderr
    assert f"lab {name} is dead" in down.stdout
    assert processes_in([node]) == []
    assert left_of(run.owner) == []
    again = call("down", "--lab", name)
    assert (again.returncode, again.stderr) == (2, f"linkbalancer: there is no lab {name}\n")


def test_a_lab_whose_daemon_cannot_start_is_not_up(tmp_path: Path) -> None:
    """The gateway and the end of its log are named, everything is cleared, exit 1."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if any('/f2/linkbalancer.yaml' in word for word in sys.orig_argv):\n"
        "    os.write(2, b'the disk is on fire\\n')\n"
        "    os._exit(3)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    before = {run.name for run in runs()}
    done = call("up", str(EXAMPLE), env=environment)

    assert (done.returncode, done.stdout) == (1, "")
    assert "the daemon of f2 died 3 times after its start" in done.stderr
    assert "the disk is on fire" in done.stderr
    assert [run for run in runs() if run.name not in before and not run.alive] == []


def test_an_interrupted_start_leaves_nothing() -> None:
    """Ctrl-C while the lab comes up: exit 130, one line, and nothing of it is left."""
    before = {run.name for run in runs()}
    with subprocess.Popen(
        [*LAB, "up", str(EXAMPLE)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        mine: list[Run] = []
        deadline = time.monotonic() + 30
        while not mine and time.monotonic() < deadline:
            mine = [run for run in runs() if run.name not in before and _parent(run.owner) == process.pid]
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)

    assert (process.returncode, said, errors) == (130, "", "linkbalancer: interrupted\n")
    assert mine != []
    assert left_of(mine[0].owner) == []


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
