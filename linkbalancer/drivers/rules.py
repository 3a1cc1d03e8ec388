"""The kernel's `ip rule` entries of ours: found by their tag, changed by difference, everybody else's left alone."""

import errno
import socket
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, EXCLUSIVE
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import Family
from linkbalancer.routing.difference import difference
from linkbalancer.routing.plan import RoutingRule

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


@cache
def _question(family: Family) -> bytes:
    return messages.payload(messages.RULE, {"family": _FAMILIES[family]})


@lru_cache(maxsize=4)
def _understood(replies: tuple[bytes, ...]) -> tuple[RoutingRule, ...]:
    """Return our rules from the kernel's words; the same words are understood once, for they are asked for often."""
    parsed = [messages.parse(messages.RULE, reply)[1] for reply in replies]
    return tuple(_rule(attributes) for attributes in parsed if attributes.get("FRA_PROTOCOL") == PROTOCOL)


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


def _rule(attributes: dict[str, Any]) -> RoutingRule:
    """Return a rule from a message's attributes."""
    suppressed = attributes.get("FRA_SUPPRESS_PREFIXLEN", _NOT_SUPPRESSED)
    return RoutingRule(
        priority=attributes.get("FRA_PRIORITY", 0),
        mark=attributes.get("FRA_FWMARK", 0),
        mask=attributes.get("FRA_FWMASK", 0),
        table=attributes.get("FRA_TABLE", 0),
        suppress_prefixlength=None if suppressed == _NOT_SUPPRESSED else suppressed,
        iif=attributes.get("FRA_IIFNAME"),
    )


def _change(netlink: NetlinkSocket, kind: int, flags: int, rule: RoutingRule, family: Family) -> None:
    """Add or delete one rule; one that is there, or gone, already is fine."""
    attributes: list[tuple[str, int | str]] = [
        ("FRA_PRIORITY", rule.priority),
        ("FRA_TABLE", rule.table),
        ("FRA_PROTOCOL", PROTOCOL),
    ]
    if rule.mask:
        attributes += [("FRA_FWMARK", rule.mark), ("FRA_FWMASK", rule.mask)]
    if rule.suppress_prefixlength is not None:
        attributes.append(("FRA_SUPPRESS_PREFIXLEN", rule.suppress_prefixlength))
    if rule.iif is not None:
        attributes.append(("FRA_IIFNAME", rule.iif))
    verb = "add" if kind == messages.NEW_RULE else "remove"
    fields = {"family": _FAMILIES[family], "action": _TO_TABLE}
    try:
        netlink.request(
            messages.request(messages.RULE, kind, flags, fields, attributes),
            f"{verb} the routing rule of priority {rule.priority}",
        )
    except DriverError as error:
        if error.errno not in {errno.EEXIST, errno.ENOENT}:
            raise
