"""Master: forwarding for the virtual IPs and saying so, a case for every event (RFC 9568 6.4.3)."""

from dataclasses import replace
from typing import assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.links import Address
from linkbalancer.vrrp.effects import AnnounceAddresses, Effect, InstallAddresses, SendAdvert
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
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group
from linkbalancer.vrrp.member import Member, release
from linkbalancer.vrrp.states import Master
from linkbalancer.vrrp.timers import master_down_interval, proof_of_life

ANSWER_PAUSE: Duration = 10 * MILLISECOND
"""A rival Master is answered at most this often, however fast it advertises (VRRP fact sheet 5.3)."""


def in_master(self: Member, now: Instant, state: Master, event: Event) -> list[Effect]:
    """Take one event; return what must be done about it."""
    match event:
        case Heard(priority):
            return _meet_rival(self, now, state, event) if priority > 0 else _replace_leaver(self, now, state)
        case Tick():
            return _do_what_is_due(self, now, state)
        case SetPriority(priority):
            return self.advertise(now, state) if self.take_priority(priority) else []
        case SetPrimary(address):
            return self.move_primary(now, address)
        case Reconfigure(group):
            return _reconfigure(self, now, state, group)
        case Resign(priority):
            return _resign(self, now, state, priority)
        case Withdraw(reason, patience):
            return _withdraw(self, now, state, reason, patience)
        case Shutdown():
            return [SendAdvert(0), self.stop(now, state, self.group.advert_interval)]
        case Startup() | Resume() | Claim() | Promote() | Hasten():
            return []
        case _:
            assert_never(event)


# -------------------------------------------------------------------------------------------------- other Masters


def _replace_leaver(self: Member, now: Instant, state: Master) -> list[Effect]:
    """Tell the LAN at once that a Master is left when another resigns; soon, if somebody resigns all the time."""
    if state.quiet_until is not None and now < state.quiet_until:
        self.state = replace(state, advert_at=min(state.advert_at, state.quiet_until))
        return []
    self.state = replace(state, advert_at=now + self.group.advert_interval, quiet_until=now + ANSWER_PAUSE)
    return [SendAdvert(self.priority)]


def _meet_rival(self: Member, now: Instant, state: Master, rival: Heard) -> list[Effect]:
    """Give way to a better Master, and tell a worse one at once."""
    if _is_beaten_by(self, rival.priority, rival.source):
        return _lose(self, now, state, rival, f"{rival.source} advertises priority {rival.priority}")
    if state.doubtful and not (self.preempts and rival.priority < self.priority):
        # It took over while we stood still: as Backup we would accept it.
        return _step_down(self, now, state, rival, f"{rival.source} took over meanwhile")
    if self.owner and rival.priority == OWNER_PRIORITY:
        return _contest(self, now, state, rival)
    return _answer(self, now, state)


def _is_beaten_by(self: Member, priority: int, source: Address) -> bool:
    """Tell whether a rival Master wins: by priority, then by the higher address (as unsigned integers)."""
    tie_lost = priority == self.priority and self.primary is not None and int(source) > int(self.primary)
    return priority > self.priority or tie_lost


def _contest(self: Member, now: Instant, state: Master, rival: Heard) -> list[Effect]:
    """Two owners: one of two gateways is configured wrongly. Insist, being of the higher address, but not for ever.

    A rival that goes on after two adverts and 1.2 of the longer interval does not yield (it may know RFC 9568 without
    erratum 8298), and two Masters are worse than the wrong one: give way with 254 until it is gone.
    """
    own = self.group.advert_interval
    since, last = state.contested_since, state.contested_at
    if since is None or last is None or now > last + self.master_down_interval(rival.interval):
        since = now
    if now - since > 2 * own + max(own, rival.interval) * 6 // 5:
        self.priority = OWNER_PRIORITY - 1
        return _lose(self, now, state, rival, f"{rival.source} is an owner too, and does not yield")
    return _answer(self, now, replace(state, contested_since=since, contested_at=now))


def _answer(self: Member, now: Instant, state: Master) -> list[Effect]:
    """Tell a losing rival at once (RFC 9568 6.4.3; the advert timer stays), and the LAN, which heard it too.

    In version 2 as well, where RFC 3768 keeps silent: hosts that believe the rival must be told. Keepalived does so.
    """
    self.state = state
    if state.quiet_until is not None and now < state.quiet_until:
        return []
    self.state = replace(state, quiet_until=now + ANSWER_PAUSE)
    announcing: list[Effect] = [AnnounceAddresses()] if state.installed else []  # not while a claim waits
    return [SendAdvert(self.priority), *announcing]


# ------------------------------------------------------------------------------------------------------------ time


def _do_what_is_due(self: Member, now: Instant, state: Master) -> list[Effect]:
    """Advertise, install, announce: whatever has come due, in this order."""
    effects: list[Effect] = []
    interval = self.group.advert_interval
    if now >= state.advert_at:
        if _stood_still(self, now, state):
            resume_at = now + proof_of_life(interval)
            addresses_at = None if state.addresses_at is None else resume_at
            self.state = replace(state, advert_at=resume_at, addresses_at=addresses_at, doubtful=True)
            return []
        on_time = state.advert_at + interval
        effects += [SendAdvert(self.priority)]
        if state.doubtful and state.installed:
            effects += [AnnounceAddresses()]  # the hosts may have been told of another Master meanwhile
        advert_at = on_time if on_time > now else now + interval
        contest = (state.contested_since, state.contested_at)
        state = Master(
            advert_at, state.addresses_at, state.quiet_until, *contest
        )  # `replace` takes as long as all the rest
    if state.addresses_at is not None and now >= state.addresses_at:
        state = replace(state, addresses_at=None)
        effects += [InstallAddresses(), AnnounceAddresses()]
    self.state = state
    return effects


def _stood_still(self: Member, now: Instant, state: Master) -> bool:
    """Tell whether our last advert is so old that a rival of priority 254 would be Master by now; once in a row."""
    interval = self.group.advert_interval
    patience = master_down_interval(OWNER_PRIORITY - 1, interval, self.group.version)
    return not state.doubtful and now - (state.advert_at - interval) >= patience


# ---------------------------------------------------------------------------------------------------- giving it up


def _lose(self: Member, now: Instant, state: Master, winner: Heard, reason: str) -> list[Effect]:
    """Step down, with one last advert: it tells the winner that there was another Master.

    So it announces the addresses again: hosts may have been told of us last (VRRP fact sheet 11, Keepalived's
    `higher_prio_send_advert`).
    """
    last: list[Effect] = [SendAdvert(self.priority)] if state.installed else []
    return [*last, *_step_down(self, now, state, winner, reason)]


def _step_down(self: Member, now: Instant, state: Master, winner: Heard, reason: str) -> list[Effect]:
    """Leave the addresses to another Master, and wait for it at its own interval."""
    backup = self.backup(now, self.learned(winner.interval), following=True)
    return [*release(state), self.enter(backup, reason)]


def _reconfigure(self: Member, now: Instant, state: Master, group: Group) -> list[Effect]:
    """Advertise the new values at once, then move the addresses that are others now."""
    exchange = self.take_group(group)
    return [*self.advertise(now, state), *exchange]


def _resign(self: Member, now: Instant, state: Master, priority: int) -> list[Effect]:
    """Let another take over, and take over again ourselves, without a gap, if nobody does."""
    if self.owner:
        return []
    self.take_priority(priority)
    backup = self.backup(now, self.group.advert_interval, holding=state.installed)
    return [SendAdvert(0), self.enter(backup, "resigned")]


def _withdraw(self: Member, now: Instant, state: Master, reason: str, patience: Duration) -> list[Effect]:
    """Be Backup with the rest of the sync group, and keep answering until somebody else is heard."""
    backup = self.backup(now + patience, self.group.advert_interval, holding=state.installed)
    return [self.enter(backup, reason)]
