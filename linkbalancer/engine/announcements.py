"""Announcements: when a Master tells its LAN where the virtual IPs are (VRRP fact sheet 7, ADR 0020).

A machine beside the routers: a router only says that its addresses are to be announced, and when it stops being Master
what is still planned for them is dropped. Each address is announced `times` at once, as often again `again_after`
later, and every `refresh` from then on, because a host that was out of hearing at the right moment has no other way to
learn it. What is asked for twice is merged; a token bucket per port keeps a gateway with many addresses from flooding
its switch; and when there is more to say than it lets through, first announcements go before repeated ones, and those
before refreshes, each in the order in which they came.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest
from linkbalancer.engine.effects import Announce
from linkbalancer.links import Address, DeviceName, Interface, Mac
from linkbalancer.vrrp.group import Announcing, Group

MERGE: Duration = 100 * MILLISECOND
"""An address that is to be announced again sooner than this after it was is announced when this has passed."""

FIRST, REPEATED, REFRESHING = range(3)

SLACK = 64
"""Overtaken entries of a queue that are let stand: it is swept when it is so much longer than what is planned."""

Key = tuple[DeviceName, Address]


@dataclass(slots=True)
class _Plan:
    """What is planned for one address; `token` names the one entry of its port's queues that counts."""

    mac: Mac | None
    announcing: Announcing
    left: int = 0
    again_at: Instant | None = None
    refresh_at: Instant | None = None
    said_at: Instant | None = None
    queued: bool = False
    token: int = 0


@dataclass(slots=True)
class _Bucket:
    """A token bucket in integers: `full_at` is when it is full again (virtual scheduling, as in ATM's GCRA)."""

    gap: Duration
    burst: int
    full_at: Instant = 0

    def free_at(self) -> Instant:
        """Return when the next token is there."""
        return self.full_at - (self.burst - 1) * self.gap

    def take(self, now: Instant) -> None:
        """Take one."""
        self.full_at = max(self.full_at, now) + self.gap


@dataclass(slots=True)
class _Port:
    """One device's plans and queues: `waiting` by instant, `ready` by rank and then by order."""

    bucket: _Bucket
    plans: dict[Key, _Plan] = field(default_factory=dict)
    waiting: list[tuple[Instant, int, int, Key]] = field(default_factory=list)
    ready: list[tuple[int, int, Key]] = field(default_factory=list)

    def deadline(self) -> Instant | None:
        """Return when something may be sent."""
        due = self.waiting[0][0] if self.waiting else None
        return earliest(self.bucket.free_at(), due) if self.ready else due


class Announcements:
    """The announcements of one gateway; `rate`: so many a second on each port, and so many at once."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._ports: dict[DeviceName, _Port] = {}
        self._tokens = count(1)

    def deadline(self) -> Instant | None:
        """Return when `send` has something to do."""
        first: Instant | None = None
        for port in self._ports.values():
            first = earliest(first, port.deadline())
        return first

    def planned(self) -> int:
        """Return how many entries the queues hold, those that were overtaken included."""
        return sum(len(port.waiting) + len(port.ready) for port in self._ports.values())

    def want(self, now: Instant, group: Group) -> None:
        """Have all addresses of a Master announced, now and later."""
        for device, addresses in group.places().items():
            self.want_some(now, group, device, addresses)

    def want_some(self, now: Instant, group: Group, device: DeviceName, addresses: Iterable[Interface]) -> None:
        """Have addresses of a Master announced that stand on one device."""
        port = self._port(group, device)
        for interface in addresses:
            key = (device, interface.ip)
            plan = port.plans.setdefault(key, _Plan(_mac(group, device), group.announcing))
            plan.mac, plan.announcing = _mac(group, device), group.announcing
            plan.left = group.announcing.times
            plan.again_at = now + group.announcing.again_after if group.announcing.again_after else None
            plan.refresh_at = now + group.announcing.refresh if group.announcing.refresh else None
            if plan.queued:
                continue  # merged: it keeps its place in the queue
            if plan.said_at is None:
                self._queue(port, key, FIRST)
            else:
                self._wait(port, key, max(now, plan.said_at + MERGE), REPEATED)

    def adopt(self, now: Instant, group: Group) -> None:
        """Go on for a Master whose addresses a predecessor announced: one more round a little later, and refreshes."""
        for device, addresses in group.places().items():
            port = self._port(group, device)
            for interface in addresses:
                key, announcing = (device, interface.ip), group.announcing
                if key not in port.plans:
                    plan = port.plans[key] = _Plan(_mac(group, device), announcing, said_at=now)
                    plan.again_at = now + announcing.again_after if announcing.again_after else None
                    plan.refresh_at = now + announcing.refresh if announcing.refresh else None
                    self._next_round(now, port, key)

    def cancel(self, group: Group) -> None:
        """Drop what is planned for a group: it is Master no longer."""
        for device, addresses in group.places().items():
            self.cancel_some(group, device, addresses)

    def cancel_some(self, group: Group, device: DeviceName, addresses: Iterable[Interface]) -> None:
        """Drop what is planned for addresses that go."""
        port = self._port(group, device)
        for interface in addresses:
            port.plans.pop((device, interface.ip), None)

    def send(self, now: Instant) -> list[Announce]:
        """Return what is to be announced now."""
        said: dict[tuple[DeviceName, Mac | None, bool], list[Address]] = {}
        for port in self._ports.values():
            self._wake(now, port)
            while port.ready and port.bucket.free_at() <= now:
                rank, token, key = heapq.heappop(port.ready)
                plan = port.plans.get(key)
                if plan is not None and plan.token == token:
                    port.bucket.take(now)
                    said.setdefault((key[0], plan.mac, plan.said_at is not None), []).append(key[1])
                    self._go_on(now, port, key, rank)
        return [Announce(device, tuple(addresses), mac, again) for (device, mac, again), addresses in said.items()]

    # ---------------------------------------------------------------------------------------------------------- queues

    def _port(self, group: Group, device: DeviceName) -> _Port:
        """Return the port that a device is a part of: a virtual MAC's device sends through the group's."""
        name = group.device if device == group.address_device else device
        if name not in self._ports:
            self._ports[name] = _Port(_Bucket(SECOND // self._rate, self._rate))
        return self._ports[name]

    def _queue(self, port: _Port, key: Key, rank: int) -> None:
        plan = port.plans[key]
        plan.queued, plan.token = True, next(self._tokens)
        heapq.heappush(port.ready, (rank, plan.token, key))

    def _wait(self, port: _Port, key: Key, at: Instant, rank: int) -> None:
        plan = port.plans[key]
        plan.token = next(self._tokens)
        heapq.heappush(port.waiting, (at, plan.token, rank, key))
        if len(port.waiting) > 2 * len(port.plans) + SLACK:
            port.waiting = [one for one in port.waiting if one[3] in port.plans and port.plans[one[3]].token == one[1]]
            heapq.heapify(port.waiting)

    def _wake(self, now: Instant, port: _Port) -> None:
        """Move to the queue whatever has come due, and drop what was cancelled or overtaken."""
        while port.waiting and port.waiting[0][0] <= now:
            _at, token, rank, key = heapq.heappop(port.waiting)
            plan = port.plans.get(key)
            if plan is not None and plan.token == token:
                self._queue(port, key, rank)

    def _go_on(self, now: Instant, port: _Port, key: Key, rank: int) -> None:
        """Plan what follows an announcement: the rest of its round, or the next round."""
        plan = port.plans[key]
        plan.said_at, plan.queued, plan.left = now, False, plan.left - 1
        if plan.left > 0:
            self._queue(port, key, max(rank, REPEATED))
        else:
            self._next_round(now, port, key)

    def _next_round(self, now: Instant, port: _Port, key: Key) -> None:
        plan = port.plans[key]
        if plan.again_at is not None:
            at, plan.again_at, plan.left = max(now, plan.again_at), None, plan.announcing.times
            self._wait(port, key, at, REPEATED)
        elif plan.refresh_at is not None:
            at = plan.refresh_at if plan.refresh_at > now else now + plan.announcing.refresh
            plan.left, plan.refresh_at = 1, at + plan.announcing.refresh
            self._wait(port, key, at, REFRESHING)


def _mac(group: Group, device: DeviceName) -> Mac | None:
    return group.mac if device == group.address_device else None
