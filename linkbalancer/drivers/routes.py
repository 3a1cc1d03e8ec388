"""The routing tables of the VIDs: one default route each, replaced in place, and `unreachable` below it.

Replacing is one message, so there is no moment without a route; and because `unreachable` lies below, a table whose
route was taken away never lets a packet fall through to the next rule (design 5).
"""

import errno
import socket
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
    content = messages.payload(messages.ROUTE, {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNICAST})
    found = []
    for reply in netlink.dump(messages.GET_ROUTE, content, "list the routes"):
        fields, attributes = messages.parse(messages.ROUTE, reply)
        if fields["dst_len"] or "RTA_GATEWAY" not in attributes or "RTA_PRIORITY" in attributes:
            continue
        source = attributes.get("RTA_PREFSRC")
        found.append(
            DefaultRoute(
                attributes["RTA_TABLE"],
                socket.if_indextoname(attributes["RTA_OIF"]),
                IPv4Address(attributes["RTA_GATEWAY"]),
                None if source is None else IPv4Address(source),
            )
        )
    return found


def thrown(netlink: NetlinkSocket) -> set[int]:
    """Return the tables whose default lets packets fall through. Raises DriverError."""
    return _tables_with(netlink, _THROW, "list the routes that fall through")


def floored(netlink: NetlinkSocket) -> set[int]:
    """Return the tables with our `unreachable default`. Raises DriverError."""
    return _tables_with(netlink, _UNREACHABLE, "list the unreachable routes")


def _tables_with(netlink: NetlinkSocket, kind: int, operation: str) -> set[int]:
    content = messages.payload(messages.ROUTE, {"family": socket.AF_INET, "proto": PROTOCOL, "type": kind})
    replies = netlink.dump(messages.GET_ROUTE, content, operation)
    return {messages.parse(messages.ROUTE, reply)[1]["RTA_TABLE"] for reply in replies}


def _delete(netlink: NetlinkSocket, table: int, kind: int, operation: str) -> None:
    """Delete a default route of ours by its type (a metric of 0 would mean any), if it is there."""
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "scope": _ANY_SCOPE, "type": kind}
    request = messages.request(messages.ROUTE, messages.DELETE_ROUTE, ACK, fields, [("RTA_TABLE", table)])
    try:
        netlink.request(request, operation)
    except DriverError as error:
        if error.errno != errno.ESRCH:
            raise
