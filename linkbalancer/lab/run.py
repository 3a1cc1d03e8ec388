"""A run: who owns the namespaces, processes and files of one lab, and the clearing of what dead runs left.

A run is named by its owner's process id and start time, so the directory's name alone tells, from the first instant,
whether the owner lives; no file has to be written before the run can be recognised.
"""

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.commands import ip
from linkbalancer.lab.errors import LabError
from linkbalancer.links import NodeName

ROOT = Path("/run/linkbalancer-lab")
NAMESPACES = Path("/run/netns")
_RUN = re.compile(r"([0-9]+)-([0-9]+)(?:-|$)")


@dataclass(frozen=True, slots=True)
class Run:
    """One lab; `owner` is the process id, `started` its start in clock ticks after boot (/proc/PID/stat field 22)."""

    owner: int
    started: int
    root: Path = ROOT

    @property
    def name(self) -> str:
        """The run's name, unique on this host since its boot."""
        return f"{self.owner}-{self.started}"

    @property
    def directory(self) -> Path:
        """Where the run keeps its files."""
        return self.root / self.name

    @property
    def prefix(self) -> str:
        """How the names of its namespaces begin."""
        return f"lb-{self.name}-"

    def namespace(self, node: NodeName) -> str:
        """Return the namespace of a node."""
        return f"{self.prefix}{node}"

    @property
    def alive(self) -> bool:
        """Whether the owner still runs (a process that inherited its number does not count)."""
        return start_of(self.owner) == self.started

    @classmethod
    def mine(cls, root: Path = ROOT) -> "Run":
        """Begin a run of this process."""
        pid = os.getpid()
        run = cls(pid, start_of(pid) or 0, root)
        run.directory.mkdir(parents=True, mode=0o755)
        return run

    def clear(self) -> None:
        """Remove all that the run has: processes, namespaces, files. Doing it twice, or two at once, is fine."""
        names = [entry.name for entry in _entries(NAMESPACES) if entry.name.startswith(self.prefix)]
        kill_processes(names)
        for name in names:
            with contextlib.suppress(LabError):
                ip([f"netns del {name}"])
        shutil.rmtree(self.directory, ignore_errors=True)
        # The last one takes the root along; rmdir refuses while another run has its directory there.
        with contextlib.suppress(OSError):
            self.root.rmdir()


def runs(root: Path = ROOT) -> list[Run]:
    """Return every run that left a directory or a namespace, dead or alive, the oldest first."""
    names = [entry.name for entry in _entries(root)]
    names += [entry.name.removeprefix("lb-") for entry in _entries(NAMESPACES) if entry.name.startswith("lb-")]
    found = {(int(match[1]), int(match[2])) for match in map(_RUN.match, names) if match}
    return [Run(owner, started, root) for owner, started in sorted(found, key=lambda run: run[1])]


def clear_dead_runs(root: Path = ROOT) -> list[Run]:
    """Clear what runs without a living owner left behind, and only that; return them."""
    dead = [run for run in runs(root) if not run.alive]
    for run in dead:
        run.clear()
    return dead


def start_of(pid: int) -> int | None:
    """Return when a process started (clock ticks after boot), None when there is no such process (or a zombie)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The program's name stands in parentheses and may hold anything; what follows the last one is regular.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def processes_in(namespaces: Iterable[str]) -> list[int]:
    """Return the processes whose network namespace is one of those named."""
    wanted = set()
    for name in namespaces:
        with contextlib.suppress(OSError):
            status = (NAMESPACES / name).stat()
            wanted.add((status.st_dev, status.st_ino))
    if not wanted:
        return []
    found = []
    for entry in _entries(Path("/proc")):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                status = (entry / "ns/net").stat()
                if (status.st_dev, status.st_ino) in wanted:
                    found.append(int(entry.name))
    return found


def kill_processes(namespaces: Iterable[str], limit: Duration = 5 * SECOND) -> list[int]:
    """Kill (-9) every process in the namespaces until none is left; return whom it hit."""
    names = list(namespaces)
    hit: list[int] = []
    deadline = time.monotonic_ns() + limit
    while (living := [pid for pid in processes_in(names) if start_of(pid) is not None]) and (
        time.monotonic_ns() < deadline
    ):
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        hit += living
        time.sleep(10 * MILLISECOND / SECOND)
    return hit


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
