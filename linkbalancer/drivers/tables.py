"""The VIDs' rules and tables of one family: laid once, then pointed next hop by next hop, and read back.

Both families have the same rules and the same tables' numbers; where a table leads is said in addresses of its own.
"""

import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from linkbalancer.drivers import neighbours, routes, rules
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import DeviceName, Family, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster, Vid
from linkbalancer.routing.difference import difference
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.plan import routing_rules, routing_tables
from linkbalancer.routing.twins import room

PREPARED_MAX: Final = 4096
"""Prebuilt requests kept; next hops are few, only the MACs of a restless LAN could make them many."""


@dataclass(frozen=True, slots=True)
class PointIpv6:
    """Point the IPv6 table of a VID, or of `OWN`; `SetNextHop` of the engine points IPv4's."""

    vid: Vid
    next_hop: NextHop
    guard: bool = False


class Tables:
    """Those of a family; of one that is not steered there are none, and what a predecessor left of it goes."""

    def __init__(self, netlink: NetlinkSocket, layout: Layout, family: Family) -> None:
        vids = layout.vids if family in layout.families else ()
        self.rules = routing_rules(vids, layout.marks)
        self.tables = routing_tables(vids, layout.marks)
        self._netlink, self._layout, self._family = netlink, layout, family
        self._name = "IPv6 " if family is Family.IPV6 else ""
        self._prepared: dict[tuple[int, int, NextHop], tuple[bytes, ...]] = {}
        self._pins: dict[Vid, ViaMaster] = {}
        self._agreed: tuple[object, bool] | None = None
        self._clean = False

    def mend(self, *, trim: bool) -> list[tuple[str, str]]:
        """Lay what is missing of rules and of what lies below all next hops; return what that was.

        Without `trim`, what is not wanted stays: somebody still serves it. Raises DriverError.
        """
        if not self.tables and self._clean:
            return []
        floored = routes.floored(self._netlink, self._family)
        missing = []
        for table in sorted(self.tables - floored):
            routes.floor(self._netlink, table, self._family)
            missing.append(("route", f"the {self._name}unreachable default of table {table}"))
        missing += self._mend_rules(trim=trim)
        for table in sorted(floored - self.tables) if trim else ():
            routes.remove(self._netlink, table, self._family)
        self._clean = trim
        return missing

    def _mend_rules(self, *, trim: bool) -> list[tuple[str, str]]:
        """Make the rules as they should be; return what was missing. What was right and is the same now is right."""
        found = rules.read(self._netlink, self._family)
        if self._agreed is not None and self._agreed[0] is found and self._agreed[1] == trim:
            return []
        missing = difference(self.rules, found)[0]
        changed = rules.apply(self._netlink, self.rules, keep=not trim, family=self._family)
        self._agreed = (found, trim) if changed == (0, 0) else None
        return [("rule", f"the {self._name}routing rule of priority {rule.priority}") for rule in missing]

    def unpin(self, devices: Iterable[DeviceName]) -> None:
        """Remove the pins on these devices that no VID uses. Raises DriverError."""
        used = {(pin.device, pin.gateway) for pin in self._pins.values()}
        for device in devices:
            for address in neighbours.pinned(self._netlink, device, self._family):
                if (device, address) not in used:
                    neighbours.unpin(self._netlink, device, address)

    def point(self, vid: Vid, next_hop: NextHop, *, guard: bool) -> None:
        """Point a table; a pin is set before the route that needs it, and goes after the route that does not."""
        table = self._layout.marks.table(vid, guard=guard)
        whose = "own traffic" if vid == OWN else f"VID {vid}"
        match next_hop:
            case Unreachable():
                routes.clear(self._netlink, table, self._family)
            case ViaMain():
                request = routes.throw_request(table, self._family)
                self._netlink.request(request, f"open {self._name}table {table} of {whose} to the main table")
            case ViaLink() | ViaMaster():
                operation = f"point {self._name}table {table} of {whose} to {next_hop.gateway} on {next_hop.device}"
                for request in self._requests(vid, table, next_hop, operation):
                    self._netlink.request(request, operation)
            case _:
                assert_never(next_hop)
        if not guard:
            self._keep_pin(vid, next_hop)

    def _requests(self, vid: Vid, table: int, next_hop: ViaLink | ViaMaster, operation: str) -> tuple[bytes, ...]:
        """Return the requests for a next hop, built once for each device that ever bore the name."""
        try:
            index = socket.if_nametoindex(next_hop.device)
        except OSError as error:
            raise DriverError(operation, errno.ENODEV) from error
        key = (table, index, next_hop)
        if key not in self._prepared:
            if len(self._prepared) >= PREPARED_MAX:
                self._prepared.clear()
            mtu = self.mtu(vid, next_hop)
            route = routes.route_request(table, index, next_hop.gateway, next_hop.source, mtu)
            pin = (
                (neighbours.pin_request(index, next_hop.gateway, next_hop.mac),)
                if isinstance(next_hop, ViaMaster)
                else ()
            )
            self._prepared[key] = (*pin, route)
        return self._prepared[key]

    def mtu(self, vid: Vid, next_hop: NextHop) -> int | None:
        """Return the largest packet that a VID's way has room for, None where its device knows."""
        return room(self._layout.mtu(vid, next_hop), self._family)

    def _keep_pin(self, vid: Vid, next_hop: NextHop) -> None:
        """Remove a VID's former pin where the new next hop does not use it."""
        old = self._pins.pop(vid, None)
        if isinstance(next_hop, ViaMaster):
            self._pins[vid] = next_hop
        if old is not None and not any(
            (pin.device, pin.gateway) == (old.device, old.gateway) for pin in self._pins.values()
        ):
            neighbours.unpin(self._netlink, old.device, old.gateway)

    def found(self) -> dict[Vid, NextHop]:
        """Return the VIDs' next hops, remembering the pins among them; tables that are only `unreachable` as that."""
        layout, family = self._layout, self._family
        if not self.tables:
            return {}
        floored = routes.floored(self._netlink, family)
        found: dict[Vid, NextHop] = {vid: Unreachable() for vid in layout.vids if layout.marks.table(vid) in floored}
        vids = {layout.marks.table(vid): vid for vid in layout.vids}
        found |= {vids[table]: ViaMain() for table in routes.thrown(self._netlink, family) & vids.keys()}
        pins = {device: neighbours.pinned(self._netlink, device, family) for device in layout.lan_devices}
        for route in routes.read(self._netlink, family):
            vid = vids.get(route.table)
            mac = pins.get(route.device, {}).get(route.gateway)
            if vid is None:
                continue
            if mac is None:
                found[vid] = ViaLink(route.device, route.gateway, route.source)
            else:
                found[vid] = self._pins[vid] = ViaMaster(route.device, route.gateway, mac, route.source)
        return found


def refusing(netlink: NetlinkSocket, layout: Layout, family: Family) -> frozenset[Vid]:
    """Return the VIDs whose tables refuse: they have what lies below all next hops, and none. Raises DriverError."""
    led = {route.table for route in routes.read(netlink, family)} | routes.thrown(netlink, family)
    refused = routes.floored(netlink, family) - led
    return frozenset(vid for vid in layout.vids if layout.marks.table(vid) in refused)


def wrong(
    netlink: NetlinkSocket, layout: Layout, family: Family, wanted: Mapping[tuple[Vid, bool], NextHop]
) -> Iterator[tuple[tuple[Vid, bool], bool]]:
    """Yield which of the wanted next hops (by VID and guard) are not there, and whether a route of another MTU is."""
    present = {route.table: route for route in routes.read(netlink, family)}
    thrown = routes.thrown(netlink, family)
    pins = {device: neighbours.pinned(netlink, device, family) for device in layout.lan_devices}
    for (vid, guard), next_hop in wanted.items():
        table = layout.marks.table(vid, guard=guard)
        route = present.get(table)
        mtu = room(layout.mtu(vid, next_hop), family)
        match next_hop:
            case Unreachable():
                right = route is None and table not in thrown
            case ViaMain():
                right = table in thrown
            case ViaLink(device, gateway, source):
                right = route is not None and route[1:] == (device, gateway, source, mtu)
            case ViaMaster(device, gateway, mac, source):
                right = route is not None and route[1:] == (device, gateway, source, mtu)
                right = right and pins.get(device, {}).get(gateway) == mac
        if not right:
            yield (vid, guard), route is not None and route.mtu != mtu
