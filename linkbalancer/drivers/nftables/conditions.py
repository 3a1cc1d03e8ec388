"""Conditions of nft rules: fields of a packet and what they may be.

A network is written as one wherever a range is one, and a port from or up to somewhere as such: the kernel compares
once then, not twice, and has a third less to take in when thousands of rules are loaded.
"""

import socket
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from linkbalancer.drivers.nftables import namesets
from linkbalancer.routing.classifier import Box
from linkbalancer.routing.dispatch import (
    DESTINATION,
    DESTINATION_PORT,
    DSCP,
    LAST_ADDRESS,
    PROTOCOL,
    SOURCE,
    SOURCE_PORT,
    Family,
    Fields,
    Lookups,
    fields_of,
    lookups_of,
)
from linkbalancer.routing.selector import LAST_PORT, Interval, Ranges

_HEADERS: Final[dict[int, str]] = {4: "ip", 6: "ip6"}
_ADDRESSES: Final = {SOURCE: "saddr", DESTINATION: "daddr"}
_ORDER: Final = (SOURCE, DESTINATION, DSCP, PROTOCOL, SOURCE_PORT, DESTINATION_PORT)
_PORTS: Final = {SOURCE_PORT: "sport", DESTINATION_PORT: "dport"}
_KEPT: Final = 1 << 16
"""Texts that are kept: both directions and many rules say the same."""


def matches(box: Box) -> list[str]:
    """Return the conditions of a box's rules, each ready for a verdict behind it.

    One rule does, but for a DSCP with no family beside it: the byte stands elsewhere in IPv6. Fragments have their
    ports too: connection tracking has put them together before our priority.
    """
    selector = box.selector
    families: tuple[Family | None, ...] = (selector.family,)
    if selector.family is None and selector.dscp is not None:
        families = (4, 6)
    fields = fields_of(selector)
    found = []
    for family in families:
        conditions = [] if family is None else [f"meta nfproto ipv{family}"]
        conditions += [of_field(field, family, fields) for field in _ORDER]
        conditions += of_lookups(family or 4, lookups_of(selector))
        found.append("".join(f"{condition} " for condition in conditions if condition))
    return found


def of_field(field: int, family: Family | None, fields: Fields) -> str:
    """Return the condition on a field, empty where everything will do."""
    ranges = fields[field]
    return "" if ranges is None else of_ranges(field, family, ranges)


@lru_cache(_KEPT)
def of_ranges(field: int, family: Family | None, ranges: Ranges) -> str:
    """Return the condition that a field is in some ranges, empty where everything is."""
    if family is not None and ranges == (_whole(field, family),):
        return ""
    if field in _PORTS and len(ranges) == 1:
        (only,) = ranges
        if 0 < only.first < only.last == LAST_PORT:
            return f"{name(field, family)} >= {only.first}"
        if 0 == only.first < only.last < LAST_PORT:
            return f"{name(field, family)} <= {only.last}"
    return f"{name(field, family)} {_one_of([one for part in ranges for one in values(field, family, part)])}"


def of_lookups(family: Family, lookups: Lookups) -> list[str]:
    """Return the conditions on fields that host names say: each a lookup in a set of the kernel's."""
    return [f"{name(field, family)} @{namesets.name(names, family)}" for field, names in lookups]


def name(field: int, family: Family | None) -> str:
    """Return what nft calls a field."""
    if field == PROTOCOL:
        return "meta l4proto"
    if field in _PORTS:
        return f"th {_PORTS[field]}"
    return f"{_HEADERS[family or 4]} {_ADDRESSES.get(field, 'dscp')}"


def values(field: int, family: Family | None, interval: Interval) -> list[str]:
    """Write a range of a field's values.

    DSCPs one by one: they are part of a byte, and a range of such is not compared as one. Protocols likewise.
    """
    if field in {DSCP, PROTOCOL}:
        form = "{:#04x}" if field == DSCP else "{}"
        return [form.format(value) for value in range(interval.first, interval.last + 1)]
    if field in _PORTS:
        return [str(interval)]
    return [_addresses(4 if family == 4 else 6, interval.first, interval.last)]


@lru_cache(_KEPT)
def _addresses(family: Family, first: int, last: int) -> str:
    size = last - first + 1
    if size == 1:
        return _address(family, first)
    if size & (size - 1) == 0 and first % size == 0 and last - first < LAST_ADDRESS[family]:
        return f"{_address(family, first)}/{(32 if family == 4 else 128) - size.bit_length() + 1}"
    return f"{_address(family, first)}-{_address(family, last)}"


def _address(family: Family, number: int) -> str:
    if family == 4:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
    return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))


def _whole(field: int, family: Family) -> Interval:
    return Interval(0, LAST_ADDRESS[family] if field in _ADDRESSES else LAST_PORT)


def _one_of(some: Sequence[str]) -> str:
    """Write one value, or several as a set."""
    return some[0] if len(some) == 1 else "{ " + ", ".join(some) + " }"
