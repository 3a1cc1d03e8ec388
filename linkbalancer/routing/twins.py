"""The IPv6 half of a way: where the table of a VID leads in the other family, told by where it leads in IPv4's.

A VID is one way with one Master, elected once; IPv6 needs no verdict of its own, only other words for the same next
hop (decision 57).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from linkbalancer.links import Address, DeviceName, Family, Mac, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster, Vid
from linkbalancer.routing.plan import own_next_hop

LEAST_MTU: Final = 1280
"""What every way of IPv6 must carry (RFC 8200 5)."""

_LINK_LOCAL: Final = bytes.fromhex("fe80000000000000")
_UNIVERSAL: Final = 0x02


class Twin(NamedTuple):
    """Who is at the far end of a way over IPv6: on a device, behind this gateway of IPv4 or (None) behind any there."""

    device: DeviceName
    gateway: IPv4Address | None
    gateway6: IPv6Address


@dataclass(frozen=True, slots=True)
class Lost:
    """What IPv6 cannot take although IPv4 does: far ends that do not answer, and VIDs whose Master says so."""

    ends: frozenset[Twin] = frozenset()
    vids: frozenset[Vid] = frozenset()


NOTHING_LOST: Final = Lost()


def link_local(mac: Mac) -> IPv6Address:
    """Return the link-local address that stands for a MAC (RFC 4291 A).

    Whether its owner has it does not matter: it is pinned to that MAC, and no two MACs share one.
    """
    return IPv6Address(_LINK_LOCAL + bytes([mac[0] ^ _UNIVERSAL]) + mac[1:3] + b"\xff\xfe" + mac[3:])


def twin(hop: NextHop, twins: Collection[Twin]) -> NextHop:
    """Return a next hop's IPv6 half; unreachable where nobody says who is at the far end of its way.

    It has no source: the kernel chooses among the addresses that this gateway has at the moment.
    """
    match hop:
        case ViaLink(device, gateway):
            found = far_end(device, gateway, twins)
            return Unreachable() if found is None else ViaLink(device, found.gateway6)
        case ViaMaster(device, _, mac):
            return ViaMaster(device, link_local(mac), mac)
        case _:
            return hop


def far_end(device: DeviceName, gateway: Address, twins: Collection[Twin]) -> Twin | None:
    """Return who is at the far end over IPv6 of a way of IPv4, None where nobody says."""
    return next((one for one in twins if one.device == device and one.gateway in {None, gateway}), None)


def half(vid: Vid, hop: NextHop, twins: Collection[Twin], lost: Lost) -> NextHop:
    """Return the IPv6 half of a VID's next hop as it is now: unreachable also where that half of the way is lost.

    Nothing is led elsewhere: lists differ, and what may not use another VID would (decision 66).
    """
    match hop:
        case ViaLink(device, gateway) if far_end(device, gateway, twins) in lost.ends:
            return Unreachable()
        case ViaMaster() if vid in lost.vids:
            return Unreachable()
        case _:
            return twin(hop, twins)


def carries(hop: NextHop, twins: Collection[Twin] | None) -> bool | None:
    """Return whether IPv6 packets get on by a next hop: False is refused at once, None as the main table says.

    `twins` is None where IPv6 is not steered.
    """
    half = None if twins is None else twin(hop, twins)
    return None if half is None or isinstance(half, ViaMain) else not isinstance(half, Unreachable)


def own_twin(next_hops: Mapping[Vid, NextHop], twins: Collection[Twin], lost: Lost = NOTHING_LOST) -> NextHop:
    """Return where this gateway's own IPv6 packets go before they are marked: as IPv4's, by a VID that has a half."""
    return own_next_hop({vid: half(vid, hop, twins, lost) for vid, hop in next_hops.items()})


def room(mtu: int | None, family: Family) -> int | None:
    """Return the MTU of a route: IPv6 has none below its least, whatever IPv4 is told of the way."""
    return None if mtu is not None and family is Family.IPV6 and mtu < LEAST_MTU else mtu
