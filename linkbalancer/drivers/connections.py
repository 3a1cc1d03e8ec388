"""One flow's entry in connection tracking: by its addresses and ports, in either direction."""

import errno
import struct
from ipaddress import ip_address
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import attribute, attributes, message, nested
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.engine.crosscheck.observed import Connection
from linkbalancer.routing.packet import Packet

_GET: Final = 1 << 8 | 1
_HEAD_BYTES: Final = 4
_FAMILY: Final = {4: 2, 6: 10}

_ORIGINAL, _REPLY, _STATUS, _TIMEOUT, _MARK = 1, 2, 3, 7, 8
_ADDRESSES, _TRANSPORT = 1, 2
_SOURCE: Final = {4: 1, 6: 3}
_DESTINATION: Final = {4: 2, 6: 4}
_PROTOCOL, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_SEEN_REPLY: Final = 0x2


def find(netlink: NetlinkSocket, packet: Packet) -> Connection | None:
    """Return the entry of the flow that a packet is of, None when there is none. Raises DriverError."""
    content = struct.pack("!BBH", _FAMILY[packet.source.version], 0, 0) + _tuple(packet)
    try:
        reply = netlink.ask(message(_GET, 0, content), "look for the flow in connection tracking")
    except DriverError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    parts = dict(attributes(reply, _HEAD_BYTES))
    original, answer = _ends(parts.get(_ORIGINAL, b"")), _ends(parts.get(_REPLY, b""))
    return Connection(
        mark=_number(parts.get(_MARK)) or 0,
        reply=original[:2] != (packet.source.packed, packet.destination.packed),
        answered=bool((_number(parts.get(_STATUS)) or 0) & _SEEN_REPLY),
        expires_s=_number(parts.get(_TIMEOUT)),
        translated=_translated(original, answer),
        source_translated=answer[1] != original[0],
    )


def _tuple(packet: Packet) -> bytes:
    version = packet.source.version
    ends = nested(
        _ADDRESSES,
        attribute(_SOURCE[version], packet.source.packed),
        attribute(_DESTINATION[version], packet.destination.packed),
    )
    transport = nested(
        _TRANSPORT,
        attribute(_PROTOCOL, bytes([packet.protocol])),
        attribute(_SOURCE_PORT, struct.pack("!H", packet.source_port)),
        attribute(_DESTINATION_PORT, struct.pack("!H", packet.destination_port)),
    )
    return nested(_ORIGINAL, ends, transport)


def _ends(content: bytes) -> tuple[bytes, bytes]:
    """Return source and destination of a direction, as the kernel packs them."""
    parts = dict(attributes(dict(attributes(content)).get(_ADDRESSES, b"")))
    source = next((parts[kind] for kind in _SOURCE.values() if kind in parts), b"")
    destination = next((parts[kind] for kind in _DESTINATION.values() if kind in parts), b"")
    return source, destination


def _translated(original: tuple[bytes, bytes], answer: tuple[bytes, bytes]) -> str:
    """Say which addresses are translated: those of the answers that are not the mirror image."""
    words = []
    if answer[1] != original[0]:
        words.append(f"source becomes {ip_address(answer[1])}")
    if answer[0] != original[1]:
        words.append(f"destination becomes {ip_address(answer[0])}")
    return ", ".join(words)


def _number(value: bytes | None) -> int | None:
    return None if value is None else int(struct.unpack("!I", value)[0])
