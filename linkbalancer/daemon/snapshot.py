"""The agent's snapshot on disk (a tmpfs): two slots, written in turn, so that a writer killed half-way spoils one only.

A slot is read back only when its checksum is right and it is of this boot: instants of another boot mean nothing.

Behind the slots stands a sign of life: until when the newest of them has held. A Master of 255 groups advertises
thousands of times a second; that it does is no reason to write everything anew, and all that a successor needs of it is
when the last of these adverts was (`engine.snapshot`).
"""

import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.listening import identity

SLOT = 1 << 18
"""Bytes of a slot."""

SIZE = 2 * SLOT + 28
"""Bytes of the file: two slots, and a sign of life."""

EVERY: Duration = 50 * MILLISECOND
"""At most how often a snapshot is written."""

ANEW: Duration = 2 * SECOND
"""How often all of it is written while nothing happens but adverts: what they counted is to outlive the agent too."""

_ALIVE = struct.Struct("=8sQQ")
_HEADER = struct.Struct("=8s36sQII")
_MAGIC = b"LBSNAP01"
_SIGN = b"LBALIVE1"
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
        if not isinstance(found, dict):
            return None
        alive = self._alive(number)
        return found if alive is None else {**found, "alive": alive}

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

    def live(self, now: Instant) -> None:
        """Note that what was written last holds until now, and that every advert that was due by now is sent."""
        sign = _ALIVE.pack(_SIGN, self._number, now)
        os.pwrite(self._fd, sign + zlib.crc32(sign).to_bytes(4), 2 * SLOT)

    def forget(self) -> None:
        """Make sure that no successor goes on from here: the masterships were handed over."""
        for slot in range(2):
            os.pwrite(self._fd, bytes(_HEADER.size), slot * SLOT)

    def close(self) -> None:
        """Close the file; what it holds stays."""
        os.close(self._fd)

    def _alive(self, number: int) -> Instant | None:
        """Return until when the snapshot of a number has held; None when nobody has said so of this one."""
        read = os.pread(self._fd, _ALIVE.size + 4, 2 * SLOT).ljust(_ALIVE.size + 4, b"\0")
        sign, checksum = read[: _ALIVE.size], int.from_bytes(read[_ALIVE.size :])
        mark, of, until = _ALIVE.unpack(sign)
        return int(until) if (mark, of, checksum) == (_SIGN, number, zlib.crc32(sign)) else None

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
        os.posix_fallocate(descriptor, 0, SIZE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
