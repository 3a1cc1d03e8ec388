"""Runs: who owns what, and the clearing of what dead ones left."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.lab.commands import ip
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.run import (
    NAMESPACES,
    Run,
    clear_dead_runs,
    kill_processes,
    processes_in,
    runs,
    start_of,
)


def test_a_process_is_known_by_its_start() -> None:
    """The start time tells a process from a later one with its number; the dead have none."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()

    assert start_of(os.getpid()) == start_of(os.getpid())
    assert start_of(os.getpid()) is not None
    assert start_of(child.pid) is None


def test_a_zombie_is_dead() -> None:
    """A killed owner whose parent has not looked yet does not count as alive."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    deadline = time.monotonic() + 10
    while start_of(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)

    assert start_of(child.pid) is None
    child.wait()


@pytest.mark.lab
def test_the_runs_of_the_living_stay(tmp_path: Path) -> None:
    """Clearing touches neither a living run nor files that are no run's."""
    mine = Run.mine(tmp_path)
    (tmp_path / "notes").mkdir()

    assert clear_dead_runs(tmp_path) == []
    assert mine in runs(tmp_path)
    assert mine.alive
    mine.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.lab
def test_a_number_that_another_process_inherited_is_dead(tmp_path: Path) -> None:
    """A directory of our process id but another start was left by somebody who is gone."""
    left = Run(os.getpid(), 1, tmp_path)
    (left.directory / "b1").mkdir(parents=True)

    assert not left.alive
    assert clear_dead_runs(tmp_path) == [left]
    assert not tmp_path.exists()


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[Run]:
    """A dead run with a namespace and a process in it."""
    run = Run(4_000_000_000, 7, tmp_path / "runs")
    run.directory.mkdir(parents=True)
    ip([f"netns add {run.namespace('b1')}"])
    yield run
    run.clear()


@pytest.mark.lab
def test_all_that_a_dead_run_left_is_cleared(dead: Run) -> None:
    """Its namespaces, the processes in them, its files; and nothing of a run that lives."""
    alive = Run.mine(dead.root)
    ip([f"netns add {alive.namespace('b1')}"])
    words = ["ip", "netns", "exec"]
    theirs = subprocess.Popen([*words, dead.namespace("b1"), "sleep", "60"], start_new_session=True)
    ours = subprocess.Popen([*words, alive.namespace("b1"), "sleep", "60"], start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while len(processes_in([dead.namespace("b1"), alive.namespace("b1")])) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)

        assert clear_dead_runs(dead.root) == [dead]
        assert theirs.wait(5) == -9
        assert not (NAMESPACES / dead.namespace("b1")).exists()
        assert not dead.directory.exists()
        assert ours.poll() is None
        assert (NAMESPACES / alive.namespace("b1")).exists()
        assert alive.directory.exists()
        assert kill_processes([alive.namespace("b1")]) == [ours.pid]
    finally:
        for process in (theirs, ours):
            process.kill()
            process.wait()
        alive.clear()
    assert not (NAMESPACES / alive.namespace("b1")).exists()


@pytest.mark.lab
def test_a_dead_run_is_found_by_its_namespace_alone(dead: Run) -> None:
    """A run that was killed before, or after, it had a directory is cleared as well."""
    dead.directory.rmdir()

    assert dead in clear_dead_runs(dead.root)
    assert not (NAMESPACES / dead.namespace("b1")).exists()


@pytest.mark.lab
def test_a_command_that_fails_says_what_it_was() -> None:
    """The words of the command and of its error."""
    with pytest.raises(LabError, match="no-such-device"):
        ip(["link set no-such-device up"])
