"""Gateways with a leg in each of two LANs and a sync group over both, in virtual time: routers and orders, no more.

What `engine.conduct` does with a gateway's routers is done here with bare ones, so that thousands of stories a second
can be tried.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from itertools import count
from random import Random

from linkbalancer.clock import MILLISECOND, Duration, Instant, earliest
from linkbalancer.engine.synchrony import SyncGroup, standing
from linkbalancer.links import Address, GroupId
from linkbalancer.vrrp.effects import AnnounceAddresses, Changed, Effect, InstallAddresses, ReleaseAddresses, SendAdvert
from linkbalancer.vrrp.events import Event, Heard, Shutdown, Startup, Tick
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Initialize, Master

LEFT, RIGHT = GroupId(1), GroupId(2)
LANS = (LEFT, RIGHT)
INTERVAL: Duration = 100 * MILLISECOND


def group_on(lan: GroupId, priority: int, *, interval: Duration = INTERVAL, preempt: bool = True) -> Group:
    """Return the VRRP group of one LAN."""
    address = IPv4Interface(f"192.0.{lan.vid}.251/24")
    return Group(
        vid=lan.vid,
        device=f"eth{lan.vid}",
        virtual_ips=(address,),
        priority=priority,
        advert_interval=interval,
        preempt=preempt,
    )


@dataclass
class Gateway:
    """One gateway: its routers by LAN, its sync group (None: each for itself), and which of its legs work."""

    name: str
    routers: dict[GroupId, Router]
    sync: SyncGroup | None
    carrier: dict[GroupId, bool] = field(default_factory=lambda: dict.fromkeys(LANS, True))
    heard: dict[GroupId, bool] = field(default_factory=lambda: dict.fromkeys(LANS, True))
    installed: set[GroupId] = field(default_factory=set)
    announced: set[GroupId] = field(default_factory=set)
    running: bool = True

    def masters(self) -> set[GroupId]:
        """Return where it is Master."""
        return {lan for lan, router in self.routers.items() if isinstance(router.state, Master)}


def gateway(name: str, last: dict[GroupId, int], groups: dict[GroupId, Group], *, synchronised: bool = True) -> Gateway:
    """Return a gateway; `last` is the last byte of its address on each LAN."""
    routers = {
        lan: Router(group, IPv4Address(f"192.0.{lan.vid}.{last[lan]}"), synchronised=synchronised)
        for lan, group in groups.items()
    }
    return Gateway(name, routers, SyncGroup("edge", tuple(sorted(groups))) if synchronised else None)


@dataclass
class World:
    """Two LANs and the gateways on them; adverts take up to `delay_max`, in order of sending per sender and receiver.

    Attributes:
        adverts: every advert sent, as (instant, gateway, LAN, priority).
        changes: every change of a state, as (instant, gateway, LAN, new state).
    """

    gateways: list[Gateway]
    chance: Random
    delay_max: Duration = MILLISECOND
    now: Instant = 0
    queue: list[tuple[Instant, int, Gateway, GroupId, Event]] = field(default_factory=list)
    adverts: list[tuple[Instant, str, GroupId, int]] = field(default_factory=list)
    changes: list[tuple[Instant, str, GroupId, str]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _arrivals: dict[tuple[str, str, GroupId], Instant] = field(default_factory=dict)

    def start(self, one: Gateway) -> None:
        """Let a gateway's stances be what its legs allow, as an agent's conclusions do."""
        out = not one.running or (one.sync is not None and not all(one.carrier[lan] for lan in one.routers))
        for lan, router in sorted(one.routers.items()):
            stopped = isinstance(router.state, Initialize)
            if out or not one.carrier[lan]:
                if not stopped:
                    self.tell(one, lan, Shutdown())
            elif stopped:
                self.tell(one, lan, Startup(router.group.priority, found=lan in one.installed))

    def tell(self, one: Gateway, lan: GroupId, event: Event, *, alone: bool = False) -> None:
        """Hand a router an event, do what it wants, and tell the rest of its sync group what follows."""
        router = one.routers[lan]
        before = standing(router)
        effects = router.handle(self.now, event)
        for effect in effects:
            self.perform(one, lan, effect)
        if one.sync is None or alone:
            return
        for other, order in one.sync.orders(lan, before, event, effects, one.routers):
            if isinstance(order, AnnounceAddresses):
                self.perform(one, other, order)
            else:
                self.tell(one, other, order, alone=True)

    def perform(self, one: Gateway, lan: GroupId, effect: Effect) -> None:
        """Do what a router wants."""
        match effect:
            case SendAdvert(priority):
                self.adverts.append((self.now, one.name, lan, priority))
                source = one.routers[lan].primary
                assert source is not None
                self._send(one, lan, Heard(priority, one.routers[lan].group.advert_interval, source))
            case InstallAddresses():
                one.installed.add(lan)
            case ReleaseAddresses():
                one.installed.discard(lan)
                one.announced.discard(lan)
            case AnnounceAddresses():
                assert lan in one.installed
                one.announced.add(lan)
            case Changed(_, new):
                self.changes.append((self.now, one.name, lan, new))
            case _:
                raise AssertionError(effect)

    def _send(self, sender: Gateway, lan: GroupId, heard: Heard) -> None:
        if not (sender.carrier[lan] and sender.heard[lan]):
            return
        for other in self.gateways:
            if other is not sender and lan in other.routers:
                link = (sender.name, other.name, lan)
                at = max(self.now + self.chance.randint(0, self.delay_max), self._arrivals.get(link, 0) + 1)
                self._arrivals[link] = at
                heapq.heappush(self.queue, (at, next(self._numbers), other, lan, heard))

    def run(self, duration: Duration) -> None:
        """Let time pass."""
        until = self.now + duration
        while (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            if self.queue and self.queue[0][0] <= self.now:
                _at, _number, one, lan, event = heapq.heappop(self.queue)
                if one.carrier[lan] and one.heard[lan]:
                    self.tell(one, lan, event)
                continue
            for one, lan in self._due():
                self.tell(one, lan, Tick())
        self.now = until

    def _due(self) -> list[tuple[Gateway, GroupId]]:
        due = [
            (one, lan)
            for one in self.gateways
            for lan, router in one.routers.items()
            if (at := router.deadline()) is not None and at <= self.now
        ]
        self.chance.shuffle(due)
        return due

    def _next(self) -> Instant | None:
        deadlines = [router.deadline() for one in self.gateways for router in one.routers.values()]
        return earliest(*deadlines, self.queue[0][0] if self.queue else None)

    def masters(self) -> dict[GroupId, list[str]]:
        """Return who is Master of each LAN."""
        return {lan: [one.name for one in self.gateways if lan in one.masters()] for lan in LANS}


def address_of(one: Gateway, lan: GroupId) -> Address:
    """Return a gateway's address on a LAN."""
    address = one.routers[lan].primary
    assert address is not None
    return address


SETTLING = 40 * INTERVAL
"""Longer than any take-over, fall in step and second try."""


def two(
    first: tuple[int, int] = (200, 200),
    second: tuple[int, int] = (100, 100),
    *,
    last: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (2, 2)),
    preempt: bool = True,
    seed: int = 1,
) -> World:
    """Return two gateways, a and b, each with a priority and the last byte of an address on each LAN, not started."""
    gateways = [
        gateway(
            name,
            dict(zip(LANS, bytes_, strict=True)),
            {lan: group_on(lan, priority, preempt=preempt) for lan, priority in zip(LANS, priorities, strict=True)},
        )
        for name, priorities, bytes_ in (("a", first, last[0]), ("b", second, last[1]))
    ]
    return World(gateways, Random(seed))


def settled(world: World) -> World:
    """Start every gateway, and let the LANs come to rest."""
    for one in world.gateways:
        world.start(one)
    world.run(SETTLING)
    return world


def rise(world: World, name: str, since: Instant) -> dict[GroupId, Instant]:
    """Return when a gateway became Master of each LAN after an instant, first times."""
    found: dict[GroupId, Instant] = {}
    for at, who, lan, new in world.changes:
        if who == name and new == "master" and at >= since:
            found.setdefault(lan, at)
    return found


def only(name: str) -> dict[GroupId, list[str]]:
    """Return what `masters` says when one gateway is Master of both LANs."""
    return {lan: [name] for lan in LANS}


def cut(world: World, one: Gateway, lan: GroupId, *, carrier: bool) -> None:
    """Take a leg's carrier away, or give it back."""
    one.carrier[lan] = carrier
    world.start(one)
