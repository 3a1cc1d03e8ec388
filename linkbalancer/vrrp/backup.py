"""Backup: waiting for the Master to fall silent, a case for every event (RFC 9568 6.4.2)."""

from dataclasses import replace
from typing import assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant, is_due
from linkbalancer.vrrp.effects import Effect, SendAdvert
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
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.member import Member, release
from linkbalancer.vrrp.states import Backup, Master
from linkbalancer.vrrp.timers import is_late, proof_of_life

LONGEST_CLAIM_WAIT: Duration = 10 * MILLISECOND
"""A claim waits a tenth of the interval for a counter-advert before it takes the addresses, but never longer."""
LONGEST_ECHO: Duration = 10 * MILLISECOND
"""An advert heard within this (and a tenth of its interval) after the timer was hastened may have been under way."""


def in_backup(self: Member, now: Instant, state: Backup, event: Event) -> list[Effect]:
    """Take one event; return what must be done about it."""
    match event:
        case Heard(priority):
            return _hear_master(self, now, state, event) if priority > 0 else _hear_leaver(self, now, state)
        case Tick() if is_due(now, state.deadline()):
            return _expire(self, now, state)
        case Claim():
            return _claim(self, now, state)
        case Promote(reason):
            return self.take_over(now, reason)
        case Hasten():
            return _hasten(self, now, state)
        case SetPriority() | Resign() | SetPrimary() | Reconfigure():
            return _be_changed(self, now, state, event)
        case Shutdown():
            return [self.stop(now, state, state.master_interval)]
        case Tick() | Startup() | Resume() | Withdraw():
            return []
        case _:
            assert_never(event)


def _be_changed(
    self: Member, now: Instant, state: Backup, event: SetPriority | Resign | SetPrimary | Reconfigure
) -> list[Effect]:
    match event:
        case SetPrimary(address):
            return self.move_primary(now, address)
        case Reconfigure(group):
            return _reconfigure(self, now, state, group)
        case SetPriority(priority) | Resign(priority):
            return _shift(self, state, priority)
        case _:
            assert_never(event)


# ------------------------------------------------------------------------------------------------------ what is heard


def _hear_leaver(self: Member, now: Instant, state: Backup) -> list[Effect]:
    """Wait for the skew alone: a Master says that it leaves. It teaches no interval, and is no matter of preemption."""
    if not state.ready:
        down_at = now + self.skew_time(state.master_interval)
        self.state = replace(state, master_down_at=down_at, following=False, hastened_from=None, hastened_at=None)
    return []


def _hear_master(self: Member, now: Instant, state: Backup, event: Heard) -> list[Effect]:
    """Accept a Master, or, being better and preempting, let the timer run out on it."""
    preempt_at = None
    if self.preempts and event.priority < self.priority:
        preempt_at = _preempt_at(self, now, state)
        if preempt_at is None or now >= preempt_at:
            down_at = state.master_down_at if state.hastened_from is None else state.hastened_from
            self.state = replace(
                state,
                master_down_at=down_at,
                holding=False,
                following=False,
                preempt_at=preempt_at,
                hastened_from=None,
                hastened_at=None,
            )
            return release(state)
    interval = self.learned(event.interval)
    down_at = now + self.master_down_interval(interval)
    accepted = Backup(down_at, interval, following=True, preempt_at=preempt_at, not_before=state.not_before)
    self.state = _haste_on(now, state, accepted)
    return release(state)


def _haste_on(now: Instant, state: Backup, accepted: Backup) -> Backup:
    """Stay in haste where the advert may have been sent before the one that told us to: wait for one more."""
    interval = accepted.master_interval
    if state.hastened_at is None or now >= state.hastened_at + min(interval // 10, LONGEST_ECHO):
        return accepted
    down_at, since = now + proof_of_life(interval), accepted.master_down_at
    return replace(accepted, master_down_at=down_at, hastened_from=since, hastened_at=state.hastened_at)


def _preempt_at(self: Member, now: Instant, state: Backup) -> Instant | None:
    """Return until when a worse Master is let be first: the delay counts from its first advert (fact sheet 5.5)."""
    if self.owner or self.group.preempt_delay == 0:
        return None
    return now + self.group.preempt_delay if state.preempt_at is None else state.preempt_at


def _hasten(self: Member, now: Instant, state: Backup) -> list[Effect]:
    """Wait for the skew alone, but not before a Master that lives would have been heard once more (ADR 0019)."""
    down_at = now + self.skew_time(state.master_interval)
    if self.heard is not None and self.heard.priority > 0:
        down_at = max(down_at, self.heard.at + proof_of_life(self.heard.interval))
    if not state.ready and down_at < state.master_down_at:
        since = state.master_down_at if state.hastened_from is None else state.hastened_from
        self.state = replace(state, master_down_at=down_at, hastened_from=since, hastened_at=now)
    return []


# ------------------------------------------------------------------------------------------------- becoming Master


def _expire(self: Member, now: Instant, state: Backup) -> list[Effect]:
    """Take over from a silent Master, unless this host stood still: then listen first, once, for what it missed."""
    if state.ready:  # nobody took over, but the sync group does not let us either
        self.state = replace(state, holding=False)
        return release(state)
    lateness = now - max(state.master_down_at, state.not_before)
    if is_late(lateness, state.master_interval) and not state.listened:
        interval = state.master_interval
        self.state = replace(state, master_down_at=now + interval + self.skew_time(interval), listened=True)
        return []
    if self.synchronised:
        self.state = replace(state, master_down_at=now, following=False, ready=True)
        return []
    return self.take_over(now, self.heard.absence(self.priority) if self.heard else "no Master was heard")


def _claim(self: Member, now: Instant, state: Backup) -> list[Effect]:
    """Become Master at once, but give a better rival the time to object before the addresses move.

    Who holds the addresses already, or has just heard the last Master resign, has nobody to wait for.
    """
    if now < state.not_before:
        return []
    if self.synchronised:
        self.state = state if state.ready else replace(state, master_down_at=now, following=False, ready=True)
        return []
    resigned = self.heard is not None and self.heard.priority == 0
    if state.holding or resigned:
        return self.take_over(now, "claimed")
    interval = self.group.advert_interval
    wait = min(interval // 10, LONGEST_CLAIM_WAIT)
    self.heard = None
    return [SendAdvert(self.priority), self.enter(Master(now + interval, addresses_at=now + wait), "claimed")]


# ------------------------------------------------------------------------------------------------- what is changed


def _shift(self: Member, state: Backup, priority: int) -> list[Effect]:
    """Take a new priority and move the running timer by the difference of the skews."""
    before = self.skew_time(state.master_interval)
    self.take_priority(priority)
    _move_timer(self, state, self.skew_time(state.master_interval) - before)
    return []


def _reconfigure(self: Member, now: Instant, state: Backup, group: Group) -> list[Effect]:
    """Go on with the new values: the running timer moves by the difference of the master-down intervals."""
    before, was_owner, delay = self.master_down_interval(state.master_interval), self.owner, self.group.preempt_delay
    effects = self.take_group(group)
    interval = state.master_interval if state.following and group.version == 3 else group.advert_interval
    preempt_at = None if state.preempt_at is None else state.preempt_at + group.preempt_delay - delay
    state = replace(state, master_interval=interval, preempt_at=preempt_at)
    _move_timer(self, state, self.master_down_interval(interval) - before)
    if self.owner and not was_owner and now >= state.not_before and not self.synchronised:
        return [*effects, *self.take_over(now, "owner of the addresses")]
    return effects


def _move_timer(self: Member, state: Backup, by: Duration) -> None:
    hastened = None if state.hastened_from is None else state.hastened_from + by
    self.state = replace(state, master_down_at=state.master_down_at + by, hastened_from=hastened)
