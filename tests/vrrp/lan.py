"""A LAN of routers in virtual time: every advert arrives, in order, after a delay of chance's choosing."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from random import Random

from linkbalancer.clock import Duration, Instant, earliest
from linkbalancer.links import GroupState
from linkbalancer.vrrp.effects import (
    AnnounceAddresses,
    Changed,
    Effect,
    ExchangeAddresses,
    InstallAddresses,
    ReleaseAddresses,
    SendAdvert,
)
from linkbalancer.vrrp.events import Event, Heard, Tick
from linkbalancer.vrrp.router import Router


@dataclass
class Lan:
    """Routers by address, the events on their way to them, and who has the virtual IPs installed."""

    routers: dict[IPv4Address, Router]
    chance: Random
    delay_max: Duration
    now: Instant = 0
    parted: bool = False
    installed: set[IPv4Address] = field(default_factory=set)
    uncovered: list[Instant] = field(default_factory=list)
    queue: list[tuple[Instant, float, int, IPv4Address, Event]] = field(default_factory=list)
    last: dict[IPv4Address, Instant] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def post(self, at: Instant, address: IPv4Address, event: Event) -> None:
        """Let an event happen to a router; events of one instant come in any order."""
        heapq.heappush(self.queue, (at, self.chance.random(), next(self.numbers), address, event))

    def run(self, until: Instant) -> None:
        """Let time pass, `until` included."""
        while (at := self.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            address, event = self.take()
            self.perform(address, self.routers[address].handle(self.now, event))
        self.now = until

    def next_at(self) -> Instant | None:
        """Return when something happens next."""
        deadlines = [router.deadline() for router in self.routers.values()]
        return earliest(*deadlines, self.queue[0][0] if self.queue else None)

    def take(self) -> tuple[IPv4Address, Event]:
        """Return any one of the things that happen now."""
        due: list[tuple[IPv4Address, Event]] = [
            (address, Tick())
            for address, router in self.routers.items()
            if (at := router.deadline()) is not None and at <= self.now
        ]
        if self.queue and self.queue[0][0] <= self.now and self.chance.randint(0, len(due)) == 0:
            return heapq.heappop(self.queue)[3:]
        return self.chance.choice(due) if due else heapq.heappop(self.queue)[3:]

    def perform(self, sender: IPv4Address, effects: list[Effect]) -> None:
        """Do what a router wants done."""
        for effect in effects:
            match effect:
                case SendAdvert(priority):
                    interval = self.routers[sender].group.advert_interval
                    for other in self.routers.keys() - {sender} if not self.parted else ():
                        arrival = self.now + self.chance.randint(0, self.delay_max)
                        self.last[sender] = max(arrival, self.last.get(sender, 0) + 1)  # never out of order
                        self.post(self.last[sender], other, Heard(priority, interval, sender))
                case InstallAddresses():
                    self.installed.add(sender)
                case ReleaseAddresses():
                    self.installed.discard(sender)
                case AnnounceAddresses() | ExchangeAddresses() | Changed():
                    pass
        if not self.installed:
            self.uncovered.append(self.now)

    def masters(self) -> list[IPv4Address]:
        """Return who is Master now."""
        return [address for address, router in self.routers.items() if router.group_state is GroupState.MASTER]
