"""What an agent knows beside its machines: devices, neighbours, applications, counters, the last change."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import MappingProxyType

from linkbalancer.clock import Duration, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.engine.events import ApplicationSteers, DeviceChanged, Measured, NeighbourHeard
from linkbalancer.engine.origins import default_origin, obstacle, origin, own_addresses, without_origin
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.links import Address, DeviceName, Family, LinkName, Mac, Vid
from linkbalancer.routing.application import Application
from linkbalancer.vrrp.group import Group, is_virtual
from linkbalancer.vrrp.timers import master_down_interval

MEMBERS_MAX = 64
"""How many MAC addresses of other gateways are kept for one LAN; more would be a flood, and the oldest goes."""


@dataclass(slots=True)
class Steering:
    """Where an application process says that its application goes."""

    vid: Vid | None = None
    since: Instant = 0
    reason: str = "its process has not spoken yet"
    sequence: int = 0


class Knowledge:
    """Facts and counters of one gateway; its methods answer whether something changed.

    `measured` is what the host last said of each link.
    """

    def __init__(self, loaded: Loaded, app_ids: Mapping[str, int], *, session: int, boot: Instant) -> None:
        """Start with every device unknown, thus dead."""
        config = loaded.config
        self.boot = boot
        self.changed_at = boot
        self.counters: Counter[str] = Counter()
        self.measured: dict[LinkName, Measured] = {}
        self.applications: dict[str, Application] = dict(loaded.rules.applications)
        self.app_ids = dict(app_ids)
        self.steering = {name: Steering(since=boot) for name in self.applications}
        self.patience = _patience(loaded)
        self.settle_time = self.patience + _detect_time(loaded)
        self._session, self._sequence = session, 0
        self._definitions = {name: application.definition for name, application in self.applications.items()}
        self._devices: dict[DeviceName, DeviceChanged] = {}
        self._own: dict[DeviceName, frozenset[Address]] = {}
        self._deaf: set[DeviceName] = set()
        self._lans = config.lans
        self._families: dict[DeviceName, set[Family]] = {}
        for group, settings in config.groups.items():
            self._families.setdefault(settings.device, set()).add(group.family)
        self._members: dict[DeviceName, frozenset[Mac]] = {}
        self._last: dict[tuple[DeviceName, IPv4Address], Mac | None] = {}
        self._answering: set[tuple[DeviceName, IPv4Address]] = set()
        self._macs: dict[tuple[DeviceName, IPv4Address], Mac] = {}
        self._met: dict[DeviceName, dict[Mac, None]] = {}
        self._speakers: dict[tuple[DeviceName, IPv4Address], None] = {}

    def change(self, now: Instant) -> None:
        """Note that something changed now; the gateway is not settled."""
        self.changed_at = now

    def count(self, name: str) -> None:
        """Count one of something."""
        self.counters[name] += 1

    def device(self, event: DeviceChanged) -> None:
        """Take in what the kernel says of a device."""
        self._devices[event.device] = event
        self._own[event.device] = own_addresses(event)

    def own_addresses(self, device: DeviceName) -> frozenset[Address]:
        """Return every address of a device that is no virtual IP, of both families."""
        return self._own.get(device, frozenset())

    def has_carrier(self, device: DeviceName) -> bool:
        """Return whether a device is up and connected."""
        known = self._devices.get(device)
        return known is not None and known.carrier

    def fault(self, device: DeviceName) -> str | None:
        """Say why VRRP must not run on a device (no carrier, no address, nobody to hear), None when it may."""
        known = self._devices.get(device)
        if known is None or not known.carrier:
            return f"{device} has no carrier"
        for family in sorted(self._families.get(device, ())):
            if default_origin(known, family) is None:
                return without_origin(device, family)
        return f"{device} hears nobody" if device in self._deaf else None

    def fault_of(self, group: Group) -> str | None:
        """Say why a group must not run, None when it may."""
        known, device = self._devices.get(group.device), group.device
        if known is None or not known.carrier:
            return f"{device} has no carrier"
        return obstacle(group, known) or (f"{device} hears nobody" if device in self._deaf else None)

    def origin(self, group: Group) -> Address | None:
        """Return the address that a group's adverts are sent from, None while its device has none."""
        return origin(group, self._devices.get(group.device))

    def deaf(self) -> list[DeviceName]:
        """Return the LAN devices that hear nobody."""
        return sorted(self._deaf)

    def leg(self, device: DeviceName, *, alive: bool) -> None:
        """Take in whether a LAN device with carrier hears anything at all."""
        if alive:
            self._deaf.discard(device)
        else:
            self._deaf.add(device)

    def primary(self, device: DeviceName) -> IPv4Address | None:
        """Return the device's first address that is no virtual IP."""
        known = self._devices.get(device)
        return known.primary if known is not None else None

    def knows(self, event: NeighbourHeard) -> bool:
        """Return whether it is known already that a member or target answers like this, or does not."""
        return self._last.get((event.device, event.address), b"") == event.mac

    def returns(self, event: NeighbourHeard) -> bool:
        """Return whether somebody answers who was silent: the two of us were perhaps out of hearing until now."""
        return event.mac is not None and self._last.get((event.device, event.address), b"") is None

    def neighbour(self, event: NeighbourHeard) -> bool:
        """Take in that a member or target answered or fell silent; return whether the members' MACs changed.

        Who is silent stays a member: its packets come back with the first frame after its leg is mended, and a guard
        that had forgotten it would let that frame go round in circles.
        """
        key = (event.device, event.address)
        self._last[key] = event.mac
        if event.mac is None:
            self._answering.discard(key)
            return False
        if key not in self._speakers or self._is_asked(*key):
            self._answering.add(key)
        before = self.members(event.device)
        self._macs[key] = event.mac
        self._members.pop(event.device, None)
        return before != self.members(event.device)

    def _is_asked(self, device: DeviceName, address: IPv4Address) -> bool:
        """Return whether the configuration has an address asked whether it is there."""
        lan = self._lans.get(device)
        return lan is not None and (address in lan.members or address in lan.targets)

    def meet(self, device: DeviceName, mac: Mac, speaker: Address | None = None) -> bool:
        """Take in the source of an advertisement; return whether it is a member not known before.

        Where that is a virtual MAC, the packets that the member forwards come from another one: that of `speaker`, the
        address that it advertises from, which is asked for (`daemon.sockets`).
        """
        if is_virtual(mac) and isinstance(speaker, IPv4Address):
            self._ask_for(device, speaker)
        if mac in self.members(device):
            return False
        met = self._met.setdefault(device, {})
        if len(met) >= MEMBERS_MAX:
            self.count("vrrp:members-forgotten")
            del met[next(iter(met))]
        met[mac] = None
        self._members.pop(device, None)
        return True

    def _ask_for(self, device: DeviceName, speaker: IPv4Address) -> None:
        """Have it asked by which MAC address who advertises with a virtual one forwards packets."""
        if (device, speaker) not in self._speakers and len(self._speakers) < MEMBERS_MAX:
            self._speakers[device, speaker] = None
            self._members.pop(device, None)

    def members(self, device: DeviceName) -> frozenset[Mac]:
        """Return the MAC addresses of the other gateways on a LAN."""
        if (known := self._members.get(device)) is None:
            known = self._members[device] = self._all_of(device)
        return known

    def _all_of(self, device: DeviceName) -> frozenset[Mac]:
        configured = frozenset(self._lans[device].members) if device in self._lans else frozenset()
        answered = {
            mac
            for (dev, address), mac in self._macs.items()
            if dev == device and (address in configured or (dev, address) in self._speakers)
        }
        return frozenset(answered | self._met.get(device, {}).keys())

    def all_members(self) -> dict[DeviceName, list[str]]:
        """Return the members of every LAN for a successor, JSON-able."""
        devices = {dev for dev, _ in self._macs} | self._met.keys()
        return {device: sorted(mac.hex() for mac in self.members(device)) for device in sorted(devices)}

    def asked_members(self) -> dict[DeviceName, dict[str, str]]:
        """Return the members that are such by the answer of a configured address alone, for a successor, JSON-able."""
        found: dict[DeviceName, dict[str, str]] = {}
        for (device, address), mac in self._macs.items():
            if self._is_member(device, address) and mac not in self._met.get(device, {}):
                found.setdefault(device, {})[str(address)] = mac.hex()
        return found

    def recall(
        self,
        members: Mapping[DeviceName, Iterable[Mac]],
        deaf: Iterable[DeviceName],
        asked: Mapping[DeviceName, Mapping[IPv4Address, Mac]] = MappingProxyType({}),
    ) -> list[DeviceName]:
        """Take over the members that a predecessor knew: the kernel's guard must never know fewer than it did.

        But one that had only been asked, by an address that is not a member's any more, is none. Return the devices
        of such, of which the kernel must be told.
        """
        dropped = []
        for device, macs in members.items():
            answers = asked.get(device, {})
            for mac in set(macs).difference(answers.values()):
                self.meet(device, mac)
            for address, mac in answers.items():
                if self._is_member(device, address):
                    self._macs[device, address] = mac
            self._members.pop(device, None)
            if not self.members(device).issuperset(macs):
                dropped.append(device)
        self._deaf.update(deaf)
        return sorted(dropped)

    def _is_member(self, device: DeviceName, address: IPv4Address) -> bool:
        """Return whether the configuration says that another gateway has an address."""
        return device in self._lans and address in self._lans[device].members

    def recall_steering(self, left: Mapping[str, tuple[Vid | None, Instant, str]]) -> None:
        """Take over where the applications go, since when and why, until their processes speak."""
        for name in left.keys() & self.steering.keys():
            self.steering[name] = Steering(*left[name])

    def lan(self, device: DeviceName) -> dict[str, dict[str, bool]]:
        """Return which of a LAN's configured members and targets answer, JSON-able."""
        lan = self._lans[device]
        return {
            kind: {str(address): (device, address) in self._answering for address in addresses}
            for kind, addresses in (("members", lan.members), ("targets", lan.targets))
        }

    def witnesses(self, device: DeviceName) -> int:
        """Return how many configured members and targets of a LAN answer."""
        return sum(1 for dev, _ in self._answering if dev == device)

    def steers(self, now: Instant, event: ApplicationSteers) -> None:
        """Take in where an application process steers."""
        known = self.steering.get(event.application)
        if known is None:
            self.count("feed:unknown-application")
            return
        if (known.vid, known.reason) != (event.vid, event.reason):
            if known.vid != event.vid:
                known.since = now
                self.change(now)
            known.vid, known.reason = event.vid, event.reason
        known.sequence = event.sequence

    def places(self) -> dict[str, Vid]:
        """Return where the applications go, as far as it is known."""
        return {name: steering.vid for name, steering in self.steering.items() if steering.vid is not None}

    def table(self, entries: Iterable[VidEntry]) -> Table:
        """Return the next table of VIDs for the applications."""
        self._sequence += 1
        ids = {name: self.app_ids[name] for name in self.applications if name in self.app_ids}
        return Table(
            self._session, self._sequence, ids, {name: self._definitions[name] for name in ids}, tuple(entries)
        )


def _patience(loaded: Loaded) -> Duration:
    """Return the longest master-down interval: who has heard no Master for so long knows that there is none."""
    interval = max(
        (group.advert_interval for group in loaded.config.groups.values() if group.mode != "static"), default=0
    )
    return master_down_interval(1, interval)


def _detect_time(loaded: Loaded) -> Duration:
    links = loaded.config.links.items()
    return max((link.settings(name, loaded.config).detect for name, link in links), default=0)
