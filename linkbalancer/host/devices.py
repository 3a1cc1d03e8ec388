"""The devices' state as the kernel shows it: carrier and addresses, and what of ours others took away.

A notification says only that something may have changed; the state itself is then asked for. So lost notifications
(ENOBUFS) cost nothing, and two sources of truth cannot differ.
"""

import errno
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host import rtnetlink
from linkbalancer.host.pulse import Pulse
from linkbalancer.host.rtnetlink import Link, Message, Seen
from linkbalancer.host.strangers import NO_GROUND, Deed, Ground, Stirred, Strangers
from linkbalancer.links import Address, DeviceName

_DATAGRAMS_PER_READ: Final = 1000
_CANNOT_TELL: Final = {-errno.EOPNOTSUPP, -errno.EPERM}
"""Of a driver that knows no carrier; where the question itself is not allowed."""


Observation: TypeAlias = DeviceChanged | Deed


class DeviceMonitor:
    """Watches some devices; `virtual_ips`, and what bears our tag, are never taken for a device's own addresses.

    `own_port` is the netlink port of our own changes (`drivers.kernel.Kernel.port`), which are no news. `made` are the
    devices that we make ourselves: of those only that they stir. `ground` is what else is ours, with `ipv6` in either
    family. Raises OSError when the kernel gives no socket.
    """

    def __init__(
        self,
        devices: Collection[DeviceName],
        virtual_ips: Collection[Address],
        own_port: int = 0,
        made: Collection[DeviceName] = (),
        ground: Ground = NO_GROUND,
        *,
        ipv6: bool = False,
    ) -> None:
        self._virtual_ips = frozenset(virtual_ips)
        self._strangers = Strangers(own_port, ground, virtual_ips, made, self._watched)
        self._notices = rtnetlink.subscribe(ipv6=ipv6)
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
                news.append(Stirred())
                continue
            for message in rtnetlink.messages(data):
                stirred |= self._stirred_by(message)
                deed = self._strangers.judge(message)
                if deed is not None:
                    news.append(deed)
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

    def _watched(self, index: int) -> DeviceName | None:
        """Return the name of a watched device by its number."""
        return self._indices.get(index)

    def _stirred_by(self, message: Message) -> set[DeviceName]:
        """Return the watched devices that a notification is about."""
        if message.kind in {rtnetlink.NEW_LINK, rtnetlink.DELETE_LINK}:
            # By number too: a device that was renamed has left its old name.
            index = rtnetlink.link_index(message)
            return {rtnetlink.link_name(message), self._indices.get(index, "")} & self._known.keys()
        if message.kind in {rtnetlink.NEW_ADDRESS, rtnetlink.DELETE_ADDRESS}:
            return {self._indices.get(rtnetlink.address_index(message), "")} & self._known.keys()
        return set()


def _link_local(seen: Sequence[Seen]) -> IPv6Address | None:
    """Return the link-local address that the kernel itself would send from: the oldest, which it lists last."""
    for one in reversed(seen):
        if isinstance(one.ip, IPv6Address) and one.ip.is_link_local and one.usable:
            return one.ip
    return None
