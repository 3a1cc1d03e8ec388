"""The lock that says who is the agent."""

import os
import signal
import time
from pathlib import Path

from linkbalancer.daemon.agentlock import AgentLock


def other(path: Path) -> int:
    """Start a process that takes the lock and waits; return its id."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, b"1" if AgentLock(path).take() else b"0")
        time.sleep(60)
        os._exit(0)
    assert os.read(reading, 1) == b"1"
    os.close(reading)
    os.close(writing)
    return pid


def end(pid: int) -> None:
    """End a process that this one started."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_one_process_is_the_agent(tmp_path: Path) -> None:
    """Who asks learns who it is, and can end it."""
    lock = AgentLock(tmp_path / "lock")
    pid = other(tmp_path / "lock")
    assert not lock.take()
    assert lock.kill_holder() == pid
    os.waitpid(pid, 0)
    assert lock.take()


def test_a_removed_lock_is_held_again(tmp_path: Path) -> None:
    """Nobody else becomes the agent because somebody emptied the run directory."""
    path = tmp_path / "lock"
    lock = AgentLock(path)
    assert lock.take()
    path.unlink()
    assert lock.keep()
    pid = os.fork()
    if pid == 0:
        os._exit(1 if AgentLock(path).take() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_who_was_too_late_to_hold_it_again_is_the_agent_no_more(tmp_path: Path) -> None:
    """Another agent found none: it speaks, and this one must not."""
    path = tmp_path / "lock"
    lock = AgentLock(path)
    assert lock.take()
    path.unlink()
    pid = other(path)
    try:
        assert not lock.keep()
    finally:
        end(pid)
