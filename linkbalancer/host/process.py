"""Processes as /proc shows them."""

import os
from pathlib import Path


def started_at(pid: int) -> float | None:
    """Return when a process was started, in seconds since 1970; None when it is gone, or not to be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = next(
            int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
        )
    except (OSError, StopIteration):
        return None
    return booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
