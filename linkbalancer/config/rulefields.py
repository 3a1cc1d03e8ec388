"""The fields of an `App=` line: each a word that becomes a range of integers, or is refused with a remedy."""

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal, TypeAlias

from linkbalancer.config.findings import FieldError, nearest
from linkbalancer.routing.application import Member, Step
from linkbalancer.routing.balance import MEMBERS_MAX
from linkbalancer.routing.marks import LAST_VID
from linkbalancer.routing.packet import Address
from linkbalancer.routing.protocols import DSCPS, PROTOCOLS
from linkbalancer.routing.selector import LAST_PORT, Interval
from linkbalancer.routing.services import SERVICES

ANY: Final = "*"
_KEPT: Final = 4096
"""Words that are kept of each field: thousands of lines say the same."""

Family: TypeAlias = Literal[4, 6]

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}", re.ASCII)
_MEMBER = re.compile(r"([0-9]{1,10})(?:\*([0-9]{1,10}))?", re.ASCII)
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)


def address_range(word: str) -> tuple[Family, Interval]:
    """Read an address, a prefix, or a range `a-b`.

    Raises:
        FieldError: It is none of them, has host bits set, mixes families or runs backwards.
    """
    if "/" in word:
        network = _prefix(word)
        family: Family = 4 if isinstance(network, IPv4Network) else 6
        return family, Interval(int(network.network_address), int(network.broadcast_address))
    first, dash, last = word.partition("-")
    low = _address(first)
    high = _address(last) if dash else low
    if low.version != high.version:
        raise FieldError(f"{word} mixes IPv4 and IPv6", "give both ends of a range in one family")
    if int(high) < int(low):
        raise FieldError(f"the range {word} runs backwards", f"write {high}-{low}")
    return (4 if low.version == 4 else 6), Interval(int(low), int(high))


def _address(word: str) -> Address:
    if "%" not in word:
        try:
            return ip_address(word)
        except ValueError:
            pass
    raise FieldError(f"{word!r} is no address", "write *, an address, a prefix such as 10.1.0.0/16, or a range a-b")


def _prefix(word: str) -> IPv4Network | IPv6Network:
    text, _, length = word.partition("/")
    address = _address(text)
    if not re.fullmatch("[0-9]{1,3}", length, re.ASCII) or int(length) > address.max_prefixlen:
        raise FieldError(
            f"{word} has no prefix length from 0 to {address.max_prefixlen}",
            f"write {address}/{address.max_prefixlen} for one address",
        )
    network = ip_network(f"{address}/{length}", strict=False)
    if network.network_address != address:
        raise FieldError(f"{word} has host bits set", f"write {network}, or {address} for that one address")
    return network


@lru_cache(_KEPT)
def ports(word: str) -> Interval:
    """Read a port, a service's name, or a range of ports `a-b`.

    Raises:
        FieldError: It is none of them, out of 0..65535, or runs backwards.
    """
    if word.lower() in SERVICES:
        return Interval(SERVICES[word.lower()], SERVICES[word.lower()])
    first, dash, last = word.partition("-")
    if dash and {first.lower(), last.lower()} & set(SERVICES):
        numbers = "-".join(str(SERVICES.get(end.lower(), end)) for end in (first, last))
        raise FieldError(f"the range {word} has a name in it", f"write numbers: {numbers}")
    low = port(first)
    high = port(last) if dash else low
    if high < low:
        raise FieldError(f"the range {word} runs backwards", f"write {high}-{low}")
    return Interval(low, high)


def port(word: str) -> int:
    """Read one port, 0..65535, in decimal, or a service's name.

    Raises:
        FieldError: It is none.
    """
    if word.lower() in SERVICES:
        return SERVICES[word.lower()]
    if re.fullmatch("[0-9]{1,5}", word, re.ASCII) and int(word) <= LAST_PORT:
        return int(word)
    near = nearest(word, SERVICES)
    remedy = f"write *, a number from 0 to {LAST_PORT}, a range a-b, or such as https"
    raise FieldError(f"{word!r} is no port", f"did you mean {near}?" if near else remedy)


@lru_cache(_KEPT)
def dscp(word: str) -> Interval:
    """Read a TOS byte (decimal or 0x..; its two ECN bits do not count), or the name of a DSCP.

    Raises:
        FieldError: It is neither.
    """
    return Interval(tos(word) >> 2, tos(word) >> 2)


def tos(word: str) -> int:
    """Read a TOS byte (0..255, decimal or 0x..), or the name of a DSCP, which stands in its upper six bits.

    Raises:
        FieldError: It is neither.
    """
    if _NUMBER.fullmatch(word):
        value = int(word, 16) if word[:2].lower() == "0x" else int(word)
        if value <= 255:
            return value
        raise FieldError(f"the TOS byte {word} is over 255", "write 0 to 255, 0x00 to 0xff, or a DSCP's name")
    if word.lower() in DSCPS:
        return DSCPS[word.lower()] << 2
    near = nearest(word, DSCPS)
    raise FieldError(
        f"{word!r} is no TOS",
        f"did you mean {near}?" if near else "write *, 0 to 255, 0x00 to 0xff, or such as ef, af41, cs6",
    )


@lru_cache(_KEPT)
def protocol(word: str) -> int:
    """Read a protocol's name, or its number (0..255).

    Raises:
        FieldError: It is neither.
    """
    if word.lower() in PROTOCOLS:
        return PROTOCOLS[word.lower()]
    if re.fullmatch("[0-9]{1,10}", word, re.ASCII):
        if int(word) <= 255:
            return int(word)
        raise FieldError(f"the protocol {word} is over 255", "write 0 to 255, or a protocol's name")
    near = nearest(word, PROTOCOLS)
    raise FieldError(
        f"the protocol {word!r} is not known",
        f"did you mean {near}?" if near else "write *, its number (0 to 255), or such as tcp",
    )


@lru_cache(_KEPT)
def step(word: str) -> Step:
    """Read a step: a VID, or several balanced ones, each with a weight if it has more than one share: `1*3+2*1`.

    Raises:
        FieldError: A VID or weight is out of 1..255, there are too many of them, or it is no step at all.
    """
    if "," in word:
        raise FieldError(f"{word!r} has a comma in it", f"separate VIDs by spaces: [{word.replace(',', ' ').strip()}]")
    parts = word.split("+")
    if len(parts) > MEMBERS_MAX:
        raise FieldError(
            f"the step balances {len(parts)} VIDs", f"balance {MEMBERS_MAX} at most, the others in a next step"
        )
    return tuple(_member(part, word) for part in parts)


def _member(part: str, word: str) -> Member:
    match = _MEMBER.fullmatch(part)
    if match is None:
        raise FieldError(f"{word!r} is no step", "write a VID such as 1, or balanced ones such as 1+2 or 1*3+2*1")
    vid, weight = int(match[1]), int(match[2] or 1)
    if not 1 <= vid <= LAST_VID:
        raise FieldError(f"the VID {vid} is out of range", f"a VID is 1 to {LAST_VID}")
    if not 1 <= weight <= 255:
        raise FieldError(f"the weight {weight} is out of range", "a weight is 1 to 255")
    return Member(vid, weight)


def name(word: str) -> str:
    """Read the name of an application (or of a node or link: they are written alike).

    Raises:
        FieldError: It has other characters than letters, digits, `_`, `.`, `-`, or is longer than 63.
    """
    if not NAME.fullmatch(word):
        raise FieldError(
            f"the name {word!r} will not do", "use up to 63 letters, digits and _ . - (the first a letter or digit)"
        )
    return word
