"""The routing tables of the VIDs: one default route each, replaced in place, and `unreachable` below it.

Replacing is one message, so there is no moment without a route; and because `unreachable` lies below, a table whose
route was taken away never lets a packet fall through to the next rule (design 5).
"""

import errno
import socket
import struct
import sys
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import codec, messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, REPLACE
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import Address, DeviceName, Family

FLOOR_METRIC: Final = 4278198272
"""Metric of `unreachable default`, the kernel's own choice for a route of last resort."""

_HEADER: Final = struct.Struct("=B4xBxB4x")
"""The fixed part of a route's message: family, protocol and type, and what we do not ask for (struct rtmsg)."""
_TABLE: Final = 15
"""The attribute of a route that says its table (RTA_TABLE, linux/rtnetlink.h)."""
_UNICAST: Final = 1
_UNREACHABLE: Final = 7
_THROW: Final = 9
_ONLINK: Final = 4
_ANY_SCOPE: Final = 255
_FAMILIES: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_METRIC_IPV6: Final = 1024
"""The metric of a route of IPv6 for which none was said; IPv4's have none then."""


class DefaultRoute(NamedTuple):
    """The default route of one table."""

    table: int
    device: DeviceName
    gateway: Address
    source: Address | None
    mtu: int | None = None


class _Way(NamedTuple):
    """A default route as the kernel has it: by its device's number."""

    table: int
    number: int
    gateway: Address
    source: Address | None
    mtu: int | None


def route_request(table: int, index: int, gateway: Address, source: Address | None, mtu: int | None = None) -> bytes:
    """Return the request that makes this the default route of a table, in place of whatever it was.

    `onlink`: the device is ours to say, and a next hop must not be refused because an address flaps. `source` is what
    this gateway's own packets bear; what is larger than `mtu` is answered by ICMP, or cut where that is allowed.
    A link-local gateway is on its device in any case.
    """
    family = Family(gateway.version)
    attributes: list[tuple[str, Any]] = [
        ("RTA_TABLE", table),
        ("RTA_GATEWAY", str(gateway)),
        ("RTA_OIF", index),
    ]
    if source is not None:
        attributes.append(("RTA_PREFSRC", str(source)))
    if mtu is not None:
        attributes.append(("RTA_METRICS", {"attrs": [("RTAX_MTU", mtu)]}))
    flags = 0 if gateway.version == 6 and gateway.is_link_local else _ONLINK
    fields = {"family": _FAMILIES[family], "proto": PROTOCOL, "type": _UNICAST, "flags": flags}
    return messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, attributes)


def throw_request(table: int, family: Family = Family.IPV4) -> bytes:
    """Return the request that lets a table's packets fall through to the rules below, in place of whatever it said."""
    fields = {"family": _FAMILIES[family], "proto": PROTOCOL, "type": _THROW}
    return messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, [("RTA_TABLE", table)])


def floor(netlink: NetlinkSocket, table: int, family: Family = Family.IPV4) -> None:
    """Lay `unreachable default` under a table; fine if it is there. Raises DriverError."""
    fields = {"family": _FAMILIES[family], "proto": PROTOCOL, "type": _UNREACHABLE}
    attributes = [("RTA_TABLE", table), ("RTA_PRIORITY", FLOOR_METRIC)]
    request = messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, attributes)
    netlink.request(request, f"lay an unreachable default under table {table}")


def clear(netlink: NetlinkSocket, table: int, family: Family = Family.IPV4) -> None:
    """Take the default route out of a table, so that `unreachable` answers; fine if it is gone. Raises DriverError."""
    for kind in (_UNICAST, _THROW):
        _delete(netlink, table, kind, family, f"take the default route out of table {table}")


def remove(netlink: NetlinkSocket, table: int, family: Family = Family.IPV4) -> None:
    """Take everything of ours out of a table. Raises DriverError."""
    clear(netlink, table, family)
    _delete(netlink, table, _UNREACHABLE, family, f"take the unreachable default out of table {table}")


def read(netlink: NetlinkSocket, family: Family = Family.IPV4) -> list[DefaultRoute]:
    """Return the default routes that are ours, of every table. Raises DriverError."""
    replies = tuple(netlink.dump(messages.GET_ROUTE, _question(_UNICAST, family), "list the routes"))
    ways = _ways(replies, _METRIC_IPV6 if family is Family.IPV6 else None)
    names = {index: socket.if_indextoname(index) for index in {way.number for way in ways}}
    return [DefaultRoute(way.table, names[way.number], way.gateway, way.source, way.mtu) for way in ways]


def thrown(netlink: NetlinkSocket, family: Family = Family.IPV4) -> set[int]:
    """Return the tables whose default lets packets fall through. Raises DriverError."""
    return _tables_with(netlink, _THROW, family, "list the routes that fall through")


def floored(netlink: NetlinkSocket, family: Family = Family.IPV4) -> set[int]:
    """Return the tables with our `unreachable default`. Raises DriverError."""
    return _tables_with(netlink, _UNREACHABLE, family, "list the unreachable routes")


def _tables_with(netlink: NetlinkSocket, kind: int, family: Family, operation: str) -> set[int]:
    return set(_tables(tuple(netlink.dump(messages.GET_ROUTE, _question(kind, family), operation))))


def _question(kind: int, family: Family) -> bytes:
    """Return the question for our routes of a type."""
    return _HEADER.pack(_FAMILIES[family], PROTOCOL, kind)


# The same words of the kernel are understood once: a gateway with 255 VIDs asks for 511 tables every second.


@lru_cache(maxsize=8)
def _tables(replies: tuple[bytes, ...]) -> frozenset[int]:
    """Return the tables that routes are of."""
    return frozenset(_table(reply) for reply in replies)


def _table(reply: bytes) -> int:
    return int.from_bytes(dict(codec.attributes(reply, _HEADER.size))[_TABLE], sys.byteorder)


@lru_cache(maxsize=4)
def _ways(replies: tuple[bytes, ...], metric: int | None) -> tuple[_Way, ...]:
    """Return default routes of a metric."""
    found = []
    for reply in replies:
        fields, attributes = messages.parse(messages.ROUTE, reply)
        if fields["dst_len"] or "RTA_GATEWAY" not in attributes or attributes.get("RTA_PRIORITY") != metric:
            continue
        source = attributes.get("RTA_PREFSRC")
        found.append(
            _Way(
                attributes["RTA_TABLE"],
                attributes["RTA_OIF"],
                ip_address(attributes["RTA_GATEWAY"]),
                None if source is None else ip_address(source),
                dict(attributes["RTA_METRICS"]["attrs"]).get("RTAX_MTU") if "RTA_METRICS" in attributes else None,
            )
        )
    return tuple(found)


def _delete(netlink: NetlinkSocket, table: int, kind: int, family: Family, operation: str) -> None:
    """Delete a default route of ours, if it is there: of IPv4 by its type (a metric of 0 would mean any).

    Of IPv6 by its metric, for there the kernel does not look at the type.
    """
    fields = {"family": _FAMILIES[family], "proto": PROTOCOL, "scope": _ANY_SCOPE, "type": kind}
    attributes = [("RTA_TABLE", table)]
    if family is Family.IPV6:
        attributes.append(("RTA_PRIORITY", FLOOR_METRIC if kind == _UNREACHABLE else _METRIC_IPV6))
    request = messages.request(messages.ROUTE, messages.DELETE_ROUTE, ACK, fields, attributes)
    try:
        netlink.request(request, operation)
    except DriverError as error:
        if error.errno != errno.ESRCH:
            raise
