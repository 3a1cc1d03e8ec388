"""Netlink's framing: messages and attributes as bytes, both ways.

The attributes of rtnetlink messages are left to pyroute2 (`messages.py`); those of nf_tables, which it covers in part
only, are built with the functions below.
"""

import struct
from collections.abc import Iterator
from typing import Final

HEADER: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence, port."""

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3

REQUEST: Final = 0x1
ACK: Final = 0x4
DUMP: Final = 0x300
DUMP_INTERRUPTED: Final = 0x10
REPLACE: Final = 0x100
EXCLUSIVE: Final = 0x200
CREATE: Final = 0x400

_ATTRIBUTE: Final = struct.Struct("=HH")
_NESTED: Final = 0x8000
_KIND_MASK: Final = 0x3FFF
_ALIGNMENT: Final = b"\0\0\0"


def message(kind: int, flags: int, payload: bytes) -> bytes:
    """Return one message, its sequence number left 0 for the socket to fill in."""
    padding = _ALIGNMENT[: -len(payload) % 4]
    return HEADER.pack(HEADER.size + len(payload), kind, flags | REQUEST, 0, 0) + payload + padding


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to the next."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + _ALIGNMENT[: -len(value) % 4]


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds others."""
    return attribute(kind | _NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """Return an attribute with a text, ended by a zero as the kernel writes them."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes of a message's or an attribute's content; a truncated tail ends them."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not 4 <= length <= len(data) - offset:
            return
        yield kind & _KIND_MASK, data[offset + 4 : offset + length]
        offset += length + -length % 4


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield type, flags, sequence and payload of every message of a datagram."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, sequence, _port = HEADER.unpack_from(data, offset)
        if not HEADER.size <= length <= len(data) - offset:
            return
        yield kind, flags, sequence, data[offset + HEADER.size : offset + length]
        offset += length + -length % 4
