"""Virtual IPs on devices: added and removed with our tag, everything else on the device left alone.

A virtual IP that an address of the device's own covers (the usual case) is installed as a /32 or /128: so neither it
nor its removal has anything to do with the connected route, and it never becomes the primary of other addresses or
goes with one. Only where no address of the device covers it does the configured prefix length, with its connected
route, apply. The tag (IFA_PROTO, Linux 5.18) is what makes an address ours; an address without it is never removed.

In IPv6 nothing is asked of the LAN first (`nodad`): the former Master may still answer, and an address that is found to
be a duplicate would never work again by itself. Virtual IPs of IPv6 are deprecated from birth, so that no program's
connections are sent from an address that may move away; they answer like any other.

Encoded by hand, and remembered by device: 255 groups may change hands at the same instant.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_interface
from typing import Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, EXCLUSIVE, REPLACE, attribute, attributes, message
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import Address, DeviceName, Interface

_FIXED: Final = struct.Struct("=BBBBi")
_ADDRESS, _LOCAL, _CACHE, _FLAGS, _PROTO = 1, 2, 6, 8, 11
_NO_DUPLICATE_DETECTION: Final = struct.pack("=I", 0x02)
_DEPRECATED: Final = struct.pack("=IIII", 0, 0xFFFFFFFF, 0, 0)
_TAG: Final = bytes([PROTOCOL])
_FAMILY: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_HOST: Final = {4: 32, 6: 128}
_LINK_LOCAL_LENGTH: Final = 64


class Held(NamedTuple):
    """An address as the kernel has it; `ours` is whether it bears our tag."""

    ip: Address
    length: int
    ours: bool

    @property
    def interface(self) -> Interface:
        """The address with its prefix length."""
        return ip_interface((self.ip, self.length))

    def covers(self, ip: Address) -> bool:
        """Return whether an address is in this one's prefix."""
        beyond = _HOST[self.ip.version] - self.length
        return self.ip.version == ip.version and int(self.ip) >> beyond == int(ip) >> beyond


@dataclass(frozen=True, slots=True)
class _Table:
    """What one device holds: its number, and the addresses."""

    index: int
    held: dict[Address, Held]


def read(netlink: NetlinkSocket, device: DeviceName) -> tuple[Held, ...]:
    """Return a device's addresses in the kernel's order, none when there is no such device. Raises DriverError.

    While the kernel says the same it is the very same tuple.
    """
    try:
        index = socket.if_nametoindex(device)
    except OSError:
        return ()
    try:
        return _read(netlink, device, index)
    except DriverError as error:
        if error.errno == errno.ENODEV:
            return ()
        raise


def _read(netlink: NetlinkSocket, device: DeviceName, index: int) -> tuple[Held, ...]:
    content = _FIXED.pack(0, 0, 0, 0, index)
    return _all_held(tuple(netlink.dump(messages.GET_ADDRESS, content, f"list the addresses of {device}")), index)


@lru_cache(maxsize=16)
def _all_held(replies: tuple[bytes, ...], index: int) -> tuple[Held, ...]:
    """Return a device's addresses from the kernel's words, which are understood once: they are asked for often."""
    return tuple(_held(reply) for reply in replies if _FIXED.unpack_from(reply)[4] == index)


@lru_cache(maxsize=2048)
def _held(reply: bytes) -> Held:
    """Return one address; one of a lease has a word of its own every second, and the others' stay as they are."""
    length = _FIXED.unpack_from(reply)[1]
    parts = dict(attributes(reply, _FIXED.size))
    packed = parts.get(_LOCAL) or parts.get(_ADDRESS, b"")
    ip = IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
    return Held(ip, length, parts.get(_PROTO) == _TAG)


class Addresses:
    """The virtual IPs of this gateway's devices.

    `parents` says on top of which device a device for a virtual MAC stands: that one's addresses cover too.
    """

    def __init__(self, netlink: NetlinkSocket, parents: Mapping[DeviceName, DeviceName] | None = None) -> None:
        self._netlink = netlink
        self._parents = parents or {}
        self._tables: dict[DeviceName, _Table] = {}
        self._installed: set[tuple[DeviceName, Address]] = set()

    def forget(self, device: DeviceName | None = None) -> None:
        """Ask the kernel again at the next occasion: somebody else may have changed addresses, everywhere or there."""
        if device is None:
            self._tables.clear()
        else:
            self._tables.pop(device, None)

    def ours(self, device: DeviceName) -> set[Address]:
        """Return the virtual IPs that a device holds; none where there is no such device. Raises DriverError."""
        try:
            return {ip for ip, held in self._table(device, "").held.items() if held.ours}
        except DriverError as error:
            if error.errno == errno.ENODEV:
                return set()
            raise

    def add(self, device: DeviceName, wanted: Iterable[Interface]) -> None:
        """Install virtual IPs; those that are there already, whoever put them, stay as they are. Raises DriverError.

        Unless it was us, and somebody has replaced it by his own: it is ours to take away again, and so it is claimed.
        """
        for interface in wanted:
            ip = interface.ip
            table = self._table(device, f"add the address {interface} on {device}")
            known = table.held.get(ip)
            claimed = known is not None and not known.ours
            if claimed and (device, ip) not in self._installed:
                continue
            fresh = Held(ip, self._length(device, interface) if known is None else known.length, ours=True)
            try:
                request = _request(messages.NEW_ADDRESS, table.index, fresh, replace=claimed)
                self._netlink.request(request, f"add the address {fresh.interface} on {device}")
            except DriverError as error:
                if error.errno != errno.EEXIST:
                    raise
            table.held[ip] = fresh
            self._installed.add((device, ip))

    def usurped(self, device: DeviceName, held: Iterable[Held]) -> set[Address]:
        """Return those of a device's addresses that we installed, and that somebody has replaced by his own."""
        return {one.ip for one in held if not one.ours and (device, one.ip) in self._installed}

    def remove(self, device: DeviceName, unwanted: Iterable[Interface]) -> None:
        """Remove virtual IPs that bear our tag, whatever their prefix length; others are left alone.

        Raises DriverError.
        """
        gone = {interface.ip for interface in unwanted}
        self._installed -= {(device, ip) for ip in gone}
        try:
            table = self._table(device, "")
            if not gone <= table.held.keys():
                del self._tables[device]
                table = self._table(device, "")
        except DriverError as error:
            if error.errno == errno.ENODEV:
                return
            raise
        for ip in gone & table.held.keys():
            held = table.held[ip]
            if held.ours:
                del table.held[ip]
                self._delete(device, table.index, held)

    def _delete(self, device: DeviceName, index: int, held: Held) -> None:
        """Remove one address; one that is gone already is fine."""
        try:
            request = _request(messages.DELETE_ADDRESS, index, held)
            self._netlink.request(request, f"remove the address {held.interface} from {device}")
        except DriverError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.ENODEV}:
                raise

    def _table(self, device: DeviceName, operation: str) -> _Table:
        """Return what a device holds; without that device it is an error of the operation."""
        try:
            index = socket.if_nametoindex(device)
        except OSError as error:
            self._tables.pop(device, None)
            raise DriverError(operation, errno.ENODEV) from error
        table = self._tables.get(device)
        if table is None or table.index != index:
            held = _read(self._netlink, device, index)
            # An address may be there twice, with two lengths: ours is the one that is ours to remove.
            table = _Table(index, {one.ip: one for one in sorted(held, key=lambda one: one.ours)})
            self._tables[device] = table
        return table

    def _length(self, device: DeviceName, interface: Interface) -> int:
        """Return the prefix length to install: a single address where one of the device's own covers it.

        A link-local address brings its prefix along on a device that has no other: nothing could be sent from it.
        """
        ip, length = interface.ip, interface.network.prefixlen
        local = ip.version == 6 and ip.is_link_local
        parent = None if local else self._parents.get(device)
        for one in (device,) if parent is None else (device, parent):
            try:
                own = self._table(one, "").held.values()
            except DriverError:
                continue
            if any(not held.ours and held.covers(ip) for held in own):
                return _HOST[ip.version]
        return min(length, _LINK_LOCAL_LENGTH) if local else length


def _request(kind: int, index: int, held: Held, *, replace: bool = False) -> bytes:
    """Return the request to add or delete an address, or to `replace` one by ours."""
    packed, version = held.ip.packed, held.ip.version
    content = _FIXED.pack(_FAMILY[version], held.length, 0, 0, index)
    content += attribute(_LOCAL, packed) + attribute(_ADDRESS, packed)
    if kind == messages.DELETE_ADDRESS:
        return message(kind, ACK, content)
    content += attribute(_PROTO, _TAG)
    if version == 6:
        content += attribute(_FLAGS, _NO_DUPLICATE_DETECTION) + attribute(_CACHE, _DEPRECATED)
    return message(kind, ACK | CREATE | (REPLACE if replace else EXCLUSIVE), content)
