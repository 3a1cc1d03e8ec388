"""The kernel's `ip rule` entries of ours: found by their tag, changed by difference, everybody else's left alone."""

import errno
import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, EXCLUSIVE, attributes
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import Family
from linkbalancer.routing.difference import difference
from linkbalancer.routing.plan import RoutingRule

_HEADER: Final = struct.Struct("=B11x")
"""The fixed part of a rule's message: the family, and what we do not ask for (struct fib_rule_hdr)."""
_DEVICE, _PRIORITY, _MARK, _SUPPRESSED, _TABLE, _MASK, _PROTOCOL = 3, 6, 10, 14, 15, 16, 21
"""The attributes of rules that we read (FRA_*, linux/fib_rules.h)."""
_OURS: Final = bytes([PROTOCOL])
_TO_TABLE: Final = 1
_NOT_SUPPRESSED: Final = 0xFFFFFFFF
_FAMILIES: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_ATTEMPTS: Final = 3
"""Rounds before giving up against somebody who undoes what we do."""


def read(netlink: NetlinkSocket, family: Family = Family.IPV4) -> tuple[RoutingRule, ...]:
    """Return the rules that are ours, in the kernel's order; the very same tuple while the kernel says the same.

    Raises DriverError.
    """
    return _understood(tuple(netlink.dump(messages.GET_RULE, _question(family), "list the routing rules")))


def _question(family: Family) -> bytes:
    return _HEADER.pack(_FAMILIES[family])


@lru_cache(maxsize=4)
def _understood(replies: tuple[bytes, ...]) -> tuple[RoutingRule, ...]:
    """Return our rules from the kernel's words; the same words are understood once, for they are asked for often."""
    parsed = [dict(attributes(reply, _HEADER.size)) for reply in replies]
    return tuple(_rule(one) for one in parsed if one.get(_PROTOCOL) == _OURS)


def apply(
    netlink: NetlinkSocket, wanted: Iterable[RoutingRule], *, keep: bool = False, family: Family = Family.IPV4
) -> tuple[int, int]:
    """Make our rules exactly these, adding before removing; return how many were added and removed.

    `keep`: others of ours stay too. Raises DriverError.
    """
    wanted = tuple(wanted)
    added = removed = 0
    for _attempt in range(_ATTEMPTS):
        missing, unwanted = difference(wanted, read(netlink, family))
        unwanted = () if keep else unwanted
        if not missing and not unwanted:
            break
        for rule in missing:
            _change(netlink, messages.NEW_RULE, ACK | CREATE | EXCLUSIVE, rule, family)
        for rule in unwanted:
            _change(netlink, messages.DELETE_RULE, ACK, rule, family)
        added += len(missing)
        removed += len(unwanted)
    return added, removed


def _rule(told: Mapping[int, bytes]) -> RoutingRule:
    """Return a rule from a message's attributes."""

    def number(kind: int, without: int = 0) -> int:
        return int.from_bytes(told[kind], sys.byteorder) if kind in told else without

    suppressed = number(_SUPPRESSED, _NOT_SUPPRESSED)
    return RoutingRule(
        priority=number(_PRIORITY),
        mark=number(_MARK),
        mask=number(_MASK),
        table=number(_TABLE),
        suppress_prefixlength=None if suppressed == _NOT_SUPPRESSED else suppressed,
        iif=told[_DEVICE].rstrip(b"\0").decode() if _DEVICE in told else None,
    )


def _change(netlink: NetlinkSocket, kind: int, flags: int, rule: RoutingRule, family: Family) -> None:
    """Add or delete one rule; one that is there, or gone, already is fine."""
    words: list[tuple[str, int | str]] = [
        ("FRA_PRIORITY", rule.priority),
        ("FRA_TABLE", rule.table),
        ("FRA_PROTOCOL", PROTOCOL),
    ]
    if rule.mask:
        words += [("FRA_FWMARK", rule.mark), ("FRA_FWMASK", rule.mask)]
    if rule.suppress_prefixlength is not None:
        words.append(("FRA_SUPPRESS_PREFIXLEN", rule.suppress_prefixlength))
    if rule.iif is not None:
        words.append(("FRA_IIFNAME", rule.iif))
    verb = "add" if kind == messages.NEW_RULE else "remove"
    fields = {"family": _FAMILIES[family], "action": _TO_TABLE}
    try:
        netlink.request(
            messages.request(messages.RULE, kind, flags, fields, words),
            f"{verb} the routing rule of priority {rule.priority}",
        )
    except DriverError as error:
        if error.errno not in {errno.EEXIST, errno.ENOENT}:
            raise
