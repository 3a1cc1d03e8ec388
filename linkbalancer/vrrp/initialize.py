"""Initialize: what a router does that does not run, a case for every event (RFC 9568 6.4.1)."""

from typing import assert_never

from linkbalancer.clock import Instant
from linkbalancer.vrrp.effects import AnnounceAddresses, Effect, InstallAddresses
from linkbalancer.vrrp.events import (
    Claim,
    Event,
    Hasten,
    Heard,
    Promote,
    Reconfigure,
    Resign,
    Resume,
    SetPrimary,
    SetPriority,
    Shutdown,
    Startup,
    Tick,
    Withdraw,
)
from linkbalancer.vrrp.group import OWNER_PRIORITY
from linkbalancer.vrrp.member import Member, release
from linkbalancer.vrrp.states import Backup, Initialize, Master


def in_initialize(self: Member, now: Instant, state: Initialize, event: Event) -> list[Effect]:
    """Take one event; return what must be done about it."""
    match event:
        case Startup():
            return _start(self, now, state, event)
        case Resume(priority, advert_at):
            return _resume(self, priority, advert_at)
        case Heard(priority=priority) if priority > 0:
            return _end_hold(self, state)
        case Tick() if state.holding_until is not None and now >= state.holding_until:
            return _end_hold(self, state)
        case SetPrimary(address):
            self.primary = address
            return _end_hold(self, state) if address is None else []
        case Reconfigure(group):
            return self.take_group(group)
        case Heard() | Tick() | Shutdown() | Resign() | SetPriority() | Claim() | Promote() | Withdraw() | Hasten():
            return []
        case _:
            assert_never(event)


def _start(self: Member, now: Instant, state: Initialize, event: Startup) -> list[Effect]:
    """Begin as Backup, an owner as Master, as soon as the start-up delay and its sync group let it."""
    if obstacle := self.group.obstacle(event.priority, self.primary):
        return [self.enter(state, f"refused: {obstacle}")]
    self.priority, self.owner = event.priority, event.priority == OWNER_PRIORITY
    holding = event.found or state.installed
    begin, interval = max(now, event.not_before), self.group.advert_interval
    if not self.owner:
        down_at = begin + self.master_down_interval(interval)
        return [self.enter(Backup(down_at, interval, holding, not_before=event.not_before), "startup")]
    if now < event.not_before or self.synchronised:
        waiting = Backup(begin, interval, holding, not_before=event.not_before, ready=now >= event.not_before)
        return [self.enter(waiting, "startup")]
    return self.take_over(now, "owner of the addresses")


def _resume(self: Member, priority: int, advert_at: Instant) -> list[Effect]:
    """Go on as Master; the others never noticed that we were gone, so no advert is due before its time."""
    if obstacle := self.group.obstacle(priority, self.primary):
        return [self.enter(self.state, f"refused: {obstacle}")]
    self.owner = OWNER_PRIORITY in {priority, self.group.priority}
    self.priority = OWNER_PRIORITY if self.owner else priority
    self.heard = None
    return [InstallAddresses(), AnnounceAddresses(), self.enter(Master(advert_at), "resumed")]


def _end_hold(self: Member, state: Initialize) -> list[Effect]:
    """Keep the addresses no longer."""
    self.state = Initialize()
    return release(state)
