"""Announcements: what tells a LAN's hosts and switches where a virtual IP is now (VRRP fact sheet 7.1 and 7.2).

A gratuitous ARP request for IPv4, an unsolicited neighbour advertisement for IPv6. Hosts know a virtual MAC's address
already, so what is announced again is for the switches, and goes out as a gratuitous ARP *reply*: a gateway whose
daemon was killed may still have the address, its Keepalived lets it answer requests from it (`accept_local`), and the
answer, from the same MAC, would teach the switches the dead one's port.
"""

import errno
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from linkbalancer.drivers import sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import Address, DeviceName, Mac

_CONTROL: Final = 7
"""The priority of traffic that keeps a network together."""

_EVERYBODY: Final = b"\xff" * 6
_ARP: Final = 0x0806
_IPV4: Final = 0x0800
_REQUEST, _REPLY = 1, 2

_ALL_NODES: Final = IPv6Address("ff02::1").packed
_ALL_NODES_MAC: Final = bytes.fromhex("333300000001")
_IPV6: Final = 0x86DD
_ICMPV6: Final = 58
_HOP_LIMIT: Final = 255
_NEIGHBOUR_ADVERTISEMENT: Final = 136
_ROUTER, _OVERRIDE = 0x80000000, 0x20000000
_TARGET_LINK_LAYER: Final = 2


def gratuitous_arp(address: IPv4Address, mac: Mac, *, reply: bool = False) -> bytes:
    """Return the frame: an ARP request, or a reply to nobody's, in which sender and target are the same address."""
    return struct.pack(
        "!6s6sHHHBBH6s4s6s4s",
        *(_EVERYBODY, mac, _ARP),
        *(1, _IPV4, 6, 4, _REPLY if reply else _REQUEST),
        *(mac, address.packed, _EVERYBODY, address.packed),
    )


def unsolicited_advertisement(address: IPv6Address, mac: Mac, *, router: bool) -> bytes:
    """Return the frame: a neighbour advertisement to all nodes, which overrides what they know (RFC 4861 4.4).

    Hosts drop who is no `router` from their default routers at once.
    """
    flags = _OVERRIDE | (_ROUTER if router else 0)
    option = struct.pack("!BB6s", _TARGET_LINK_LAYER, 1, mac)
    message = struct.pack("!II16s", _NEIGHBOUR_ADVERTISEMENT << 24, flags, address.packed) + option
    covered = address.packed + _ALL_NODES + struct.pack("!II", len(message), _ICMPV6) + message
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    total = (total >> 16) + (total & 0xFFFF)
    check = 0xFFFF - (total >> 16) - (total & 0xFFFF)
    header = struct.pack("!6s6sHIHBB", _ALL_NODES_MAC, mac, _IPV6, 6 << 28, len(message), _ICMPV6, _HOP_LIMIT)
    return header + address.packed + _ALL_NODES + message[:2] + struct.pack("!H", check) + message[4:]


def is_router(device: DeviceName, root: Path = sysctl.ROOT) -> bool:
    """Return whether IPv6 is forwarded from a device."""
    try:
        return (root / f"ipv6/conf/{device}/forwarding").read_text().strip() != "0"
    except OSError:
        return False


class Announcer:
    """Sends announcements; one socket a device, which receives nothing."""

    def __init__(self) -> None:
        self._sockets: dict[DeviceName, tuple[int, socket.socket]] = {}

    def announce(
        self, device: DeviceName, addresses: Iterable[Address], mac: Mac | None = None, *, again: bool = False
    ) -> None:
        """Send one announcement of each address, as the MAC's or else the device's own. Raises DriverError."""
        router: bool | None = None
        reply = again and mac is not None
        try:
            sender = self._socket(device)
            mac = mac or sender.getsockname()[4]
            for address in addresses:
                if isinstance(address, IPv4Address):
                    sender.send(gratuitous_arp(address, mac, reply=reply))
                else:
                    router = is_router(device) if router is None else router
                    sender.send(unsolicited_advertisement(address, mac, router=router))
        except OSError as error:
            self.forget(device)
            raise DriverError(f"announce addresses on {device}", error.errno or errno.ENODEV) from error

    def forget(self, device: DeviceName) -> None:
        """Close the device's socket; the next announcement opens another (the device may be a new one)."""
        old = self._sockets.pop(device, None)
        if old is not None:
            old[1].close()

    def close(self) -> None:
        """Close every socket."""
        for device in tuple(self._sockets):
            self.forget(device)

    def _socket(self, device: DeviceName) -> socket.socket:
        """Return the device's socket, opened for no protocol: it never receives. Raises OSError."""
        index = socket.if_nametoindex(device)
        known = self._sockets.get(device)
        if known is not None and known[0] == index:
            return known[1]
        self.forget(device)
        fresh = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        try:
            fresh.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)
            fresh.bind((device, 0))
        except OSError:
            fresh.close()
            raise
        self._sockets[device] = index, fresh
        return fresh
