"""What the table `inet linkbalancer` is made for, as values: two of them join into one that serves both."""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import NamedTuple

from linkbalancer.drivers.macvlan import Macvlan
from linkbalancer.drivers.nftables.refusal import Refused
from linkbalancer.links import DeviceName, Family, Firewall, NextHop, Role, ViaLink, Vid
from linkbalancer.routing.balance import Pool, Target, rank
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.translation import Way
from linkbalancer.routing.twins import Twin


class Peer(NamedTuple):
    """Where this gateway's own LVrrp datagrams of a link go."""

    address: IPv4Address
    port: int


class PeerRoute(NamedTuple):
    """The way to the far end of a link that crosses other routers: by the first of them, on the link's device."""

    peer: IPv4Address
    via: IPv4Address
    device: DeviceName

    def __str__(self) -> str:
        """Write it for people."""
        return f"the route to {self.peer} via {self.via} on {self.device}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the table is made for: masks, this gateway's role, its devices, the VIDs that it may steer to.

    `peers` are the far ends of its links: the datagrams that open a link must not wait for a VID that works.
    `peer_routes` lead to those of them that are not at the other end of the wire. `ways` are where packets leave, and
    what becomes of them there. `pools` are the balanced steps. `twins` are the far ends of the ways over IPv6,
    None where that is not steered. `firewall` says whose table it is.
    """

    marks: Marks
    role: Role
    lan_devices: tuple[DeviceName, ...]
    link_devices: tuple[DeviceName, ...]
    vids: tuple[Vid, ...]
    peers: tuple[Peer, ...] = ()
    peer_routes: tuple[PeerRoute, ...] = ()
    macvlans: tuple[Macvlan, ...] = ()
    refused: tuple[Refused, ...] = ()
    ways: tuple[Way, ...] = ()
    pools: tuple[Pool, ...] = ()
    twins: tuple[Twin, ...] | None = None
    firewall: Firewall = Firewall.NFTABLES

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that are steered."""
        return (Family.IPV4,) if self.twins is None else (Family.IPV4, Family.IPV6)

    @property
    def made(self) -> tuple[DeviceName, ...]:
        """The devices that we make ourselves."""
        return tuple(one.device for one in self.macvlans)

    @property
    def entrances(self) -> tuple[DeviceName, ...]:
        """The devices by which packets come from a LAN: those to a virtual MAC come by its own."""
        return (*self.lan_devices, *self.made)

    def mtu(self, vid: Vid, next_hop: NextHop) -> int | None:
        """Return the largest packet that a VID's way has room for, None where its device knows.

        This gateway's own traffic has no VID of its own: the first way by the device is as good as the others there.
        """
        if not isinstance(next_hop, ViaLink):
            return None
        here = [way for way in self.ways if way.device == next_hop.device]
        known = {None, next_hop.gateway} if next_hop.gateway.version == 4 else {way.gateway for way in here}
        exact = [way for way in here if vid in way.vids and way.gateway in known]
        return next((way.mtu for way in exact or here), None)

    def serves(self, target: Target | None) -> bool:
        """Return whether the table has where to send packets of a target; of none, to the main table, it has."""
        return target is None or target in (self.pools if isinstance(target, Pool) else self.vids)

    def joined(self, other: "Layout") -> "Layout":
        """Return a layout that serves both: what a successor loads while its predecessor still works."""
        return replace(
            self,
            lan_devices=tuple(sorted({*self.lan_devices, *other.lan_devices})),
            link_devices=tuple(sorted({*self.link_devices, *other.link_devices})),
            vids=tuple(sorted({*self.vids, *other.vids})),
            peers=tuple(sorted({*self.peers, *other.peers})),
            macvlans=tuple(sorted({*self.macvlans, *other.macvlans})),
            refused=tuple(sorted({*self.refused, *other.refused}, key=str)),
            pools=tuple(sorted({*self.pools, *other.pools}, key=rank)),
        )
