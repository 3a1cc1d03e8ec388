"""The VRRP router machine: one gateway's part in one group (RFC 9568 6.4), Master named Master.

Beyond the RFC's table it can *hold* its addresses through an orderly handover (`states`), *claim* a mastership
without waiting for the master-down timer, *resign* one while staying in the group, and *resume* one after a restart.
Every state is a function of its own, with a case for every event.
"""

from dataclasses import replace
from typing import assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant, earliest
from linkbalancer.links import Address, GroupState
from linkbalancer.vrrp.effects import AnnounceAddresses, Changed, Effect, InstallAddresses, ReleaseAddresses, SendAdvert
from linkbalancer.vrrp.events import (
    Claim,
    Event,
    Heard,
    Resign,
    Resume,
    SetPrimary,
    SetPriority,
    Shutdown,
    Startup,
    Tick,
)
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.states import Backup, Initialize, Master, State
from linkbalancer.vrrp.timers import longest_handover, master_down_interval, skew_time

OWNER_PRIORITY = 255
ANSWER_PAUSE: Duration = 10 * MILLISECOND
"""A rival Master is answered at most this often, however fast it advertises (VRRP fact sheet 5.3)."""
LONGEST_CLAIM_WAIT: Duration = 10 * MILLISECOND
"""A claim waits a tenth of the interval for a counter-advert before it takes the addresses, but never longer."""


class Router:
    """A machine for one group on one device.

    Attributes:
        group: The configuration.
        state: The present state, with its deadlines.
        priority: The effective priority; the group's own until the first start.
        primary: The source address of our adverts, None while the device has none.
        heard: The last foreign advert, priority 0 and discarded ones included; None once it is too old to mean that a
            Master lives, and when this router becomes Master.
    """

    def __init__(self, group: Group, primary: Address | None) -> None:
        self.group = group
        self.state: State = Initialize()
        self.priority = group.priority
        self.primary = primary
        self.heard: LastHeard | None = None

    @property
    def group_state(self) -> GroupState:
        """The state as LVrrp states it."""
        return self.state.group_state

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`, None to wait for other events alone."""
        return earliest(self.state.deadline(), self.heard.gone_at() if self.heard else None)

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what must be done about it, in order."""
        if isinstance(event, Heard):
            if event.source == self.primary:
                return []  # our own advert, looped back: answering it would make a storm (VRRP fact sheet 5.3)
            self.heard = LastHeard(event.priority, event.source, event.interval, now)
        match self.state:
            case Initialize() as state:
                effects = self._in_initialize(now, state, event)
            case Backup() as state:
                effects = self._in_backup(now, state, event)
            case Master() as state:
                effects = self._in_master(now, state, event)
            case _:
                assert_never(self.state)
        if isinstance(event, Tick) and self.heard and now >= self.heard.gone_at():
            self.heard = None
        return effects

    # ------------------------------------------------------------------------------------ the table: one case a row

    def _in_initialize(self, now: Instant, state: Initialize, event: Event) -> list[Effect]:
        """RFC 9568 6.4.1."""
        match event:
            case Startup(priority, found):
                return self._start(now, priority, holding=found or state.installed)
            case Resume(priority, advert_at):
                return self._resume(priority, advert_at)
            case Heard(priority=priority) if priority > 0:
                return self._end_hold(state)
            case Tick() if state.holding_until is not None and now >= state.holding_until:
                return self._end_hold(state)
            case SetPrimary(address):
                self.primary = address
                return self._end_hold(state) if address is None else []
            case Heard() | Tick() | Shutdown() | Resign() | SetPriority() | Claim():
                return []
            case _:
                assert_never(event)

    def _in_backup(self, now: Instant, state: Backup, event: Event) -> list[Effect]:
        """RFC 9568 6.4.2."""
        match event:
            case Heard(priority=0):
                self.state = replace(state, master_down_at=now + skew_time(self.priority, state.master_interval))
                return []
            case Heard(priority, interval):
                return self._hear_master(now, state, priority, interval)
            case Tick() if now >= state.master_down_at:
                return self._take_over(now, self.heard.absence(self.priority) if self.heard else "no Master was heard")
            case Claim():
                return self._claim(now, state)
            case SetPriority(priority) | Resign(priority):
                self._shift(state, priority)
                return []
            case SetPrimary(address):
                return self._move_primary(now, address)
            case Shutdown():
                return [self._stop(now, state, state.master_interval)]
            case Tick() | Startup() | Resume():
                return []
            case _:
                assert_never(event)

    def _in_master(self, now: Instant, state: Master, event: Event) -> list[Effect]:
        """RFC 9568 6.4.3."""
        match event:
            case Heard(priority=0):
                return self._replace_leaver(now, state)
            case Heard(priority, interval, source) if self._is_beaten_by(priority, source):
                return self._step_down(now, state, interval, f"{source} advertises priority {priority}")
            case Heard():
                return self._answer(now, state)
            case Tick():
                return self._do_what_is_due(now, state)
            case SetPriority(priority):
                return self._advertise(now, state) if self._take_priority(priority) else []
            case SetPrimary(address):
                return self._move_primary(now, address)
            case Resign(priority):
                return self._resign(now, state, priority)
            case Shutdown():
                return [SendAdvert(0), self._stop(now, state, self.group.advert_interval)]
            case Startup() | Resume() | Claim():
                return []
            case _:
                assert_never(event)

    # ------------------------------------------------------------------------------------------------ from Initialize

    def _start(self, now: Instant, priority: int, *, holding: bool) -> list[Effect]:
        """Begin as Backup, an owner as Master."""
        if obstacle := self.group.obstacle(priority, self.primary):
            return [self._enter(self.state, f"refused: {obstacle}")]
        self.priority = priority
        if priority == OWNER_PRIORITY:
            return self._take_over(now, "owner of the addresses")
        return [self._enter(self._backup(now, self.group.advert_interval, holding=holding), "startup")]

    def _resume(self, priority: int, advert_at: Instant) -> list[Effect]:
        """Go on as Master; the others never noticed that we were gone, so no advert is due before its time."""
        if obstacle := self.group.obstacle(priority, self.primary):
            return [self._enter(self.state, f"refused: {obstacle}")]
        self.priority = priority
        self.heard = None
        return [InstallAddresses(), AnnounceAddresses(), self._enter(Master(advert_at), "resumed")]

    def _end_hold(self, state: Initialize) -> list[Effect]:
        """Keep the addresses no longer."""
        self.state = Initialize()
        return _release(state)

    # ---------------------------------------------------------------------------------------------------- from Backup

    def _hear_master(self, now: Instant, state: Backup, priority: int, interval: Duration) -> list[Effect]:
        """Accept a Master, or, being better and preempting, let the timer run out on it."""
        preempts = self.group.preempt or self.priority == OWNER_PRIORITY  # an owner heeds no preempt mode
        if preempts and priority < self.priority:
            self.state = replace(state, holding=False)
        else:
            self.state = self._backup(now, interval)
        return _release(state)

    def _claim(self, now: Instant, state: Backup) -> list[Effect]:
        """Become Master at once, but give a better rival the time to object before the addresses move.

        Who holds the addresses already, or has just heard the last Master resign, has nobody to wait for.
        """
        resigned = self.heard is not None and self.heard.priority == 0
        if state.holding or resigned:
            return self._take_over(now, "claimed")
        interval = self.group.advert_interval
        wait = min(interval // 10, LONGEST_CLAIM_WAIT)
        self.heard = None
        return [SendAdvert(self.priority), self._enter(Master(now + interval, addresses_at=now + wait), "claimed")]

    def _shift(self, state: Backup, priority: int) -> None:
        """Take a new priority and move the running timer by the difference of the skews."""
        before = skew_time(self.priority, state.master_interval)
        self._take_priority(priority)
        after = skew_time(self.priority, state.master_interval)
        self.state = replace(state, master_down_at=state.master_down_at + after - before)

    # ---------------------------------------------------------------------------------------------------- from Master

    def _is_beaten_by(self, priority: int, source: Address) -> bool:
        """Tell whether a rival Master wins: by priority, then by the higher address (as unsigned integers)."""
        tie_lost = priority == self.priority and self.primary is not None and int(source) > int(self.primary)
        return priority > self.priority or tie_lost

    def _advertise(self, now: Instant, state: Master) -> list[Effect]:
        """Send an advert out of turn and count the interval from it."""
        self.state = replace(state, advert_at=now + self.group.advert_interval)
        return [SendAdvert(self.priority)]

    def _replace_leaver(self, now: Instant, state: Master) -> list[Effect]:
        """Tell the LAN at once that a Master is left when another resigns; soon, if somebody resigns all the time."""
        if state.quiet_until is not None and now < state.quiet_until:
            self.state = replace(state, advert_at=min(state.advert_at, state.quiet_until))
            return []
        self.state = replace(state, advert_at=now + self.group.advert_interval, quiet_until=now + ANSWER_PAUSE)
        return [SendAdvert(self.priority)]

    def _answer(self, now: Instant, state: Master) -> list[Effect]:
        """Tell a losing rival at once (RFC 9568 6.4.3; the advert timer stays), and the LAN, which heard it too."""
        if state.quiet_until is not None and now < state.quiet_until:
            return []
        self.state = replace(state, quiet_until=now + ANSWER_PAUSE)
        if not state.installed:  # a claim still waits: nothing to announce yet
            return [SendAdvert(self.priority)]
        self.state = replace(self.state, announce_at=now + self.group.advert_interval)
        return [SendAdvert(self.priority), AnnounceAddresses()]

    def _do_what_is_due(self, now: Instant, state: Master) -> list[Effect]:
        """Advertise, install, announce: whatever has come due, in this order."""
        effects: list[Effect] = []
        interval = self.group.advert_interval
        if now >= state.advert_at:
            on_time = state.advert_at + interval
            state = replace(state, advert_at=on_time if on_time > now else now + interval)
            effects += [SendAdvert(self.priority)]
        if state.addresses_at is not None and now >= state.addresses_at:
            state = replace(state, addresses_at=None, announce_at=now + interval)
            effects += [InstallAddresses(), AnnounceAddresses()]
        if state.announce_at is not None and now >= state.announce_at:
            state = replace(state, announce_at=None)
            effects += [AnnounceAddresses()]
        self.state = state
        return effects

    def _step_down(self, now: Instant, state: Master, interval: Duration, reason: str) -> list[Effect]:
        """Leave the addresses to a better Master, and wait for it at its own interval."""
        return [*_release(state), self._enter(self._backup(now, interval), reason)]

    def _resign(self, now: Instant, state: Master, priority: int) -> list[Effect]:
        """Let another take over, and take over again ourselves, without a gap, if nobody does."""
        if self.priority == OWNER_PRIORITY:
            return []
        self._take_priority(priority)
        backup = self._backup(now, self.group.advert_interval, holding=state.installed)
        return [SendAdvert(0), self._enter(backup, "resigned")]

    # -------------------------------------------------------------------------------------------------- from several

    def _backup(self, now: Instant, interval: Duration, *, holding: bool = False) -> Backup:
        """Make a Backup that has all its time before it."""
        return Backup(now + master_down_interval(self.priority, interval), interval, holding)

    def _take_over(self, now: Instant, reason: str) -> list[Effect]:
        """Become Master: the advert first, then the addresses, then the LAN is told, and again an interval later."""
        self.heard = None
        at = now + self.group.advert_interval
        changed = self._enter(Master(advert_at=at, announce_at=at), reason)
        return [SendAdvert(self.priority), InstallAddresses(), AnnounceAddresses(), changed]

    def _move_primary(self, now: Instant, address: Address | None) -> list[Effect]:
        """Advertise from another address, or, without any, stop at once: nobody can be told."""
        moved, self.primary = address != self.primary, address
        state = self.state
        if address is not None:
            return self._advertise(now, state) if moved and isinstance(state, Master) else []
        return [*_release(state), self._enter(Initialize(), "the primary address is gone")]

    def _stop(self, now: Instant, state: Backup | Master, interval: Duration) -> Changed:
        """Stop, but keep addresses that are installed until a successor is heard, or could not be slower."""
        until = now + longest_handover(interval) if state.installed else None
        return self._enter(Initialize(until), "shutdown")

    def _take_priority(self, priority: int) -> bool:
        """Set the effective priority, clamped to 1..254, unless we own the addresses; tell whether it changed."""
        if self.priority == OWNER_PRIORITY:
            return False
        before, self.priority = self.priority, min(max(priority, 1), OWNER_PRIORITY - 1)
        return self.priority != before

    def _enter(self, state: State, reason: str) -> Changed:
        """Change the state and say so."""
        changed = Changed(self.state.group_state.name.lower(), state.group_state.name.lower(), reason)
        self.state = state
        return changed


def _release(state: State) -> list[Effect]:
    """Remove the virtual IPs, if this state had them installed."""
    return [ReleaseAddresses()] if state.installed else []
