"""A Keepalived's notify FIFO: the lines that it writes, whether it has the FIFO open, whose virtual IPs are here."""

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from linkbalancer.host.rtnetlink import Questions
from linkbalancer.links import Address, GroupId

LINE_MAX: Final = 4096
"""Bytes of a line; what is longer is no notice, and thrown away."""

_READ: Final = 1 << 16
_INET6: Final = Path("/proc/net/if_inet6")


class NotifyFifo:
    """The reading end; it makes the FIFO where there is none, and finds the new one where somebody made another.

    The kernel keeps what was written until somebody reads it, as long as Keepalived has the FIFO open: so nothing is
    missed over a restart of this process, and the end of the file means that Keepalived is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        self._rest = b""

    def fileno(self) -> int:
        """Return the descriptor; -1 while there is none."""
        return -1 if self._fd is None else self._fd

    @property
    def stands(self) -> bool:
        """Whether what is open is the FIFO at the path; somebody may have made another."""
        if self._fd is None:
            return False
        try:
            there = self.path.stat()
        except OSError:
            return False
        here = os.fstat(self._fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def open(self) -> None:
        """Open what stands at the path now, and make it where there is nothing. Raises OSError."""
        self.close()
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.mkfifo(self.path, 0o600)
        fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileExistsError(errno.EEXIST, "it is no FIFO", str(self.path))
        self._fd = fd

    def close(self) -> None:
        """Close it."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._rest = None, b""

    def read(self) -> list[str] | None:
        """Return the lines that have arrived; None when nobody has the FIFO open for writing."""
        if self._fd is None:
            return None
        try:
            some = os.read(self._fd, _READ)
        except BlockingIOError:
            return []
        if not some:
            return None
        *lines, rest = (self._rest + some).split(b"\n")
        self._rest = rest if len(rest) <= LINE_MAX else b""
        return [line.decode("utf-8", "replace") for line in lines]


def groups_present(wanted: Mapping[GroupId, Address]) -> set[GroupId]:
    """Return the groups whose address is on this host, on whichever device. Raises OSError."""
    questions = Questions()
    try:
        here: set[Address] = {seen.ip for seen in questions.addresses(0)}
    finally:
        questions.close()
    with suppress(FileNotFoundError):  # a kernel without IPv6
        for line in _INET6.read_text().splitlines():
            here.add(ip_address(int(line.split()[0], 16).to_bytes(16, "big")))
    return {group for group, address in wanted.items() if _bare(address) in here}


def _bare(address: Address) -> Address:
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
