"""Devices with the MAC of a virtual router: a macvlan for each group with `virtual_mac`, on top of the group's device.

They are in private mode, ours by their name, kind and device group, and up only while this gateway is Master. A device
that is down is the one way by which nothing at all leaves with the virtual MAC in Backup (reports of who listens,
duplicate detection, solicitations: any of them would draw the hosts' frames here), and nothing that comes to it is
answered or forwarded. Adverts need none of it: they are heard and sent on the group's device (`host.adverts`).

What of ARP the group's device must leave alone is switched off there while one of ours stands on it
(`drivers.macvlanswitches`); what was set before is written on the devices of ours themselves.
"""

import errno
import re
import socket
import struct
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.lowering import Lowering
from linkbalancer.drivers.macvlan import Macvlan
from linkbalancer.drivers.macvlanswitches import Below, dress
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, EXCLUSIVE, attribute, attributes, message, nested, text
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.links import DeviceName, Mac

_LINK: Final = struct.Struct("=BxHiII")
_ADDRESS, _NAME, _BELOW, _INFO, _ALIAS, _GROUP, _EXTENT = 1, 3, 5, 18, 20, 27, 29
_KIND, _KIND_FIELDS, _MODE = 1, 2, 1
_PRIVATE: Final = struct.pack("=I", 1)
_SKIP_STATISTICS: Final = struct.pack("=I", 1 << 3)
_UP: Final = 1
_OURS: Final = struct.pack("=I", messages.PROTOCOL)
_LEAVING: Final = struct.pack("=I", messages.PROTOCOL << 8)
"""Device groups: of those that are ours, and of those of them that are about to go."""
_NAMES: Final = re.compile(r"vr[46]-\d{1,3}")

_AT_A_TIME: Final = 8
"""Devices whose switches are compared at one look: each is half a dozen files."""


@dataclass(frozen=True, slots=True)
class _Device:
    """A macvlan as the kernel has it."""

    index: int
    name: DeviceName
    mac: Mac
    below: int
    up: bool
    private: bool
    ours: bool
    note: str


class Macvlans:
    """The macvlans of this gateway, `wanted` by the configuration."""

    def __init__(self, netlink: NetlinkSocket, wanted: Iterable[Macvlan]) -> None:
        self._netlink = netlink
        self._wanted = {one.device: one for one in wanted}
        self._up: dict[DeviceName, bool] = {}
        """What is wanted, as far as it was said: before, a predecessor's word holds."""
        self._below = Below()
        self._parsed: dict[bytes, _Device] = {}
        self._looked_at = 0
        self._lowering = Lowering(self._lower, self._renew)

    def __contains__(self, device: DeviceName) -> bool:
        return device in self._wanted

    def is_ours(self, device: DeviceName) -> bool:
        """Return whether a device is one of ours, wanted or left of a predecessor. Raises DriverError."""
        return device in self._wanted or (_NAMES.fullmatch(device) is not None and device in self.present())

    def close(self) -> None:
        """Wait for what is going down; change nothing else."""
        self._lowering.finish()

    def present(self) -> list[DeviceName]:
        """Return the names of those of ours that are there, wanted or not. Raises DriverError."""
        return [device.name for device in self._read().values() if device.ours]

    def mend(self, busy: Callable[[DeviceName], bool], *, trim: bool) -> tuple[list[str], list[DriverError]]:
        """Make what is missing or not as it should be; return what was done, and what was refused.

        With `trim`, those that are up for nobody are taken down, unless they are `busy`: hold a virtual IP and were
        never spoken of. Without it, somebody else may be at work with them.
        """
        if not self._wanted:
            return [], []
        lines: list[str] = []
        refused: list[DriverError] = []
        present = self._read()
        below = {parent: _index(parent) for parent in {one.parent for one in self._wanted.values()}}
        for parent, index in sorted(below.items()):
            if index is not None:
                lines += self._below.hold(parent, index)
        for number, wanted in enumerate(self._wanted.values()):
            index = below[wanted.parent]
            if index is None or wanted.device in self._lowering:
                continue  # a missing parent is told by others
            try:
                lines += self._mend(wanted, present.get(wanted.device), index)
                if trim:
                    lines += self._settle(present.get(wanted.device), busy)
                if (number - self._looked_at) % len(self._wanted) < _AT_A_TIME:
                    lines += dress(wanted)
            except DriverError as error:
                refused.append(error)
        self._looked_at = (self._looked_at + _AT_A_TIME) % len(self._wanted)
        return lines, refused

    def bring_up(self, device: DeviceName) -> None:
        """Bring a device up for a virtual IP, making it where it is missing. Raises DriverError."""
        self._up[device] = True
        self._lowering.withdraw(device)
        try:
            _set_up(self._netlink, device, up=True)
        except DriverError as error:
            if error.errno != errno.ENODEV:
                raise
            self._make(self._netlink, self._wanted[device])
            _set_up(self._netlink, device, up=True)

    def take_down(self, device: DeviceName) -> None:
        """Have a device taken down soon, with the virtual IPs that are left on it: nothing says good-bye."""
        self._up[device] = False
        self._lowering.add(device)

    def trim(self) -> None:
        """Remove those of ours that are not wanted any more, and what was switched for them. Raises DriverError."""
        present = [device for device in self._read().values() if device.ours]
        gone = [device for device in present if device.name not in self._wanted]
        if gone:
            self._remove(self._netlink, [device.name for device in gone])
        standing = {device.below for device in present if device.name in self._wanted}
        for below, note in {device.below: device.note for device in gone}.items():
            if below not in standing:
                self._below.restore(below, note)

    def _mend(self, wanted: Macvlan, present: _Device | None, below: int) -> list[str]:
        """Make or mend one device; return what was done."""
        if present is not None and not _fits(present, wanted, below):
            if not present.ours:
                raise DriverError(f"make the device {wanted.device} (that name is somebody else's)", errno.EEXIST)
            self._remove(self._netlink, [present.name])
            present = None
        up = self._up.get(wanted.device, False)
        if present is None:
            self._make(self._netlink, wanted)
            if up:
                _set_up(self._netlink, wanted.device, up=True)
            return [f"made the device {wanted.device} on {wanted.parent}"]
        if up and not present.up:
            _set_up(self._netlink, wanted.device, up=True)
            return [f"brought up the device {wanted.device}"]
        return []

    def _settle(self, present: _Device | None, busy: Callable[[DeviceName], bool]) -> list[str]:
        """Have a device taken down that is up for nobody; return what was done."""
        if present is None or not present.ours or not present.up:
            return []
        known = self._up.get(present.name)
        if known is True or (known is None and busy(present.name)):
            return []
        self._lowering.add(present.name)
        return [f"took down the device {present.name}"]

    def _lower(self, device: DeviceName) -> None:
        """Take one device down (in the thread)."""
        with closing(NetlinkSocket(ROUTE)) as netlink:
            _set_up(netlink, device, up=False)

    def _renew(self, devices: Collection[DeviceName]) -> None:
        """Remove many devices at once and make them anew, down (in the thread)."""
        with closing(NetlinkSocket(ROUTE)) as netlink:
            self._remove(netlink, devices)
            for device in devices:
                if device in self._wanted:
                    with suppress(DriverError):
                        self._make(netlink, self._wanted[device])

    def _make(self, netlink: NetlinkSocket, wanted: Macvlan) -> None:
        """Create a device, down, with its switches set before it could say anything."""
        operation = f"make the device {wanted.device} on {wanted.parent}"
        below = _index(wanted.parent)
        if below is None:
            raise DriverError(operation, errno.ENODEV)
        self._below.hold(wanted.parent, below)
        info = nested(_INFO, text(_KIND, "macvlan"), nested(_KIND_FIELDS, attribute(_MODE, _PRIVATE)))
        content = _LINK.pack(0, 0, 0, 0, 0) + text(_NAME, wanted.device) + attribute(_ADDRESS, wanted.mac)
        content += attribute(_BELOW, struct.pack("=I", below)) + attribute(_GROUP, _OURS) + info
        netlink.request(message(messages.NEW_LINK, ACK | CREATE | EXCLUSIVE, content), operation)
        alias = _LINK.pack(0, 0, 0, 0, 0) + text(_NAME, wanted.device) + text(_ALIAS, self._below.note(below))
        netlink.request(message(messages.SET_LINK, ACK, alias), operation)
        dress(wanted)

    @staticmethod
    def _remove(netlink: NetlinkSocket, devices: Collection[DeviceName]) -> None:
        """Remove devices at once: in a group of their own, with one request. Those that are gone already are fine."""
        for device in devices:
            with suppress(DriverError):
                content = _LINK.pack(0, 0, 0, 0, 0) + text(_NAME, device) + attribute(_GROUP, _LEAVING)
                netlink.request(message(messages.SET_LINK, ACK, content), f"remove the device {device}")
        content = _LINK.pack(0, 0, 0, 0, 0) + attribute(_GROUP, _LEAVING)
        with suppress(DriverError):
            netlink.request(message(messages.DELETE_LINK, ACK, content), "remove devices")

    def _read(self) -> dict[DeviceName, _Device]:
        """Return the devices whose names could be ours."""
        content = _LINK.pack(0, 0, 0, 0, 0) + attribute(_EXTENT, _SKIP_STATISTICS)
        content += nested(_INFO, text(_KIND, "macvlan"))
        replies = self._netlink.dump(messages.GET_LINK, content, "list the macvlans")
        # The same words mean the same device: most of a look is understood already.
        self._parsed = {reply: self._parsed.get(reply) or _device(reply) for reply in replies}
        found = {device.name: device for device in self._parsed.values() if _NAMES.fullmatch(device.name)}
        for device in found.values():
            if device.ours:
                self._below.recall(device.below, device.note)
        return found


def _set_up(netlink: NetlinkSocket, device: DeviceName, *, up: bool) -> None:
    content = _LINK.pack(0, 0, 0, _UP if up else 0, _UP) + text(_NAME, device)
    netlink.request(
        message(messages.SET_LINK, ACK, content), f"{'bring up' if up else 'take down'} the device {device}"
    )


def _device(reply: bytes) -> _Device:
    """Return a device from the kernel's words about it."""
    _family, _type, index, flags, _change = _LINK.unpack_from(reply)
    parts = dict(attributes(reply, _LINK.size))
    info = dict(attributes(parts.get(_INFO, b"")))
    macvlan = info.get(_KIND, b"").rstrip(b"\0") == b"macvlan"
    return _Device(
        index,
        parts.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"),
        parts.get(_ADDRESS, b""),
        int.from_bytes(parts.get(_BELOW, b""), sys.byteorder),
        bool(flags & _UP),
        dict(attributes(info.get(_KIND_FIELDS, b""))).get(_MODE) == _PRIVATE,
        macvlan and parts.get(_GROUP) == _OURS,
        parts.get(_ALIAS, b"").rstrip(b"\0").decode("utf-8", "replace"),
    )


def _fits(device: _Device, wanted: Macvlan, below: int) -> bool:
    """Return whether a device is as it is wanted."""
    return device.ours and device.private and (device.mac, device.below) == (wanted.mac, below)


def _index(device: DeviceName) -> int | None:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return None
