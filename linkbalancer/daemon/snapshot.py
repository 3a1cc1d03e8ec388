"""The agent's snapshot on disk (a tmpfs): two slots, written in turn, so that a writer killed half-way spoils one only.

A slot is read back only when its checksum is right and it is of this boot: instants of another boot mean nothing.
"""

import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.daemon.listening import identity

SLOT = 1 << 18
"""Bytes of a slot."""

EVERY: Duration = 50 * MILLISECOND
"""At most how often a snapshot is written."""

_HEADER = struct.Struct("=8s36sQII")
_MAGIC = b"LBSNAP01"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SnapshotFile:
    """The file; one process at a time writes it."""

    def __init__(self, path: Path, boot_id: str | None = None) -> None:
        """Open or make the file; raises OSError."""
        self._boot = (boot_id or _BOOT_ID.read_text().strip()).encode()
        self._path = path
        self._fd = _open(path)
        self._number = 0
        self.follow()

    def keep(self) -> None:
        """Make the file anew where somebody removed it: the next snapshot goes there; raises OSError."""
        held = os.fstat(self._fd)
        if identity(self._path) != (held.st_dev, held.st_ino):
            fresh = _open(self._path)
            os.close(self._fd)
            self._fd = fresh

    def read(self) -> dict[str, Any] | None:
        """Return the newest whole snapshot of this boot, None when there is none."""
        number, content = max(self._slots(), default=(0, b"null"))
        self._number = max(self._number, number)
        found = json.loads(content)
        return found if isinstance(found, dict) else None

    def follow(self) -> None:
        """Note what a predecessor has written meanwhile, so that what is written from now on is newer."""
        self._number = max([self._number, *(number for number, _ in self._slots())])

    def write(self, snapshot: Mapping[str, Any]) -> bool:
        """Write a snapshot over the older slot; False when it is too long for one, and nothing was written."""
        data = json.dumps(snapshot, separators=(",", ":")).encode()
        if _HEADER.size + len(data) > SLOT:
            return False
        self._number += 1
        header = _HEADER.pack(_MAGIC, self._boot, self._number, len(data), zlib.crc32(data))
        os.pwrite(self._fd, header + data, self._number % 2 * SLOT)
        return True

    def forget(self) -> None:
        """Make sure that no successor goes on from here: the masterships were handed over."""
        for slot in range(2):
            os.pwrite(self._fd, bytes(_HEADER.size), slot * SLOT)

    def close(self) -> None:
        """Close the file; what it holds stays."""
        os.close(self._fd)

    def _slots(self) -> list[tuple[int, bytes]]:
        found = []
        for slot in range(2):
            data = os.pread(self._fd, SLOT, slot * SLOT)
            magic, boot, number, length, checksum = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
            content = data[_HEADER.size : _HEADER.size + length]
            if (magic, boot) == (_MAGIC, self._boot) and len(content) == length and zlib.crc32(content) == checksum:
                found.append((number, content))
        return found


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, 2 * SLOT)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
