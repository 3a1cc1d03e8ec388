"""An application's flows in connection tracking: which VID each took last, and its packets in both directions."""

import struct
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Final

from linkbalancer.drivers.netlink.codec import DUMP, NLMSG_DONE, NLMSG_ERROR, attribute, attributes, message, messages
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.split import Entry

_GET: Final = 1 << 8 | 1
_ANY_FAMILY: Final = struct.pack("!BBH", 0, 0, 0)
_HEAD_BYTES: Final = 4
_ORIGINAL, _REPLY, _MARK, _MARK_MASK = 1, 2, 8, 21
_ADDRESSES, _TRANSPORT = 1, 2
_SOURCES, _DESTINATIONS = (1, 3), (2, 4)
_PROTOCOL, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3


def flows_of(marks: Marks, app_id: int) -> Iterator[Entry]:
    """Yield the flows of an application that took a VID here. Raises DriverError.

    A flow of which only packets from a link passed here has taken none.
    """
    wanted = struct.pack("!I", marks.connection_mark(app_id)), struct.pack("!I", marks.connection_mask)
    request = message(_GET, DUMP, _ANY_FAMILY + attribute(_MARK, wanted[0]) + attribute(_MARK_MASK, wanted[1]))
    netlink = NetlinkSocket(NETFILTER)  # its own: one that stops in the middle of a dump is of no further use
    try:
        for datagram in netlink.stream(request, "list the flows"):
            for kind, _flags, _number, payload in messages(datagram):
                if kind in {NLMSG_DONE, NLMSG_ERROR}:
                    return
                parts = dict(attributes(payload, _HEAD_BYTES))
                vid = marks.flow_of(struct.unpack("!I", parts[_MARK])[0])
                if vid:
                    yield Entry(vid, _packet(parts[_ORIGINAL]), _packet(parts[_REPLY]))
    finally:
        netlink.close()


def _packet(content: bytes) -> Packet:
    """Return the packet of a direction."""
    parts = dict(attributes(content))
    ends, transport = dict(attributes(parts[_ADDRESSES])), dict(attributes(parts[_TRANSPORT]))
    source = next(ends[kind] for kind in _SOURCES if kind in ends)
    destination = next(ends[kind] for kind in _DESTINATIONS if kind in ends)
    ports = (_port(transport, _SOURCE_PORT), _port(transport, _DESTINATION_PORT))
    return Packet(ip_address(source), ip_address(destination), transport[_PROTOCOL][0], *ports)


def _port(transport: Mapping[int, bytes], kind: int) -> int:
    return int.from_bytes(transport.get(kind, b""))
