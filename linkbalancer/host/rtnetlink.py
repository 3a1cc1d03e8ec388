"""Questions to the kernel about devices and addresses, and its notifications.

It is the little of rtnetlink that observing needs, parsed by hand: a carrier's loss is read on the path of a failover,
and only a few fields of each message matter.
"""

import errno
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.host.packetfilter import accept_no_foreign_main_routes
from linkbalancer.links import Address, DeviceName

NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
GET_QDISC: Final = 38
DUMP: Final = 0x300
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE = 24, 25
NEW_RULE, DELETE_RULE = 32, 33
NEW_NETCONF: Final = 80
REPLACE: Final = 0x100

_GROUPS: Final = 0x01 | 0x10 | 0x40 | 0x80 | 0x100 | 1 << 23
"""Links, IPv4 addresses, IPv4 routes, IPv4 rules, IPv6 addresses, IPv4 settings (RTNLGRP_IPV4_NETCONF)."""
_GROUPS_IPV6: Final = 0x400 | 1 << 18 | 1 << 24
"""IPv6 routes, rules (RTNLGRP_IPV6_RULE) and settings (RTNLGRP_IPV6_NETCONF)."""

_HEADER: Final = struct.Struct("=IHHII")
_ERROR, _DONE = 2, 3
_REQUEST, _MULTIPLE, _INTERRUPTED = 0x1, 0x2, 0x10
_LINK: Final = struct.Struct("=BxHiII")
_ADDRESS: Final = struct.Struct("=BBBBi")
_ATTRIBUTE: Final = struct.Struct("=HH")
_NAME, _MTU, _STATISTICS, _EXTENT = 3, 4, 23, 29
_RECEIVED: Final = struct.Struct("=Q")
_UP_RUNNING_CARRIER: Final = 0x1 | 0x40 | 0x10000
_SKIP_STATISTICS: Final = 1 << 3
_IFA_ADDRESS, _LOCAL, _IFA_FLAGS, _IFA_PROTO = 1, 2, 8, 11
_OPTIMISTIC, _DUPLICATE, _TENTATIVE = 0x04, 0x08, 0x40
_OUR_TAG: Final = bytes([112])
"""The tag on what the drivers put into the kernel (`drivers.netlink.messages.PROTOCOL`)."""

_SOL_NETLINK: Final = 270
_STRICT: Final = 12
_RECEIVE_BUFFER_FORCE: Final = 33
_BUFFER_BYTES: Final = 1 << 20
_RECEIVE_BYTES: Final = 1 << 16
_DUMP_ATTEMPTS: Final = 5


def attributes(content: bytes, offset: int = 0) -> dict[int, bytes]:
    """Return the attributes that begin at an offset of a message, or of an attribute that has some inside."""
    found = {}
    while offset + 4 <= len(content):
        length, kind = _ATTRIBUTE.unpack_from(content, offset)
        if not 4 <= length <= len(content) - offset:
            break
        found[kind & 0x3FFF] = content[offset + 4 : offset + length]
        offset += length + -length % 4
    return found


@dataclass(frozen=True, slots=True)
class Message:
    """A received message: its type, the port of who caused it (0: the kernel) and its content."""

    kind: int
    flags: int
    sequence: int
    port: int
    payload: bytes

    def attributes(self, fixed: int) -> dict[int, bytes]:
        """Return the attributes behind a fixed part of so many bytes."""
        return attributes(self.payload, fixed)


@dataclass(frozen=True, slots=True)
class Link:
    """A device as the kernel shows it: number, flags (IFF_*), and the frames received where they were asked for."""

    index: int
    flags: int
    received: int | None = None
    mtu: int = 0

    @property
    def carrier(self) -> bool:
        """Whether the device is up, by the administrator and by its cable."""
        return self.flags & _UP_RUNNING_CARRIER == _UP_RUNNING_CARRIER


@dataclass(frozen=True, slots=True)
class Seen:
    """An address of a device: whether packets may be sent from it yet, and whether it bears our tag."""

    ip: Address
    usable: bool
    ours: bool


def subscribe(*, ipv6: bool = False) -> socket.socket:
    """Return a non-blocking socket that gets the notifications, with `ipv6` all those of IPv6. Raises OSError."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
    opened.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER_BYTES)
    accept_no_foreign_main_routes(opened, (NEW_ROUTE, DELETE_ROUTE))
    opened.bind((0, _GROUPS | _GROUPS_IPV6 if ipv6 else _GROUPS))
    return opened


def messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of a datagram; a truncated tail ends them."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, port = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            return
        yield Message(kind, flags, sequence, port, data[offset + _HEADER.size : offset + length])
        offset += length + -length % 4


def link_name(message: Message) -> DeviceName:
    """Return the name of the device that a link message is about."""
    return message.attributes(_LINK.size).get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")


def link_index(message: Message) -> int:
    """Return the number of the device that a link message is about."""
    index: int = _LINK.unpack_from(message.payload)[2]
    return index


def address_index(message: Message) -> int:
    """Return the number of the device that an address message is about."""
    index: int = _ADDRESS.unpack_from(message.payload)[4]
    return index


def is_ours(message: Message) -> bool:
    """Return whether the address that an address message is about bears our tag."""
    return message.attributes(_ADDRESS.size).get(_IFA_PROTO) == _OUR_TAG


def local_address(message: Message) -> Address | None:
    """Return the address that an address message is about."""
    return _ip(message.attributes(_ADDRESS.size))


def _ip(parts: dict[int, bytes]) -> Address | None:
    packed = parts.get(_LOCAL) or parts.get(_IFA_ADDRESS, b"")
    if len(packed) == 16:
        return IPv6Address(packed)
    return IPv4Address(packed) if len(packed) == 4 else None


def _seen(message: Message) -> Seen | None:
    parts = message.attributes(_ADDRESS.size)
    ip = _ip(parts)
    if ip is None:
        return None
    flags: int = struct.unpack("=I", parts.get(_IFA_FLAGS, bytes(4)))[0]
    usable = not flags & _DUPLICATE and (not flags & _TENTATIVE or bool(flags & _OPTIMISTIC))
    return Seen(ip, usable, parts.get(_IFA_PROTO) == _OUR_TAG)


@lru_cache(maxsize=1024)
def link_question(device: DeviceName, *, statistics: bool) -> bytes:
    """Return the content of the question for a device by its name."""
    name = device.encode() + b"\0"
    content = _LINK.pack(0, 0, 0, 0, 0)
    content += _ATTRIBUTE.pack(4 + len(name), _NAME) + name + bytes(-len(name) % 4)
    return content if statistics else content + _ATTRIBUTE.pack(8, _EXTENT) + struct.pack("=I", _SKIP_STATISTICS)


class Questions:
    """A socket for questions, answered at once."""

    def __init__(self) -> None:
        """Open the socket; raises OSError."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        self._socket.settimeout(2)
        self._sequence = 0
        self._last: dict[DeviceName, tuple[bytes, Link]] = {}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def link(self, device: DeviceName, *, statistics: bool = False) -> Link | None:
        """Return a device, None when there is none of this name. Raises OSError."""
        for answer in self.ask(GET_LINK, 0, link_question(device, statistics=statistics)):
            last = self._last.get(device)
            if last is not None and last[0] == answer.payload:
                return last[1]  # nearly always: it is asked for many times a second
            _family, _kind, index, flags, _change = _LINK.unpack_from(answer.payload)
            parts = answer.attributes(_LINK.size)
            counters, mtu = parts.get(_STATISTICS), int.from_bytes(parts.get(_MTU, b""), sys.byteorder)
            link = Link(index, flags, _RECEIVED.unpack_from(counters)[0] if counters else None, mtu)
            self._last[device] = answer.payload, link
            return link
        return None

    def addresses(self, index: int) -> list[Seen]:
        """Return the addresses of a device in the kernel's order: IPv4's first, primary ones first. Raises OSError."""
        content = _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, index)
        found = [_seen(answer) for answer in self.ask(GET_ADDRESS, DUMP, content)]
        return [address for address in found if address is not None]

    def ask(self, kind: int, flags: int, content: bytes) -> list[Message]:
        """Return the answers to one question; none when the device is not there. Raises OSError."""
        for _attempt in range(_DUMP_ATTEMPTS):
            self._sequence = self._sequence % 0xFFFFFFFF + 1
            header = _HEADER.pack(_HEADER.size + len(content), kind, flags | _REQUEST, self._sequence, 0)
            self._socket.send(header + content)
            answers = self._answers()
            if not any(answer.flags & _INTERRUPTED for answer in answers):
                break
        return answers

    def _answers(self) -> list[Message]:
        """Read on to the end of the answers."""
        answers: list[Message] = []
        while True:
            for message in messages(self._socket.recv(_RECEIVE_BYTES)):
                if message.sequence != self._sequence:
                    continue
                if message.kind not in {_ERROR, _DONE}:
                    answers.append(message)
                    if not message.flags & _MULTIPLE:
                        return answers  # a single answer ends itself
                    continue
                code: int = -struct.unpack_from("=i", message.payload)[0] if len(message.payload) >= 4 else 0
                if code not in {0, errno.ENODEV}:
                    raise OSError(code, "ask the kernel for devices and addresses")
                return answers
