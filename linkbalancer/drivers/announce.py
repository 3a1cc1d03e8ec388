"""Gratuitous ARP: what tells a LAN's hosts and switches where a virtual IP is now (VRRP fact sheet 7.1)."""

import errno
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import DeviceName, Mac

_EVERYBODY: Final = b"\xff" * 6
_ARP: Final = 0x0806
_IPV4: Final = 0x0800


def gratuitous_arp(address: IPv4Address, mac: Mac) -> bytes:
    """Return the frame: an ARP request in which sender and target are the same address."""
    return struct.pack(
        "!6s6sHHHBBH6s4s6s4s",
        *(_EVERYBODY, mac, _ARP),
        *(1, _IPV4, 6, 4, 1),
        *(mac, address.packed, _EVERYBODY, address.packed),
    )


class Announcer:
    """Sends announcements; one socket a device, which receives nothing."""

    def __init__(self) -> None:
        self._sockets: dict[DeviceName, socket.socket] = {}

    def announce(self, device: DeviceName, addresses: Iterable[IPv4Address]) -> None:
        """Send one gratuitous ARP request for each address, from the device's own MAC. Raises DriverError."""
        try:
            sender = self._socket(device)
            mac = sender.getsockname()[4]
            for address in addresses:
                sender.send(gratuitous_arp(address, mac))
        except OSError as error:
            self.forget(device)
            raise DriverError(f"announce addresses on {device}", error.errno or errno.EIO) from error

    def forget(self, device: DeviceName) -> None:
        """Close the device's socket; the next announcement opens another (the device may be a new one)."""
        old = self._sockets.pop(device, None)
        if old is not None:
            old.close()

    def close(self) -> None:
        """Close every socket."""
        for device in tuple(self._sockets):
            self.forget(device)

    def _socket(self, device: DeviceName) -> socket.socket:
        """Return the device's socket, opened for no protocol: it never receives."""
        if device not in self._sockets:
            fresh = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
            try:
                fresh.bind((device, 0))
            except OSError:
                fresh.close()
                raise
            self._sockets[device] = fresh
        return self._sockets[device]
