"""The kernel as the daemon sees it: prepared once, then one effect at a time, and read back by a starting agent."""

import errno
import platform
import re
import socket
from collections.abc import Collection, Iterable, Mapping
from typing import Final, TypeAlias, assert_never

from linkbalancer.drivers import addresses, neighbours, routes, rules, sysctl
from linkbalancer.drivers.announce import Announcer
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.macvlans import Macvlans
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.elements import MapWriter, MemberWriter
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.peerroutes import PeerRoutes
from linkbalancer.drivers.prepared import Prepared
from linkbalancer.engine.effects import AddAddresses, Announce, RemoveAddresses, SetMembers, SetNextHop
from linkbalancer.engine.found import Found
from linkbalancer.links import Address, DeviceName, Interface, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster, Vid
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.difference import difference
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.plan import routing_rules, routing_tables

Applicable: TypeAlias = AddAddresses | RemoveAddresses | Announce | SetNextHop | SetMembers
"""The effects that are the kernel's."""

_OLDEST: Final = (5, 18)
"""The first Linux that keeps a tag on addresses."""

_PREPARED_MAX: Final = 4096
"""Prebuilt requests kept; next hops are few, only the MACs of a restless LAN could make them many."""


class Kernel:
    """Everything that is ours in this network namespace: one nftables table, rules, tables, virtual IPs.

    `virtual_ips` are the configured ones by LAN device. Opens its sockets at once; raises DriverError.
    """

    def __init__(self, layout: Layout, virtual_ips: Mapping[DeviceName, tuple[Interface, ...]]) -> None:
        self._layout = layout
        self._virtual_ips = virtual_ips
        self._netlink = NetlinkSocket(ROUTE)
        self._netfilter = NetlinkSocket(NETFILTER)
        self._members = MemberWriter(self._netfilter)
        self._macvlans = Macvlans(self._netlink, layout.macvlans)
        self._peer_routes = PeerRoutes(self._netlink, layout.peer_routes)
        self._addresses = addresses.Addresses(self._netlink, {one.device: one.parent for one in layout.macvlans})
        self._strays: dict[Address, set[DeviceName]] = {}
        self._announcer = Announcer()
        self._prepared: dict[tuple[int, int, NextHop], tuple[bytes, ...]] = {}
        self._pins: dict[Vid, ViaMaster] = {}
        self._rules = routing_rules(layout.vids, layout.marks)
        self._tables = routing_tables(layout.vids, layout.marks)
        self._agreed: tuple[object, bool] | None = None

    @property
    def ground(self) -> tuple[frozenset[int], int]:
        """The routing tables that are ours, and the priority of the last of our rules."""
        return self._tables, max((rule.priority for rule in self._rules), default=0)

    @property
    def port(self) -> int:
        """The netlink port of our changes: `DeviceMonitor` knows by it what we removed ourselves."""
        return self._netlink.port

    def close(self) -> None:
        """Close the sockets; nothing in the kernel changes but what is under way."""
        self._macvlans.close()
        self._netlink.close()
        self._netfilter.close()
        self._announcer.close()

    def prepare(self) -> Prepared:
        """Make everything but classifier, next hops and virtual IPs; what is right already is left alone.

        Raises DriverError when a part that steering rests on is refused; refused switches are only reported.
        """
        _check_version(platform.release())
        load.prepare(self._layout, self._netfilter)  # first: connection tracking's switches come with it
        self._macvlans.trim()
        return self.mend()

    def mend(self, *, trim: bool = True) -> Prepared:
        """Do the part of `prepare` that is done without nft, and so within a few milliseconds. Raises DriverError.

        Without `trim`, rules and tables of VIDs that are not in the layout stay: somebody still serves them.
        """
        layout = self._layout
        self._addresses.forget()
        made, failed = self._macvlans.mend(self._holds, trim=trim)
        laid, kept_out = self._peer_routes.mend(trim=trim)
        changed, refused = sysctl.apply(sysctl.wanted(layout.lan_devices, layout.link_devices))
        tables, floored = self._tables, routes.floored(self._netlink)
        missing = [("route", f"the unreachable default of table {table}") for table in sorted(tables - floored)]
        for table in sorted(tables - floored):
            routes.floor(self._netlink, table)
        missing += self._mend_rules(trim=trim)
        for table in sorted(floored - tables) if trim else ():
            routes.remove(self._netlink, table)
        return Prepared(tuple(changed), tuple(refused), (*made, *laid), (*failed, *kept_out), tuple(missing))

    def _mend_rules(self, *, trim: bool) -> list[tuple[str, str]]:
        """Make the rules as they should be; return what was missing. What was right and is the same now is right."""
        found = rules.read(self._netlink)
        if self._agreed is not None and self._agreed[0] is found and self._agreed[1] == trim:
            return []
        missing = difference(self._rules, found)[0]
        changed = rules.apply(self._netlink, self._rules, keep=not trim)
        self._agreed = (found, trim) if changed == (0, 0) else None
        return [("rule", f"the routing rule of priority {rule.priority}") for rule in missing]

    def clear(self, devices: Iterable[DeviceName]) -> None:
        """Remove what is left of VIDs that are gone: pins on these devices, devices of our own. Raises DriverError."""
        self._macvlans.trim()
        used = {(pin.device, pin.gateway) for pin in self._pins.values()}
        for device in devices:
            for address in neighbours.pinned(self._netlink, device):
                if (device, address) not in used:
                    neighbours.unpin(self._netlink, device, address)

    def loaded(self, classifier: Classifier, app_ids: Mapping[str, int]) -> bool:
        """Return whether our table is there, with this classifier in use. Raises DriverError."""
        return load.loaded(self._layout, classifier, app_ids, self._netfilter)

    def generation(self) -> bytes:
        """Return what is another one when nftables has changed. Raises DriverError."""
        return generation(self._netfilter)

    def install(self, classifier: Classifier, app_ids: Mapping[str, int]) -> bool:
        """Load a classifier in place of the one in use (blocks for tens of milliseconds and more).

        Return False when it is in use already. Raises DriverError; then the old one stays.
        """
        return load.install(self._layout, classifier, app_ids, self._netfilter)

    def apply(self, effect: Applicable) -> None:
        """Do one effect; doing it again changes nothing. Raises DriverError.

        `SetNextHop` of `OWN` points the table of this gateway's own traffic.
        """
        match effect:
            case AddAddresses(device, wanted):
                self._add_addresses(device, wanted)
            case RemoveAddresses(device, unwanted):
                self._remove_addresses(device, unwanted)
            case Announce(device, announced, mac, again):
                self._announcer.announce(device, announced, mac, again=again)
            case SetNextHop(vid, next_hop, guard):
                self._set_next_hop(vid, next_hop, self._layout.marks.table(vid, guard=guard))
            case SetMembers(device, macs):
                for one in (device, *self._upon(device)):
                    self._members.write(one, macs)
            case _:
                assert_never(effect)

    def flush_unresolved(self, device: DeviceName) -> int:
        """Forget what was learnt of a device while it had no carrier: neighbours that could not be resolved, addresses.

        For when its carrier is back, or anything else of it has changed.
        """
        self._addresses.forget()
        return sum(neighbours.flush_unresolved(self._netlink, one) for one in (device, *self._upon(device)))

    def _add_addresses(self, device: DeviceName, wanted: Iterable[Interface]) -> None:
        """Install virtual IPs; where a predecessor had them on another device, they leave that one."""
        if device in self._macvlans:
            self._macvlans.bring_up(device)
        self._addresses.add(device, wanted)
        for interface in wanted if self._strays else ():
            for stray in self._strays.pop(interface.ip, ()):
                self._remove_addresses(stray, (interface,))

    def _remove_addresses(self, device: DeviceName, unwanted: Collection[Interface]) -> None:
        """Remove virtual IPs; those of IPv6 go with the device where it is to go down.

        Removed one by one they would be taken leave of, with the virtual MAC, which is somebody else's by now.
        """
        if self._macvlans.is_ours(device) and self._addresses.ours(device) <= {one.ip for one in unwanted}:
            self._macvlans.take_down(device)
            self._addresses.remove(device, [one for one in unwanted if one.version == 4])
            self._addresses.forget(device)
        else:
            self._addresses.remove(device, unwanted)

    def usurped(self, device: DeviceName, held: Iterable[addresses.Held]) -> set[Address]:
        """Return those of a device's addresses that somebody has put in the place of ours."""
        return self._addresses.usurped(device, held)

    def _upon(self, device: DeviceName) -> list[DeviceName]:
        """Return the devices of our own that stand on a device."""
        return [one.device for one in self._layout.macvlans if one.parent == device]

    def _holds(self, device: DeviceName) -> bool:
        """Return whether a device holds a virtual IP."""
        return any(address.ours for address in addresses.read(self._netlink, device))

    def found(self) -> Found:
        """Return what of ours is in the kernel: virtual IPs, and next hops of the VIDs. Raises DriverError."""
        return Found(addresses=self._found_addresses(), next_hops=self._found_next_hops())

    def digest(self) -> str | None:
        """Return the first digits of the classifier's digest in use, None when there is none. Raises DriverError."""
        return load.digest(self._netfilter)

    def steered(self) -> dict[int, Vid | None]:
        """Return the applications' ids and VIDs as the kernel has them. Raises DriverError."""
        return MapWriter(self._layout.marks, self._netfilter).read()

    def _set_next_hop(self, vid: Vid, next_hop: NextHop, table: int) -> None:
        """Point a table; a pin is set before the route that needs it, and goes after the route that does not."""
        guard = table != self._layout.marks.table(vid)
        whose = "own traffic" if vid == OWN else f"VID {vid}"
        match next_hop:
            case Unreachable():
                routes.clear(self._netlink, table)
            case ViaMain():
                self._netlink.request(routes.throw_request(table), f"open table {table} of {whose} to the main table")
            case ViaLink() | ViaMaster():
                operation = f"point table {table} of {whose} to {next_hop.gateway} on {next_hop.device}"
                for request in self._requests(table, next_hop, operation):
                    self._netlink.request(request, operation)
            case _:
                assert_never(next_hop)
        if not guard:
            self._keep_pin(vid, next_hop)

    def _requests(self, table: int, next_hop: ViaLink | ViaMaster, operation: str) -> tuple[bytes, ...]:
        """Return the requests for a next hop, built once for each device that ever bore the name."""
        try:
            index = socket.if_nametoindex(next_hop.device)
        except OSError as error:
            raise DriverError(operation, errno.ENODEV) from error
        key = (table, index, next_hop)
        if key not in self._prepared:
            if len(self._prepared) >= _PREPARED_MAX:
                self._prepared.clear()
            route = routes.route_request(table, index, next_hop.gateway, next_hop.source)
            pin = (
                (neighbours.pin_request(index, next_hop.gateway, next_hop.mac),)
                if isinstance(next_hop, ViaMaster)
                else ()
            )
            self._prepared[key] = (*pin, route)
        return self._prepared[key]

    def _keep_pin(self, vid: Vid, next_hop: NextHop) -> None:
        """Remove a VID's former pin where the new next hop does not use it."""
        old = self._pins.pop(vid, None)
        if isinstance(next_hop, ViaMaster):
            self._pins[vid] = next_hop
        if old is not None and not any(
            (pin.device, pin.gateway) == (old.device, old.gateway) for pin in self._pins.values()
        ):
            neighbours.unpin(self._netlink, old.device, old.gateway)

    def _found_addresses(self) -> frozenset[tuple[DeviceName, Interface]]:
        """Return virtual IPs: as configured where they are, as the kernel has them where they are no longer."""
        found = set()
        self._strays.clear()
        for device in {*self._layout.lan_devices, *self._virtual_ips, *self._macvlans.present()}:
            configured = {interface.ip: interface for interface in self._virtual_ips.get(device, ())}
            for address in addresses.read(self._netlink, device):
                if address.ours:
                    found.add((device, configured.get(address.ip, address.interface)))
                    if address.ip not in configured:
                        self._strays.setdefault(address.ip, set()).add(device)
        return frozenset(found)

    def _found_next_hops(self) -> dict[Vid, NextHop]:
        """Return the VIDs' next hops, remembering the pins among them; tables that are only `unreachable` as that."""
        layout = self._layout
        floored = routes.floored(self._netlink)
        found: dict[Vid, NextHop] = {vid: Unreachable() for vid in layout.vids if layout.marks.table(vid) in floored}
        vids = {layout.marks.table(vid): vid for vid in layout.vids}
        found |= {vids[table]: ViaMain() for table in routes.thrown(self._netlink) & vids.keys()}
        pins = {device: neighbours.pinned(self._netlink, device) for device in layout.lan_devices}
        for route in routes.read(self._netlink):
            vid = vids.get(route.table)
            mac = pins.get(route.device, {}).get(route.gateway)
            if vid is None:
                continue
            if mac is None:
                found[vid] = ViaLink(route.device, route.gateway, route.source)
            else:
                found[vid] = self._pins[vid] = ViaMaster(route.device, route.gateway, mac, route.source)
        return found


def _check_version(release: str) -> None:
    """Refuse a kernel that would not keep our tag on addresses."""
    numbers = re.match(r"(\d+)\.(\d+)", release)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
        raise DriverError(f"run on Linux {release}, 5.18 is the oldest that will do", 0, retry=False)
