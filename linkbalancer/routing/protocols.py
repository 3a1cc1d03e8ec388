"""Names of IP protocols and DSCPs: tables of our own, so that a file means the same on every gateway."""

from typing import Final

PROTOCOLS: Final = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "eigrp": 88,
    "ospf": 89,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "udplite": 136,
}
"""Protocol numbers by name (IANA, Protocol Numbers)."""

DSCPS: Final = {
    "be": 0,
    "df": 0,
    "le": 1,
    "va": 44,
    "ef": 46,
    **{f"cs{number}": number << 3 for number in range(8)},
    **{f"af{number}{drop}": number << 3 | drop << 1 for number in range(1, 5) for drop in range(1, 4)},
}
"""DSCPs by name (IANA, Differentiated Services Field Codepoints)."""

_NAMES: Final = {number: name for name, number in PROTOCOLS.items()}


def protocol_name(number: int) -> str:
    """Return a protocol's name, or its number in digits where it has none here."""
    return _NAMES.get(number, str(number))
