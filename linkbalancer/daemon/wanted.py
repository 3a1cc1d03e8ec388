"""What is wanted of the kernel by what the engine has said so far, and what of it is not there."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from linkbalancer.drivers import addresses, neighbours, routes
from linkbalancer.drivers.kernel import Applicable
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.engine.effects import AddAddresses, RemoveAddresses, SetMembers, SetNextHop
from linkbalancer.engine.status import hop_in_words
from linkbalancer.links import (
    Address,
    DeviceName,
    Interface,
    Mac,
    NextHop,
    Unreachable,
    ViaLink,
    ViaMain,
    ViaMaster,
    Vid,
)
from linkbalancer.routing.marks import OWN

Usurped: TypeAlias = Callable[[DeviceName, tuple[addresses.Held, ...]], set[Address]]
"""Tells which of a device's addresses somebody has put in the place of ours."""


class Wanted:
    """The sum of the effects: next hops, virtual IPs and members."""

    def __init__(self) -> None:
        """Want nothing."""
        self.members: dict[DeviceName, SetMembers] = {}
        self._hops: dict[tuple[Vid, bool], SetNextHop] = {}
        self._addresses: set[tuple[DeviceName, Interface]] = set()
        self._complete: dict[DeviceName, object] = {}

    def note(self, effect: Applicable) -> bool:
        """Remember an effect that lasts; return whether it is another next hop than the one remembered."""
        match effect:
            case SetNextHop(vid, _, guard):
                old, self._hops[vid, guard] = self._hops.get((vid, guard)), effect
                return old != effect
            case AddAddresses(device, interfaces):
                self._complete.pop(device, None)
                self._addresses |= {(device, interface) for interface in interfaces}
            case RemoveAddresses(device, interfaces):
                self._complete.pop(device, None)
                self._addresses -= {(device, interface) for interface in interfaces}
            case SetMembers(device, _):
                self.members[device] = effect
            case _:
                pass
        return False

    def macs(self) -> dict[DeviceName, frozenset[Mac]]:
        """Return the members of each device."""
        return {device: effect.macs for device, effect in self.members.items()}

    def ways(self) -> dict[Vid, NextHop]:
        """Return the next hop of each VID."""
        return {vid: effect.next_hop for (vid, guard), effect in self._hops.items() if vid != OWN and not guard}

    def missing(self, layout: Layout, netlink: NetlinkSocket, usurped: Usurped) -> list[Applicable]:
        """Return the next hops and virtual IPs that the kernel does not have, or not as ours. Raises DriverError."""
        return [*self._missing_hops(layout, netlink), *self._missing_addresses(netlink, usurped)]

    def _missing_hops(self, layout: Layout, netlink: NetlinkSocket) -> Iterator[SetNextHop]:
        present = {route.table: route for route in routes.read(netlink)}
        thrown = routes.thrown(netlink)
        pins = {device: neighbours.pinned(netlink, device) for device in layout.lan_devices}
        for (vid, guard), effect in self._hops.items():
            table = layout.marks.table(vid, guard=guard)
            route = present.get(table)
            match effect.next_hop:
                case Unreachable():
                    right = route is None and table not in thrown
                case ViaMain():
                    right = table in thrown
                case ViaLink(device, gateway, source):
                    right = route is not None and route[1:] == (device, gateway, source)
                case ViaMaster(device, gateway, mac, source):
                    right = route is not None and route[1:] == (device, gateway, source)
                    right = right and pins.get(device, {}).get(gateway) == mac
            if not right:
                yield effect

    def _missing_addresses(self, netlink: NetlinkSocket, usurped: Usurped) -> Iterator[AddAddresses]:
        for device in sorted({device for device, _ in self._addresses}):
            held = addresses.read(netlink, device)
            if self._complete.get(device) is held:
                continue  # as it was when nothing was missing
            wanted = {interface for where, interface in self._addresses if where == device}
            present = {address.ip for address in held} - usurped(device, held)
            gone = tuple(sorted((one for one in wanted if one.ip not in present), key=_order))
            if gone:
                yield AddAddresses(device, gone)
            else:
                self._complete[device] = held


def _order(interface: Interface) -> tuple[int, int]:
    """Return by what addresses of both families are sorted."""
    return interface.version, int(interface.ip)


def kind_of(effect: Applicable) -> str:
    """Return the kind of thing that an effect puts into the kernel, in a word."""
    return "route" if isinstance(effect, SetNextHop) else "address"


def in_words(effect: Applicable) -> str:
    """Return an effect in words."""
    match effect:
        case SetNextHop(vid, next_hop, guard):
            whose = "own traffic" if vid == OWN else f"VID {vid}"
            return f"next hop of {whose}{' (guard)' if guard else ''}: {hop_in_words(next_hop)}"
        case AddAddresses(device, interfaces):
            return f"virtual IPs {', '.join(map(str, interfaces))} on {device}"
        case RemoveAddresses(device, interfaces):
            return f"removal of {', '.join(map(str, interfaces))} from {device}"
        case SetMembers(device, _):
            return f"members on {device}"
        case _:
            return type(effect).__name__.lower()
