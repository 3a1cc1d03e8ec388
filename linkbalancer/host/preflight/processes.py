"""The processes of this network namespace."""

from collections.abc import Iterator
from pathlib import Path

from linkbalancer.engine.preflight.observed import Process
from linkbalancer.host.preflight.program import UnseenError

PROC = Path("/proc")
INTERESTING = frozenset(
    {"systemd-network", "NetworkManager", "dhcpcd", "dhclient", "keepalived", "firewalld", "dockerd", "tailscaled"}
)


def read() -> tuple[Process, ...]:
    """Return the processes that the preflight asks for. Raises UnseenError where others' are hidden."""
    if not (PROC / "1" / "stat").exists():
        raise UnseenError("/proc shows this user's processes alone (hidepid)")
    return tuple(_all())


def _all() -> Iterator[Process]:
    here = Path("/proc/thread-self/ns/net").stat().st_ino
    for path in PROC.iterdir():
        if path.name.isdigit():
            try:
                name = (path / "comm").read_text().strip()
                if name not in INTERESTING or _elsewhere(path, here):
                    continue
                words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            yield Process(int(path.name), name, tuple(word for word in words if word))


def _elsewhere(path: Path, here: int) -> bool:
    """Return whether a process is known to be in another network namespace."""
    try:
        return (path / "ns" / "net").stat().st_ino != here
    except PermissionError:
        return False
