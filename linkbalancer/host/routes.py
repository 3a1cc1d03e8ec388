"""The routes of a table as the kernel shows them, and notices that one of interest may have changed.

A table is read anew after each notice: the kernel says nothing of the IPv4 routes that go with their device.
"""

import errno
import socket
import struct
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

from linkbalancer.host import rtnetlink
from linkbalancer.host.rtnetlink import Message, Questions
from linkbalancer.links import Address, DeviceName

Prefix: TypeAlias = IPv4Network | IPv6Network

_NEW_ROUTE, _DELETE_ROUTE, _GET_ROUTE = 24, 25, 26
_GROUPS: Final = 0x01 | 0x40 | 0x400
"""Links, IPv4 routes, IPv6 routes."""

_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_NEXT_HOP: Final = struct.Struct("=HBBi")
_DUMP: Final = 0x300
_DESTINATION, _DEVICE, _GATEWAY, _MULTIPATH, _TABLE, _VIA = 1, 4, 5, 9, 15, 18
_UNICAST: Final = 1
_DEAD: Final = 0x01
_RECEIVE_BYTES: Final = 1 << 16
_DATAGRAMS_PER_READ: Final = 1000


@dataclass(frozen=True, slots=True)
class Way:
    """One next hop of a route: by way of a gateway, or straight onto a device."""

    gateway: Address | None
    device: DeviceName


class RouteMonitor:
    """Watches some prefixes, each in a table. Raises OSError when the kernel gives no socket."""

    def __init__(self, wanted: Collection[tuple[Prefix, int]]) -> None:
        self._wanted = frozenset(wanted)
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._notices = socket.socket(socket.AF_NETLINK, kind, 0)
        self._notices.bind((0, _GROUPS))
        self._questions = _RouteQuestions()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there may be news."""
        return self._notices.fileno()

    def close(self) -> None:
        """Close the sockets."""
        self._notices.close()
        self._questions.close()

    def read(self) -> bool:
        """Read the notices; return whether something of interest may have changed. Never blocks."""
        stirred = False
        for _datagram in range(_DATAGRAMS_PER_READ):
            try:
                data = self._notices.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                stirred = True
                continue
            stirred = stirred or any(map(self._concerns, rtnetlink.messages(data)))
        return stirred

    def look(self) -> dict[tuple[Prefix, int], tuple[Way, ...]]:
        """Return the ways of every watched prefix; none where it is not there. Raises OSError."""
        found: dict[tuple[Prefix, int], tuple[Way, ...]] = dict.fromkeys(self._wanted, ())
        for version, table in {(prefix.version, table) for prefix, table in self._wanted}:
            for message in self._questions.routes(version, table):
                key = _key(message)
                if key in found:
                    found[key] += tuple(_ways(message))
        return found

    def _concerns(self, message: Message) -> bool:
        if message.kind in {_NEW_ROUTE, _DELETE_ROUTE}:
            return _key(message) in self._wanted
        return message.kind in {rtnetlink.NEW_LINK, rtnetlink.DELETE_LINK}


class _RouteQuestions(Questions):
    """Asks for the routes of a table."""

    def routes(self, version: int, table: int) -> list[Message]:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        content = _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0) + struct.pack("=HHI", 8, _TABLE, table)
        try:
            return self.ask(_GET_ROUTE, _DUMP, content)
        except OSError as error:
            if error.errno == errno.ENOENT:  # there is no such table
                return []
            raise


def _key(message: Message) -> tuple[Prefix, int] | None:
    """Return the prefix and the table that a message is about, None when it is no route that leads on."""
    if len(message.payload) < _ROUTE.size:
        return None
    family, length, _source, _tos, table, _protocol, _scope, kind, flags = _ROUTE.unpack_from(message.payload)
    if kind != _UNICAST or flags & _DEAD:
        return None
    attributes = message.attributes(_ROUTE.size)
    number = int.from_bytes(attributes[_TABLE], sys.byteorder) if _TABLE in attributes else table
    packed = attributes.get(_DESTINATION)
    try:
        if family == socket.AF_INET:
            return IPv4Network((packed or bytes(4), length)), number
        return IPv6Network((packed or bytes(16), length)), number
    except ValueError:
        return None


def _ways(message: Message) -> Iterator[Way]:
    attributes = message.attributes(_ROUTE.size)
    if _MULTIPATH in attributes:
        yield from _paths(attributes[_MULTIPATH])
    elif _DEVICE in attributes:
        yield Way(_gateway(attributes), _name(int.from_bytes(attributes[_DEVICE], sys.byteorder)))


def _paths(content: bytes) -> Iterator[Way]:
    """Yield the next hops of a route of several."""
    offset = 0
    while offset + _NEXT_HOP.size <= len(content):
        length, flags, _hops, index = _NEXT_HOP.unpack_from(content, offset)
        if length < _NEXT_HOP.size:
            return
        inner = Message(0, 0, 0, 0, content[offset + _NEXT_HOP.size : offset + length]).attributes(0)
        if not flags & _DEAD:
            yield Way(_gateway(inner), _name(index))
        offset += length + -length % 4


def _gateway(attributes: dict[int, bytes]) -> Address | None:
    packed = attributes.get(_GATEWAY, attributes.get(_VIA, b"")[2:])
    match len(packed):
        case 4:
            return IPv4Address(packed)
        case 16:
            return IPv6Address(packed)
        case _:
            return None


def _name(index: int) -> DeviceName:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""
