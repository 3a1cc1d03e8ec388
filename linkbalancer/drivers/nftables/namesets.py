"""The sets of addresses that host names have: what is loaded with a classifier, and what changes ever after.

A classifier names such a set by the host names alone, so other addresses of theirs leave every chain as it is: an
answer that differs is a difference of elements, one small transaction of netlink. A load gives the sets what was known
when it began; from then on only the process `names` writes them (`daemon.naming`).
"""

import errno
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal, TypeAlias

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import ACK, attribute, attributes, message, nested, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import (
    BATCH,
    BATCH_BEGIN,
    BATCH_END,
    INET,
    Change,
    change,
    read_elements,
)
from linkbalancer.drivers.nftables.render import TABLE
from linkbalancer.routing.rule import Rule

PREFIX: Final = "names_"
"""How the sets' names begin."""

_NAME_LENGTH: Final = 16
_NFT: Final = 10 << 8
_GET_SET, _DELETE_SET = _NFT | 10, _NFT | 11
_SET_TABLE, _SET_NAME = 1, 2
_ITEM, _KEY, _VALUE = 1, 1, 1
_TYPES: Final = {4: "ipv4_addr", 6: "ipv6_addr"}
_BYTES: Final = {4: 4, 6: 16}
_PER_LINE: Final = 200

Family: TypeAlias = Literal[4, 6]
Contents: TypeAlias = Mapping[str, Collection[int]]
"""Addresses as integers, by the name of the set."""


def name(names: Iterable[str], family: int) -> str:
    """Return the name of the set of the addresses of one family that some host names have."""
    return f"{PREFIX}{hashlib.sha256(' '.join(names).encode()).hexdigest()[:_NAME_LENGTH]}_{family}"


def contents(rules: Iterable[Rule]) -> dict[str, tuple[int, ...]]:
    """Return the sets that some rules look into, with the addresses that the rules' names are known to have."""
    found: dict[str, tuple[int, ...]] = {}
    named = [one.selector for one in rules if one.selector.source_names or one.selector.destination_names]
    for selector in named:
        ends = ((selector.source_names, selector.source), (selector.destination_names, selector.destination))
        for names, addresses in ends:
            if names:
                each = (one for part in addresses or () for one in range(part.first, part.last + 1))
                found[name(names, selector.family or 4)] = tuple(each)
    return found


def made(sets: Contents) -> str:
    """Return the text that makes sets where they are missing, and adds these addresses."""
    lines = []
    for one, addresses in sets.items():
        family = family_of(one)
        lines.append(f"add set inet {TABLE} {one} {{ type {_TYPES[family]}; }}")
        words = [str(IPv4Address(value) if family == 4 else IPv6Address(value)) for value in sorted(addresses)]
        parts = (words[begin : begin + _PER_LINE] for begin in range(0, len(words), _PER_LINE))
        lines += [f"add element inet {TABLE} {one} {{ {', '.join(part)} }}" for part in parts]
    return "".join(f"{line}\n" for line in lines)


def family_of(name_of_set: str) -> Family:
    """Return the family of a set's addresses."""
    return 6 if name_of_set.endswith("_6") else 4


def present(netlink: NetlinkSocket) -> list[str]:
    """Return the names of the sets that there are. Raises DriverError."""
    found = []
    for reply in netlink.dump(_GET_SET, INET + text(_SET_TABLE, TABLE), "list the sets"):
        one = dict(attributes(reply, len(INET)))[_SET_NAME].rstrip(b"\0").decode()
        if one.startswith(PREFIX):
            found.append(one)
    return found


def read(netlink: NetlinkSocket, one: str) -> frozenset[int] | None:
    """Return a set's addresses, None where there is no such set. Raises DriverError."""
    try:
        return frozenset(int.from_bytes(key) for key, _data in read_elements(netlink, one))
    except DriverError as error:
        if error.errno != errno.ENOENT:
            raise
        return None


def items(some: Contents) -> dict[str, list[bytes]]:
    """Return the elements as list items, for a transaction of somebody else's."""
    return {one: [_item(one, address) for address in sorted(addresses)] for one, addresses in some.items()}


def write(netlink: NetlinkSocket, wanted: Contents) -> tuple[bool, frozenset[str]]:
    """Have sets hold these addresses, all in one transaction; return whether any differed, and which are missing.

    What is missing is left to whoever loads the classifier. Raises DriverError: nothing has changed then.
    """
    changes: dict[str, Change] = {}
    missing = set()
    for one, addresses in wanted.items():
        there = read(netlink, one)
        if there is None:
            missing.add(one)
            continue
        gone, new = sorted(there.difference(addresses)), sorted(set(addresses) - there)
        changes[one] = [_item(one, address) for address in gone], [_item(one, address) for address in new]
    return change(netlink, changes, "change the addresses of host names"), frozenset(missing)


def sweep(netlink: NetlinkSocket, kept: Collection[str]) -> None:
    """Delete the sets that no classifier looks into any more. Raises DriverError."""
    unused = [one for one in present(netlink) if one not in kept]
    if unused:
        netlink.request(b"".join(_deletions(unused)), "delete sets that are not used")


def _deletions(some: Collection[str]) -> Iterator[bytes]:
    yield message(BATCH_BEGIN, 0, BATCH)
    for place, one in enumerate(some, 1):
        content = INET + text(_SET_TABLE, TABLE) + text(_SET_NAME, one)
        yield message(_DELETE_SET, ACK if place == len(some) else 0, content)
    yield message(BATCH_END, 0, BATCH)


def _item(one: str, address: int) -> bytes:
    return nested(_ITEM, nested(_KEY, attribute(_VALUE, address.to_bytes(_BYTES[family_of(one)]))))
