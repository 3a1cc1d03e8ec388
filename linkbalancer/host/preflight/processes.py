"""The processes of this network namespace."""

from collections.abc import Iterator
from pathlib import Path

from linkbalancer.engine.preflight.observed import Process
from linkbalancer.host.preflight.program import UnseenError

PROC = Path("/proc")
SLICE = Path("/sys/fs/cgroup/system.slice")
INTERESTING = frozenset(
    {"systemd-network", "NetworkManager", "dhcpcd", "dhclient", "keepalived", "firewalld", "dockerd", "tailscaled"}
)


def read() -> tuple[Process, ...]:
    """Return the processes that the preflight asks for.

    Where others' are hidden (in the service's sandbox), those that systemd started are known by their control groups.
    Raises UnseenError where neither is to be seen.
    """
    if (PROC / "1" / "stat").exists():
        return tuple(_all())
    if SLICE.is_dir():
        return tuple(_services())
    raise UnseenError("/proc shows this user's processes alone (hidepid)")


def _services() -> Iterator[Process]:
    for name in INTERESTING:
        unit = {"systemd-network": "systemd-networkd", "dockerd": "docker"}.get(name, name)
        try:
            pids = (SLICE / f"{unit}.service" / "cgroup.procs").read_text().split()
        except OSError:
            continue
        if pids:
            yield Process(int(pids[0]), name, (name,))


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
