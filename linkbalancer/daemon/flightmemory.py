"""What an agent has heard and not handed to the recorder yet, where it outlives the agent: in shared memory.

The recorder has a descriptor of it, and one of the agent's process. It looks only when that has ended, whatever it has
ended by; so handing over may be put off to quiet moments, and nothing is lost by that.

    segment, number, length     three 64-bit numbers: which datagram is being filled, and how far
    content                     lines; the last one may lack its end

The length is written after what it covers, and is 0 before the number changes: whoever is killed in between leaves what
was there, or nothing that was not sent.
"""

import mmap
import os
import struct
from contextlib import suppress
from typing import Final

from linkbalancer.clock import Instant

CAPACITY: Final = 256 << 10
"""Bytes; a datagram is sent long before it has so many."""

_HEAD: Final = struct.Struct("=QQQ")
_NUMBER: Final = struct.Struct("=Q")
_LENGTH_AT: Final = 16


class FlightMemory:
    """The agent's hand on it."""

    def __init__(self) -> None:
        """Have the memory; raises OSError."""
        self.descriptor = os.memfd_create("linkbalancer-flight")
        try:
            os.ftruncate(self.descriptor, CAPACITY)
            self._map = mmap.mmap(self.descriptor, CAPACITY)
        except (OSError, ValueError):
            os.close(self.descriptor)
            raise
        self.size = 0

    def begin(self, segment: Instant, number: int) -> None:
        """Have nothing, of this datagram from now on."""
        self.size = 0
        _NUMBER.pack_into(self._map, _LENGTH_AT, 0)
        _HEAD.pack_into(self._map, 0, segment, number, 0)

    def add(self, text: bytes) -> bool:
        """Have more; False where there is no room."""
        at, size = _HEAD.size + self.size, self.size + len(text)
        if _HEAD.size + size > CAPACITY:
            return False
        self._map[at : at + len(text)] = text
        self.size = size
        _NUMBER.pack_into(self._map, _LENGTH_AT, size)
        return True

    def close(self) -> None:
        """Give it back."""
        with suppress(BufferError):
            self._map.close()
        os.close(self.descriptor)


def left(descriptor: int) -> bytes | None:
    """Return what an agent that has ended left, as the datagram that it would have sent; None where it left nothing."""
    try:
        data = os.pread(descriptor, CAPACITY, 0)
    except OSError:
        return None
    if len(data) < _HEAD.size:
        return None
    segment, number, length = _HEAD.unpack_from(data)
    content = data[_HEAD.size : _HEAD.size + length]
    if not content or len(content) < length:
        return None
    end = b"" if content.endswith(b"\n") else b"]\n"
    return f'{{"segment":{segment},"number":{number},"last":true}}\n'.encode() + content + end
