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
    # Other names of the same, and seldom used protocols, after those that are shown: the first name of a number wins.
    "ipv4": 4,
    "ipencap": 4,
    "ipv6-icmp": 58,
    "icmp6": 58,
    "ospfigp": 89,
    "hopopt": 0,
    "ggp": 3,
    "st": 5,
    "igp": 9,
    "pup": 12,
    "hmp": 20,
    "xns-idp": 22,
    "rdp": 27,
    "iso-tp4": 29,
    "xtp": 36,
    "ddp": 37,
    "idpr-cmtp": 38,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "idrp": 45,
    "skip": 57,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "rspf": 73,
    "vmtp": 81,
    "ax.25": 93,
    "etherip": 97,
    "encap": 98,
    "isis": 124,
    "fc": 133,
    "mobility-header": 135,
    "mpls-in-ip": 137,
    "manet": 138,
    "hip": 139,
    "shim6": 140,
    "wesp": 141,
    "rohc": 142,
    "ethernet": 143,
}
"""Protocol numbers by name (IANA, Protocol Numbers); `ipip` is what `ip tunnel` means by it, 4, not IANA's 94."""

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

_NAMES: Final = {number: name for name, number in reversed(PROTOCOLS.items())}


def protocol_name(number: int) -> str:
    """Return a protocol's name, or its number in digits where it has none here."""
    return _NAMES.get(number, str(number))
