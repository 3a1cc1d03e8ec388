"""The kernel as the daemon sees it: prepared once, then one effect at a time, and read back by a starting agent."""

import platform
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, TypeAlias, assert_never

from linkbalancer.drivers import addresses, neighbours, sysctl
from linkbalancer.drivers.announce import Announcer
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.firewall import displace, driver, install
from linkbalancer.drivers.macvlans import Macvlans
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.peerroutes import PeerRoutes
from linkbalancer.drivers.prepared import Prepared
from linkbalancer.drivers.tables import PointIpv6, Tables
from linkbalancer.engine.effects import AddAddresses, Announce, RemoveAddresses, SetMembers, SetNextHop
from linkbalancer.engine.found import Found
from linkbalancer.links import Address, DeviceName, Family, Interface
from linkbalancer.routing.classifier import Classifier

Applicable: TypeAlias = AddAddresses | RemoveAddresses | Announce | SetNextHop | PointIpv6 | SetMembers
"""The effects that are the kernel's."""

_OLDEST: Final = (5, 18)
"""The first Linux that keeps a tag on addresses."""


class Kernel:
    """Everything that is ours in this network namespace: the firewall's part, rules, tables, virtual IPs.

    `virtual_ips` are the configured ones by LAN device. Opens its sockets at once; raises DriverError.
    """

    def __init__(self, layout: Layout, virtual_ips: Mapping[DeviceName, tuple[Interface, ...]]) -> None:
        self._layout = layout
        self._virtual_ips = virtual_ips
        self._netlink = NetlinkSocket(ROUTE)
        self._netfilter = NetlinkSocket(NETFILTER)
        self._driver = driver(layout.firewall)
        self._members = self._driver.members(layout.marks, self._netfilter)
        self._macvlans = Macvlans(self._netlink, layout.macvlans)
        self._peer_routes = PeerRoutes(self._netlink, layout.peer_routes)
        self._addresses = addresses.Addresses(self._netlink, {one.device: one.parent for one in layout.macvlans})
        self._strays: dict[Address, set[DeviceName]] = {}
        self._announcer = Announcer()
        self._tables = {family: Tables(self._netlink, layout, family) for family in Family}

    @property
    def ground(self) -> tuple[frozenset[int], int]:
        """The routing tables that are ours, and the priority of the last of our rules."""
        tables = self._tables[Family.IPV4]
        return tables.tables, max((rule.priority for rule in tables.rules), default=0)

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
        self._driver.prepare(self._layout, self._netfilter)  # first: connection tracking's switches come with it
        if self.digest() is not None:
            displace(self._layout.firewall, self._netfilter)
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
        switches = sysctl.wanted(layout.lan_devices, layout.link_devices, ipv6=Family.IPV6 in layout.families)
        changed, refused = sysctl.apply(switches)
        missing = [one for tables in self._tables.values() for one in tables.mend(trim=trim)]
        return Prepared(tuple(changed), tuple(refused), (*made, *laid), (*failed, *kept_out), tuple(missing))

    def clear(self, devices: Iterable[DeviceName]) -> None:
        """Remove what is left of VIDs that are gone: pins on these devices, devices of our own. Raises DriverError."""
        self._macvlans.trim()
        gone = tuple(devices)
        for tables in self._tables.values():
            tables.unpin(gone)

    def loaded(self, classifier: Classifier, app_ids: Mapping[str, int]) -> bool:
        """Return whether our table is there, with this classifier in use. Raises DriverError."""
        return self._driver.loaded(self._layout, classifier, app_ids, self._netfilter)

    def generation(self) -> bytes:
        """Return what is another one when what classifies has changed. Raises DriverError."""
        return self._driver.generation(self._netfilter)

    def install(self, classifier: Classifier, app_ids: Mapping[str, int]) -> bool:
        """Load a classifier in place of the one in use (blocks for tens of milliseconds and more).

        Return False when it is in use already. Raises DriverError; then the old one stays.
        """
        return install(self._layout, classifier, app_ids, self._netfilter)

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
                self._tables[Family.IPV4].point(vid, next_hop, guard=guard)
            case PointIpv6(vid, next_hop, guard):
                self._tables[Family.IPV6].point(vid, next_hop, guard=guard)
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
        found = {family: tables.found() for family, tables in self._tables.items()}
        return Found(addresses=self._found_addresses(), next_hops=found[Family.IPV4])

    def digest(self) -> str | None:
        """Return the first digits of the classifier's digest in use, None when there is none. Raises DriverError."""
        return self._driver.digest(self._netfilter)

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


def _check_version(release: str) -> None:
    """Refuse a kernel that would not keep our tag on addresses."""
    numbers = re.match(r"(\d+)\.(\d+)", release)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
        raise DriverError(f"run on Linux {release}, 5.18 is the oldest that will do", 0, retry=False)
