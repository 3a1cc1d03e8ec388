"""The devices' state as the kernel shows it: carrier and primary address, and what of ours others took away.

A notification says only that something may have changed; the state itself is then asked for. So lost notifications
(ENOBUFS) cost nothing, and two sources of truth cannot differ.
"""

import errno
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host import rtnetlink
from linkbalancer.host.rtnetlink import Message
from linkbalancer.links import Address, DeviceName

_OUR_PROTOCOL: Final = 112
"""The tag on what the drivers put into the kernel (`drivers.netlink.messages.PROTOCOL`)."""
_IFA_PROTO: Final = 11
_FRA_PRIORITY, _FRA_PROTOCOL = 6, 21
_RTA_TABLE: Final = 15
_ADDRESS_FIXED, _ROUTE_FIXED = 8, 12
_ROUTE_PROTOCOL_AT: Final = 5

_DATAGRAMS_PER_READ: Final = 1000


@dataclass(frozen=True, slots=True)
class Removed:
    """Something of ours was removed by somebody else: `what` is address, route or rule, `detail` says which."""

    what: str
    detail: str


Observation: TypeAlias = DeviceChanged | Removed


class DeviceMonitor:
    """Watches some devices; `virtual_ips` are never taken for a primary address.

    `own_port` is the netlink port of our own changes (`drivers.kernel.Kernel.port`), whose removals are not reported.
    Raises OSError when the kernel gives no socket.
    """

    def __init__(self, devices: Collection[DeviceName], virtual_ips: Collection[Address], own_port: int = 0) -> None:
        self._virtual_ips = frozenset(virtual_ips)
        self._own_port = own_port
        self._notices = rtnetlink.subscribe()
        self._questions = rtnetlink.Questions()
        self._indices: dict[int, DeviceName] = {}
        self._known = {device: DeviceChanged(device, carrier=False, primary=None) for device in devices}
        self._look(devices)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there may be news."""
        return self._notices.fileno()

    def close(self) -> None:
        """Close the sockets."""
        self._notices.close()
        self._questions.close()

    def current(self) -> list[DeviceChanged]:
        """Return every device as last seen; one that does not exist has no carrier and no address."""
        return list(self._known.values())

    def poll(self) -> list[DeviceChanged]:
        """Ask for every device's state without being told; return those that changed.

        The kernel may hold the notice of a lost carrier back for up to a second after another device's change; a call
        every now and then (some microseconds a device) shows it at once.
        """
        return self._look(tuple(self._known))

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
        link = self._questions.link(device)
        self._indices = {index: name for index, name in self._indices.items() if name != device}
        if link is None:
            return DeviceChanged(device, carrier=False, primary=None)
        self._indices[link.index] = device
        lasting = [one for one in self._questions.addresses(link.index) if one not in self._virtual_ips]
        return DeviceChanged(device, link.carrier, lasting[0] if lasting else None)

    def _stirred_by(self, message: Message) -> set[DeviceName]:
        """Return the watched devices that a notification is about."""
        if message.kind in {rtnetlink.NEW_LINK, rtnetlink.DELETE_LINK}:
            # By number too: a device that was renamed has left its old name.
            index = rtnetlink.link_index(message)
            return {rtnetlink.link_name(message), self._indices.get(index, "")} & self._known.keys()
        if message.kind in {rtnetlink.NEW_ADDRESS, rtnetlink.DELETE_ADDRESS}:
            return {self._indices.get(rtnetlink.address_index(message), "")} & self._known.keys()
        return set()

    def _removal(self, message: Message) -> Removed | None:
        """Return what of ours a notification says was removed, None when nothing or by ourselves."""
        if message.port == self._own_port:
            return None
        if message.kind == rtnetlink.DELETE_ADDRESS:
            if message.attributes(_ADDRESS_FIXED).get(_IFA_PROTO) != bytes([_OUR_PROTOCOL]):
                return None
            device = self._indices.get(rtnetlink.address_index(message), "a device that is gone")
            return Removed("address", f"{rtnetlink.local_address(message)} on {device}")
        if message.kind == rtnetlink.DELETE_ROUTE:
            if message.payload[_ROUTE_PROTOCOL_AT] != _OUR_PROTOCOL:
                return None
            return Removed("route", f"the default of table {_number(message, _RTA_TABLE)}")
        if message.kind == rtnetlink.DELETE_RULE:
            if message.attributes(_ROUTE_FIXED).get(_FRA_PROTOCOL) != bytes([_OUR_PROTOCOL]):
                return None
            return Removed("rule", f"priority {_number(message, _FRA_PRIORITY)}")
        return None


def _number(message: Message, kind: int) -> int:
    """Return a 32-bit attribute of a route or rule message, 0 when it has none."""
    value = message.attributes(_ROUTE_FIXED).get(kind, bytes(4))
    return int.from_bytes(value, sys.byteorder)
