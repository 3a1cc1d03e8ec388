"""What is wanted of the kernel by what the engine has said so far, and what of it is not there."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from linkbalancer.drivers import addresses
from linkbalancer.drivers.kernel import Applicable
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.tables import PointIpv6, refusing, wrong
from linkbalancer.engine.effects import AddAddresses, RemoveAddresses, SetLost, SetMembers, SetNextHop
from linkbalancer.engine.status import hop_in_words
from linkbalancer.links import Address, DeviceName, Family, Interface, Mac, NextHop, Unreachable, Vid
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.plan import own_next_hop
from linkbalancer.routing.twins import NOTHING_LOST, Twin, half, own_twin

Usurped: TypeAlias = Callable[[DeviceName, tuple[addresses.Held, ...]], set[Address]]
"""Tells which of a device's addresses somebody has put in the place of ours."""


class Wanted:
    """The sum of the effects: next hops, virtual IPs and members; `twins` as in the layout."""

    def __init__(self, twins: tuple[Twin, ...] | None = None) -> None:
        """Want nothing."""
        self._twins, self._lost = twins, NOTHING_LOST
        self.members: dict[DeviceName, SetMembers] = {}
        self._hops: dict[tuple[Vid, bool], SetNextHop] = {}
        self._halves: dict[tuple[Vid, bool], NextHop] = {}
        self._adopted: set[tuple[Family, Vid, bool]] = set()
        self._refused: frozenset[Vid] = frozenset()
        self._resized: set[Applicable] = set()
        self._addresses: set[tuple[DeviceName, Interface]] = set()
        self._complete: dict[DeviceName, object] = {}

    def note(self, effect: Applicable | SetLost) -> bool:
        """Remember an effect that lasts; return whether it is another next hop than the one remembered."""
        match effect:
            case SetNextHop(vid, _, guard):
                old, self._hops[vid, guard] = self._hops.get((vid, guard)), effect
                return old != effect
            case PointIpv6(vid, next_hop, guard):
                known, self._halves[vid, guard] = self._halves.get((vid, guard)), next_hop
                return known != next_hop
            case AddAddresses(device, interfaces):
                self._complete.pop(device, None)
                self._addresses |= {(device, interface) for interface in interfaces}
            case RemoveAddresses(device, interfaces):
                self._complete.pop(device, None)
                self._addresses -= {(device, interface) for interface in interfaces}
            case SetMembers(device, _):
                self.members[device] = effect
            case SetLost(lost):
                self._lost = lost
            case _:
                pass
        return False

    def adopt(self, effect: SetNextHop) -> None:
        """Remember a next hop that a predecessor left; for how large packets it was laid out is not known.

        Nor is whether he steered IPv6.
        """
        self.note(effect)
        self._adopted |= {(family, effect.vid, effect.guard) for family in Family}
        for one in self._half(effect):
            self.note(one)

    def following(self, effect: SetNextHop | SetLost | None = None) -> Iterator[Applicable]:
        """Yield what must follow a next hop: its IPv6 half, and the way of what this gateway itself sends.

        What IPv6 has lost, or has again, all halves follow.

        All of it is remembered as wanted when it is yielded.
        """
        led = self._hops.values() if isinstance(effect, SetLost) else () if effect is None else (effect,)
        followers: list[SetNextHop | PointIpv6] = [half for one in led if one.vid != OWN for half in self._half(one)]
        followers.append(SetNextHop(OWN, own_next_hop(self.ways())))
        if self._twins is not None:
            followers.append(PointIpv6(OWN, own_twin(self.ways(), self._twins, self._lost)))
        yield from (one for one in followers if self.note(one))

    def halves(
        self, layout: Layout, netlink: NetlinkSocket, found: Mapping[Vid, NextHop], *, beside: bool = False
    ) -> Iterator[PointIpv6]:
        """Yield the IPv6 halves of next hops that are in the kernel, as far as they are not. Raises DriverError.

        What refuses `beside` a living predecessor is left so: he knows why. What is lost the engine says first of all.
        """
        if self._twins is not None:
            if beside:
                self._refused = refusing(netlink, layout, Family.IPV6)
            wanted = {(vid, False): half(vid, hop, self._twins, self._lost) for vid, hop in found.items()}
            for vid in self._refused & found.keys():
                self.note(PointIpv6(vid, Unreachable()))
            for (vid, guard), _resized in list(wrong(netlink, layout, Family.IPV6, wanted)):
                if vid not in self._refused:
                    yield PointIpv6(vid, wanted[vid, guard], guard)

    def _half(self, effect: SetNextHop) -> Iterator[PointIpv6]:
        if self._twins is not None:
            yield PointIpv6(effect.vid, half(effect.vid, effect.next_hop, self._twins, self._lost), effect.guard)

    def is_repair(self, effect: Applicable) -> bool:
        """Return whether something that was missing was right once: not so a route that another MTU was left with."""
        resized = effect in self._resized
        self._resized -= {effect}
        return not resized

    def macs(self) -> dict[DeviceName, frozenset[Mac]]:
        """Return the members of each device."""
        return {device: effect.macs for device, effect in self.members.items()}

    def ways(self) -> dict[Vid, NextHop]:
        """Return the next hop of each VID."""
        return {vid: effect.next_hop for (vid, guard), effect in self._hops.items() if vid != OWN and not guard}

    def missing(self, layout: Layout, netlink: NetlinkSocket, usurped: Usurped) -> list[Applicable]:
        """Return the next hops and virtual IPs that the kernel does not have, or not as ours. Raises DriverError."""
        return [*self._missing_hops(layout, netlink), *self._missing_addresses(netlink, usurped)]

    def _missing_hops(self, layout: Layout, netlink: NetlinkSocket) -> Iterator[Applicable]:
        hops = {key: effect.next_hop for key, effect in self._hops.items()}
        for key, resized in list(wrong(netlink, layout, Family.IPV4, hops)):
            yield self._missed(Family.IPV4, self._hops[key], first=resized)
        if self._twins is not None:
            for (vid, guard), _resized in list(wrong(netlink, layout, Family.IPV6, self._halves)):
                half = PointIpv6(vid, self._halves[vid, guard], guard)
                yield self._missed(Family.IPV6, half, first=True)
        self._adopted.clear()

    def _missed(self, family: Family, effect: SetNextHop | PointIpv6, *, first: bool) -> Applicable:
        """Return an effect that is to be done again; `first`: of one adopted, it was perhaps never done so."""
        if first and (family, effect.vid, effect.guard) in self._adopted:
            self._resized.add(effect)
        return effect

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
    return "route" if isinstance(effect, SetNextHop | PointIpv6) else "address"


def in_words(effect: Applicable) -> str:
    """Return an effect in words."""
    match effect:
        case SetNextHop(vid, next_hop, guard):
            return f"next hop of {_whose(vid, guard=guard)}: {hop_in_words(next_hop)}"
        case PointIpv6(vid, next_hop, guard):
            return f"IPv6 next hop of {_whose(vid, guard=guard)}: {hop_in_words(next_hop)}"
        case AddAddresses(device, interfaces):
            return f"virtual IPs {', '.join(map(str, interfaces))} on {device}"
        case RemoveAddresses(device, interfaces):
            return f"removal of {', '.join(map(str, interfaces))} from {device}"
        case SetMembers(device, _):
            return f"members on {device}"
        case _:
            return type(effect).__name__.lower()


def _whose(vid: Vid, *, guard: bool) -> str:
    return ("own traffic" if vid == OWN else f"VID {vid}") + (" (guard)" if guard else "")
