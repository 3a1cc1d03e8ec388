"""Who did something to the kernel: the process behind a netlink port, as far as that can be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

OURS: Final = "lb:"
"""How the names of the daemon's processes begin."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """A process by its number (0: unknown, or the kernel itself) and name (empty: it has ended)."""

    pid: int = 0
    name: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it says that it is one of the daemon's."""
        return self.name.startswith(OURS)

    def __str__(self) -> str:
        """Write it for people."""
        if not self.pid:
            return "somebody else"
        return f"{self.name or 'a process that has ended'} (pid {self.pid})"


NOBODY: Final = Culprit()


def behind(port: int) -> Culprit:
    """Return the process behind a netlink port: its first socket has its number, any other one's tells nothing."""
    try:
        if not 0 < port <= int(Path("/proc/sys/kernel/pid_max").read_text()):
            return NOBODY
    except (OSError, ValueError):
        return NOBODY
    try:
        return Culprit(port, Path(f"/proc/{port}/comm").read_text(errors="replace").strip())
    except OSError:
        return Culprit(port)
