"""Processes by name and command line."""

import os
import shutil
import subprocess
from pathlib import Path

from linkbalancer.host.processes import running
from tests.daemon.waiting import until


def test_a_process_is_found_by_name_and_by_what_it_was_called_with(tmp_path: Path) -> None:
    """Also where the name is longer than ps shows; one that waits to be reaped does not run."""
    long = tmp_path / "a-program-with-a-long-name"
    shutil.copy(shutil.which("sleep") or "", long)
    called = f"6543.{os.getpid()}"
    child = subprocess.Popen([str(long), called])
    try:
        until(lambda: running(long.name) == {child.pid})
        assert running(long.name, called) == {child.pid}
        assert running(long.name, "another") == frozenset()
        assert running(long.name[:15]) == {child.pid}, "as ps shows it"
        assert running("a-program") == frozenset()
    finally:
        child.kill()
    until(lambda: running(long.name) == frozenset())
    child.wait()
