"""What others do to what is ours in the kernel's routing, by its notifications: removed, replaced, or passed by.

Ours are addresses, routes and rules with our tag, and whole tables. What others put before ours, or into our tables,
is theirs: it is told, and left alone.
"""

import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeAlias

from linkbalancer.host import rtnetlink
from linkbalancer.host.culprit import NOBODY, Culprit, behind
from linkbalancer.host.rtnetlink import Message
from linkbalancer.links import Address, DeviceName

_OUR_PROTOCOL: Final = 112
"""The tag on what the drivers put into the kernel (`drivers.netlink.messages.PROTOCOL`)."""
_FRA_PRIORITY, _FRA_PROTOCOL = 6, 21
_RTA_DST: Final = 1
_RTA_TABLE: Final = 15
_ROUTE_FIXED: Final = 12
_LENGTH_AT, _PROTOCOL_AT, _TYPE_AT = 1, 5, 7
_UNREACHABLE: Final = 7
_NETCONF_FIXED, _NETCONF_INDEX = 4, 1


@dataclass(frozen=True, slots=True)
class Removed:
    """Something of ours was removed by somebody else: `what` is address, route or rule, `detail` says which."""

    what: str
    detail: str
    by: Culprit = field(default=NOBODY, compare=False)


@dataclass(frozen=True, slots=True)
class Stirred:
    """Something of ours may not be as it was; `what`, where that is known, and `by` whom."""

    what: str = field(default="", compare=False)
    by: Culprit = field(default=NOBODY, compare=False)


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Somebody else put something of his where it takes packets from ours: a `rule` before ours, a `route` of ours."""

    what: str
    detail: str
    by: Culprit = field(default=NOBODY, compare=False)


Deed: TypeAlias = Removed | Stirred | Shadowed


@dataclass(frozen=True, slots=True)
class Ground:
    """What is ours: routing tables, and the priority of the last of our rules."""

    tables: frozenset[int] = frozenset()
    last_rule: int = 0


NO_GROUND: Final = Ground()


class Strangers:
    """Judges notifications.

    Args:
        own_port: the netlink port of our own changes.
        ground: what is ours.
        virtual_ips: the addresses that are ours to have.
        made: the devices that we make ourselves: of those only that they stir.
        name: tells a watched device's name by its number, None of another device's.
    """

    def __init__(
        self,
        own_port: int,
        ground: Ground,
        virtual_ips: Collection[Address],
        made: Collection[DeviceName],
        name: Callable[[int], DeviceName | None],
    ) -> None:
        self._own_port, self._ground, self._name = own_port, ground, name
        self._virtual_ips, self._made = frozenset(virtual_ips), frozenset(made)

    def judge(self, message: Message) -> Deed | None:
        """Return what was done to ours, None when nothing or by ourselves."""
        if message.port == self._own_port and message.kind != rtnetlink.NEW_NETCONF:
            return None
        match message.kind:
            case rtnetlink.NEW_LINK | rtnetlink.DELETE_LINK:
                return Stirred("device") if rtnetlink.link_name(message) in self._made else None
            case rtnetlink.DELETE_ADDRESS:
                return self._removed_address(message)
            case rtnetlink.NEW_ADDRESS:
                retagged = not rtnetlink.is_ours(message) and rtnetlink.local_address(message) in self._virtual_ips
                return Stirred("address", behind(message.port)) if retagged else None
            case rtnetlink.DELETE_ROUTE | rtnetlink.NEW_ROUTE:
                return self._route(message)
            case rtnetlink.DELETE_RULE | rtnetlink.NEW_RULE:
                return self._rule(message)
            case rtnetlink.NEW_NETCONF:
                return Stirred("switch") if self._is_watched(message) else None
            case _:
                return None

    def _removed_address(self, message: Message) -> Deed | None:
        """Return what to make of an address that is gone: of IPv6, the kernel does not say who removed it."""
        if not rtnetlink.is_ours(message):
            return None
        address, index = rtnetlink.local_address(message), rtnetlink.address_index(message)
        if isinstance(address, IPv6Address) or (message.port == 0 and self._name(index) is None):
            return Stirred("address")
        return Removed("address", f"{address} on {self._called(index)}", behind(message.port))

    def _route(self, message: Message) -> Deed | None:
        """Judge a route that came or went: in a table of ours, one of somebody else's may stand in the place of ours.

        A route of ours that is there is news of nothing.
        """
        ours = message.payload[_PROTOCOL_AT] == _OUR_PROTOCOL
        if message.kind == rtnetlink.DELETE_ROUTE:
            return Removed("route", _route(message), behind(message.port)) if ours else None
        if ours:
            return None
        inside = _number(message, _RTA_TABLE) in self._ground.tables
        if inside and message.payload[_LENGTH_AT]:
            return Shadowed("route", f"{_route(message)} in table {_number(message, _RTA_TABLE)}", behind(message.port))
        if inside or message.flags & rtnetlink.REPLACE:
            return Stirred("route", behind(message.port))
        return None

    def _rule(self, message: Message) -> Deed | None:
        priority = _number(message, _FRA_PRIORITY)
        ours = message.attributes(_ROUTE_FIXED).get(_FRA_PROTOCOL) == bytes([_OUR_PROTOCOL])
        if message.kind == rtnetlink.DELETE_RULE:
            which = f"{_family(message)}priority {priority}"
            return Removed("rule", which, behind(message.port)) if ours else None
        if not ours and 0 < priority <= self._ground.last_rule:
            return Shadowed("rule", f"{_family(message)}priority {priority}", behind(message.port))
        return None

    def _is_watched(self, message: Message) -> bool:
        """Return whether settings are a watched device's, or those of all or of coming ones (negative numbers)."""
        packed = message.attributes(_NETCONF_FIXED).get(_NETCONF_INDEX, bytes(4))
        index = int.from_bytes(packed, sys.byteorder, signed=True)
        return index < 0 or self._name(index) is not None

    def _called(self, index: int) -> DeviceName:
        """Return a device's name by its number."""
        try:
            return self._name(index) or socket.if_indextoname(index)
        except OSError:
            return "a device that is gone"


def _route(message: Message) -> str:
    """Say which route a notification is about: the default of a VID's table, or that to a link's far end."""
    peer = message.attributes(_ROUTE_FIXED).get(_RTA_DST)
    if peer is None:
        kind = "unreachable default" if message.payload[_TYPE_AT] == _UNREACHABLE else "default"
        return f"the {_family(message)}{kind} of table {_number(message, _RTA_TABLE)}"
    return f"to {ip_address(peer)}"


def _family(message: Message) -> str:
    """Name the family of a route or rule where it is not IPv4."""
    return "IPv6 " if message.payload[0] == socket.AF_INET6 else ""


def _number(message: Message, kind: int) -> int:
    """Return a 32-bit attribute of a route or rule message, 0 when it has none."""
    value = message.attributes(_ROUTE_FIXED).get(kind, bytes(4))
    return int.from_bytes(value, sys.byteorder)
