"""Where a group's adverts are sent from, and why they cannot be."""

from linkbalancer.engine.events import DeviceChanged
from linkbalancer.links import Address, DeviceName, Family
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group

_HEADERS = {Family.IPV4: 20, Family.IPV6: 40}
_ADDRESS = {Family.IPV4: 4, Family.IPV6: 16}
_SPARE = 14
"""Bytes that Keepalived leaves free besides; what it cuts off its own list must not be in ours."""

ADDRESSES_MAX = 255


def own_addresses(known: DeviceChanged) -> frozenset[Address]:
    """Return every address of a device that is no virtual IP, of both families."""
    return frozenset(one for one in (known.primary, known.link_local, *known.addresses) if one is not None)


def origin(group: Group, known: DeviceChanged | None) -> Address | None:
    """Return the address that a group's adverts are sent from, None while its device has none.

    That of an owner is the virtual IP itself: hosts and other routers know it by no other (VRRP fact sheet 5.4).
    """
    if known is None:
        return None
    if group.source is not None:
        return group.source if group.source in own_addresses(known) else None
    if group.priority == OWNER_PRIORITY:
        own = own_addresses(known)
        owned = (one.ip for one in group.virtual_ips if one.ip in own)
        return next((one for one in owned if one.version == 4 or one.is_link_local), None)
    return default_origin(known, group.family)


def default_origin(known: DeviceChanged, family: Family) -> Address | None:
    """Return the address that VRRP of a family sends from: for IPv6 that of the link (RFC 9568 5.1.2.1)."""
    return known.primary if family is Family.IPV4 else known.link_local


def without_origin(device: DeviceName, family: Family) -> str:
    """Say that a device has none."""
    return f"{device} has no address" if family is Family.IPV4 else f"{device} has no IPv6 link-local address"


def obstacle(group: Group, known: DeviceChanged) -> str | None:
    """Say why a group cannot be advertised from its device, None when it can."""
    device = group.device
    if origin(group, known) is None:
        if group.source is not None:
            return f"{device} has not the address {group.source} that adverts are to be sent from"
        if group.priority == OWNER_PRIORITY:
            return f"{device} has none of the addresses that priority 255 says are its own"
        return without_origin(device, group.family)
    most = room(group, known.mtu)
    if len(group.virtual_ips) > most:
        count = len(group.virtual_ips)
        return f"an advert of {count} virtual IPs is too long for {device} (room for {most}): exclude some"
    return None


def room(group: Group, mtu: int) -> int:
    """Return how many addresses an advert of a group holds on a device of this MTU: it may not be fragmented."""
    trailer = 8 if group.version == 2 else 0
    left = mtu - _HEADERS[group.family] - 8 - trailer - _SPARE
    return min(ADDRESSES_MAX, max(left, 0) // _ADDRESS[group.family])
