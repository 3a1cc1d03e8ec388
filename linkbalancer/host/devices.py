"""The devices' state as the kernel shows it: carrier and addresses, and what of ours others took away.

A notification says only that something may have changed; the state itself is then asked for. So lost notifications
(ENOBUFS) cost nothing, and two sources of truth cannot differ.
"""

import errno
import socket
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host import rtnetlink
from linkbalancer.host.pulse import Pulse
from linkbalancer.host.rtnetlink import Link, Message, Seen
from linkbalancer.links import Address, DeviceName

_OUR_PROTOCOL: Final = 112
"""The tag on what the drivers put into the kernel (`drivers.netlink.messages.PROTOCOL`)."""
_FRA_PRIORITY, _FRA_PROTOCOL = 6, 21
_RTA_DST: Final = 1
_RTA_TABLE: Final = 15
_ROUTE_FIXED: Final = 12
_ROUTE_PROTOCOL_AT: Final = 5

_DATAGRAMS_PER_READ: Final = 1000
_CANNOT_TELL: Final = {-errno.EOPNOTSUPP, -errno.EPERM}
"""Of a driver that knows no carrier; where the question itself is not allowed."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Something of ours was removed by somebody else: `what` is address, route or rule, `detail` says which."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Stirred:
    """Something of ours may not be as it was; nobody can be said to have done it."""


Observation: TypeAlias = DeviceChanged | Removed | Stirred


class DeviceMonitor:
    """Watches some devices; `virtual_ips`, and what bears our tag, are never taken for a device's own addresses.

    `own_port` is the netlink port of our own changes (`drivers.kernel.Kernel.port`), whose removals are not reported.
    `made` are the devices that we make ourselves: of those only that they stir. Raises OSError when the kernel gives no
    socket.
    """

    def __init__(
        self,
        devices: Collection[DeviceName],
        virtual_ips: Collection[Address],
        own_port: int = 0,
        made: Collection[DeviceName] = (),
    ) -> None:
        self._virtual_ips = frozenset(virtual_ips)
        self._own_port = own_port
        self._made = frozenset(made)
        self._notices = rtnetlink.subscribe()
        self._questions = rtnetlink.Questions()
        self._pulse = Pulse()
        self._pulses: dict[DeviceName, int] = {}
        self._indices: dict[int, DeviceName] = {}
        self._links: dict[DeviceName, Link | None] = {}
        self._known = {device: DeviceChanged(device, carrier=False, primary=None) for device in devices}
        self._look(devices)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there may be news."""
        return self._notices.fileno()

    def close(self) -> None:
        """Close the sockets."""
        self._notices.close()
        self._questions.close()
        self._pulse.close()

    def current(self) -> list[DeviceChanged]:
        """Return every device as last seen; one that does not exist has no carrier and no address."""
        return list(self._known.values())

    def poll(self) -> list[DeviceChanged]:
        """Ask for every device's carrier without being told; return the devices that changed.

        The kernel may hold the notice of a lost carrier back for up to a second after another device's change; a call
        every now and then (some microseconds a device) shows it at once.
        """
        return self._look([device for device in self._known if self._beats_otherwise(device)])

    def read(self) -> list[Observation]:
        """Return what changed since the last call, and what of ours was removed; never blocks on news."""
        news: list[Observation] = []
        stirred: set[DeviceName] = set()
        for _datagram in range(_DATAGRAMS_PER_READ):
            try:
                data = self._notices.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                stirred.update(self._known)
                continue
            for message in rtnetlink.messages(data):
                stirred |= self._stirred_by(message)
                removed = self._removal(message)
                if removed is not None:
                    news.append(removed)
        return [*self._look(stirred), *news]

    def _beats_otherwise(self, device: DeviceName) -> bool:
        """Return whether a device has another carrier than was last seen; only what is doubtful is asked in full."""
        pulse, before = self._pulse.of(device), self._pulses.get(device)
        self._pulses[device] = pulse
        doubtful = pulse != before or pulse in _CANNOT_TELL
        return doubtful and self._questions.link(device) != self._links[device]

    def _look(self, devices: Collection[DeviceName]) -> list[DeviceChanged]:
        """Ask for the state of devices; return those that changed."""
        changed = []
        for device in devices:
            state = self._ask(device)
            if state != self._known[device]:
                self._known[device] = state
                changed.append(state)
        return changed

    def _ask(self, device: DeviceName) -> DeviceChanged:
        """Return a device's state now."""
        link = self._links[device] = self._questions.link(device)
        self._indices = {index: name for index, name in self._indices.items() if name != device}
        if link is None:
            return DeviceChanged(device, carrier=False, primary=None)
        self._indices[link.index] = device
        seen = [
            one for one in self._questions.addresses(link.index) if not one.ours and one.ip not in self._virtual_ips
        ]
        return DeviceChanged(
            device,
            link.carrier,
            next((one.ip for one in seen if isinstance(one.ip, IPv4Address)), None),
            _link_local(seen),
            link.mtu,
            frozenset(one.ip for one in seen),
        )

    def _stirred_by(self, message: Message) -> set[DeviceName]:
        """Return the watched devices that a notification is about."""
        if message.kind in {rtnetlink.NEW_LINK, rtnetlink.DELETE_LINK}:
            # By number too: a device that was renamed has left its old name.
            index = rtnetlink.link_index(message)
            return {rtnetlink.link_name(message), self._indices.get(index, "")} & self._known.keys()
        if message.kind in {rtnetlink.NEW_ADDRESS, rtnetlink.DELETE_ADDRESS}:
            return {self._indices.get(rtnetlink.address_index(message), "")} & self._known.keys()
        return set()

    def _removal(self, message: Message) -> Removed | Stirred | None:
        """Return what of ours a notification says was removed, None when nothing or by ourselves."""
        if message.port == self._own_port:
            return None
        if message.kind in {rtnetlink.NEW_LINK, rtnetlink.DELETE_LINK}:
            return Stirred() if rtnetlink.link_name(message) in self._made else None
        if message.kind == rtnetlink.DELETE_ADDRESS:
            return self._removed_address(message)
        if message.kind == rtnetlink.DELETE_ROUTE:
            if message.payload[_ROUTE_PROTOCOL_AT] != _OUR_PROTOCOL:
                return None
            return Removed("route", _route(message))
        if message.kind == rtnetlink.DELETE_RULE:
            if message.attributes(_ROUTE_FIXED).get(_FRA_PROTOCOL) != bytes([_OUR_PROTOCOL]):
                return None
            return Removed("rule", f"priority {_number(message, _FRA_PRIORITY)}")
        return None

    def _removed_address(self, message: Message) -> Removed | Stirred | None:
        """Return what to make of an address that is gone: of IPv6, the kernel does not say who removed it."""
        if not rtnetlink.is_ours(message):
            return None
        address, index = rtnetlink.local_address(message), rtnetlink.address_index(message)
        if isinstance(address, IPv6Address) or (message.port == 0 and index not in self._indices):
            return Stirred()
        return Removed("address", f"{address} on {self._name(index)}")

    def _name(self, index: int) -> DeviceName:
        """Return a device's name by its number."""
        try:
            return self._indices.get(index) or socket.if_indextoname(index)
        except OSError:
            return "a device that is gone"


def _link_local(seen: Sequence[Seen]) -> IPv6Address | None:
    """Return the link-local address that the kernel itself would send from: the oldest, which it lists last."""
    for one in reversed(seen):
        if isinstance(one.ip, IPv6Address) and one.ip.is_link_local and one.usable:
            return one.ip
    return None


def _route(message: Message) -> str:
    """Say which route a notification is about: the default of a VID's table, or that to a link's far end."""
    peer = message.attributes(_ROUTE_FIXED).get(_RTA_DST)
    if peer is None:
        return f"the default of table {_number(message, _RTA_TABLE)}"
    return f"to {ip_address(peer)}"


def _number(message: Message, kind: int) -> int:
    """Return a 32-bit attribute of a route or rule message, 0 when it has none."""
    value = message.attributes(_ROUTE_FIXED).get(kind, bytes(4))
    return int.from_bytes(value, sys.byteorder)
