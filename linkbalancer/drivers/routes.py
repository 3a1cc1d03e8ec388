"""The routing tables of the VIDs: one default route each, replaced in place, and `unreachable` below it.

Replacing is one message, so there is no moment without a route; and because `unreachable` lies below, a table whose
route was taken away never lets a packet fall through to the next rule (design 5).
"""

import errno
import socket
from functools import cache, lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, REPLACE
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import DeviceName

FLOOR_METRIC: Final = 4278198272
"""Metric of `unreachable default`, the kernel's own choice for a route of last resort."""

_UNICAST: Final = 1
_UNREACHABLE: Final = 7
_THROW: Final = 9
_ONLINK: Final = 4
_ANY_SCOPE: Final = 255


class DefaultRoute(NamedTuple):
    """The default route of one table."""

    table: int
    device: DeviceName
    gateway: IPv4Address
    source: IPv4Address | None


class _Way(NamedTuple):
    """A default route as the kernel has it: by its device's number."""

    table: int
    number: int
    gateway: IPv4Address
    source: IPv4Address | None


def route_request(table: int, index: int, gateway: IPv4Address, source: IPv4Address | None) -> bytes:
    """Return the request that makes this the default route of a table, in place of whatever it was.

    `onlink`: the device is ours to say, and a next hop must not be refused because an address flaps. `source` is what
    this gateway's own packets bear.
    """
    attributes: list[tuple[str, int | str]] = [
        ("RTA_TABLE", table),
        ("RTA_GATEWAY", str(gateway)),
        ("RTA_OIF", index),
    ]
    if source is not None:
        attributes.append(("RTA_PREFSRC", str(source)))
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNICAST, "flags": _ONLINK}
    return messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, attributes)


def throw_request(table: int) -> bytes:
    """Return the request that lets a table's packets fall through to the rules below, in place of whatever it said."""
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "type": _THROW}
    return messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, [("RTA_TABLE", table)])


def floor(netlink: NetlinkSocket, table: int) -> None:
    """Lay `unreachable default` under a table; fine if it is there. Raises DriverError."""
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNREACHABLE}
    attributes = [("RTA_TABLE", table), ("RTA_PRIORITY", FLOOR_METRIC)]
    request = messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, attributes)
    netlink.request(request, f"lay an unreachable default under table {table}")


def clear(netlink: NetlinkSocket, table: int) -> None:
    """Take the default route out of a table, so that `unreachable` answers; fine if it is gone. Raises DriverError."""
    for kind in (_UNICAST, _THROW):
        _delete(netlink, table, kind, f"take the default route out of table {table}")


def remove(netlink: NetlinkSocket, table: int) -> None:
    """Take everything of ours out of a table. Raises DriverError."""
    clear(netlink, table)
    _delete(netlink, table, _UNREACHABLE, f"take the unreachable default out of table {table}")


def read(netlink: NetlinkSocket) -> list[DefaultRoute]:
    """Return the default routes that are ours, of every table. Raises DriverError."""
    ways = _ways(tuple(netlink.dump(messages.GET_ROUTE, _question(_UNICAST), "list the routes")))
    names = {index: socket.if_indextoname(index) for index in {way.number for way in ways}}
    return [DefaultRoute(way.table, names[way.number], way.gateway, way.source) for way in ways]


def thrown(netlink: NetlinkSocket) -> set[int]:
    """Return the tables whose default lets packets fall through. Raises DriverError."""
    return _tables_with(netlink, _THROW, "list the routes that fall through")


def floored(netlink: NetlinkSocket) -> set[int]:
    """Return the tables with our `unreachable default`. Raises DriverError."""
    return _tables_with(netlink, _UNREACHABLE, "list the unreachable routes")


def _tables_with(netlink: NetlinkSocket, kind: int, operation: str) -> set[int]:
    return set(_tables(tuple(netlink.dump(messages.GET_ROUTE, _question(kind), operation))))


@cache
def _question(kind: int) -> bytes:
    """Return the question for our routes of a type."""
    return messages.payload(messages.ROUTE, {"family": socket.AF_INET, "proto": PROTOCOL, "type": kind})


# The same words of the kernel are understood once: a gateway with 255 VIDs asks for 511 tables every second.


@lru_cache(maxsize=4)
def _tables(replies: tuple[bytes, ...]) -> frozenset[int]:
    """Return the tables that routes are of."""
    return frozenset(messages.parse(messages.ROUTE, reply)[1]["RTA_TABLE"] for reply in replies)


@lru_cache(maxsize=2)
def _ways(replies: tuple[bytes, ...]) -> tuple[_Way, ...]:
    """Return default routes."""
    found = []
    for reply in replies:
        fields, attributes = messages.parse(messages.ROUTE, reply)
        if fields["dst_len"] or "RTA_GATEWAY" not in attributes or "RTA_PRIORITY" in attributes:
            continue
        source = attributes.get("RTA_PREFSRC")
        found.append(
            _Way(
                attributes["RTA_TABLE"],
                attributes["RTA_OIF"],
                IPv4Address(attributes["RTA_GATEWAY"]),
                None if source is None else IPv4Address(source),
            )
        )
    return tuple(found)


def _delete(netlink: NetlinkSocket, table: int, kind: int, operation: str) -> None:
    """Delete a default route of ours by its type (a metric of 0 would mean any), if it is there."""
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "scope": _ANY_SCOPE, "type": kind}
    request = messages.request(messages.ROUTE, messages.DELETE_ROUTE, ACK, fields, [("RTA_TABLE", table)])
    try:
        netlink.request(request, operation)
    except DriverError as error:
        if error.errno != errno.ESRCH:
            raise
