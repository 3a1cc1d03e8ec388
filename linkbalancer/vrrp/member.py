"""What a router is in its group, and the steps that several of its states share.

The states' own tables are `initialize`, `backup` and `master`; `router` joins them to the machine.
"""

from dataclasses import replace

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import Address, GroupState
from linkbalancer.vrrp.effects import (
    AnnounceAddresses,
    Changed,
    Effect,
    ExchangeAddresses,
    InstallAddresses,
    Places,
    ReleaseAddresses,
    SendAdvert,
)
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.states import Backup, Initialize, Master, State
from linkbalancer.vrrp.timers import longest_handover, master_down_interval, skew_time


class Member:
    """One gateway's part in one group.

    Attributes:
        group: The configuration.
        state: The present state, with its deadlines.
        priority: The effective priority; the group's own until the first start.
        primary: The source address of our adverts, None while the device has none.
        owner: Whether the virtual IPs are this gateway's own addresses; its priority is then 255, unless it gives way
            to another owner that does not yield.
        synchronised: Whether it may become Master only together with the rest of its sync group, and when told so.
        heard: The last foreign advert, priority 0 and discarded ones included; None once it is too old to mean that a
            Master lives, and when this router becomes Master.
    """

    def __init__(self, group: Group, primary: Address | None, *, synchronised: bool = False) -> None:
        self.group = group
        self._state: State = Initialize()
        self._heard: LastHeard | None = None
        self._again_at: Instant | None = None
        self.priority = group.priority
        self.primary = primary
        self.owner = False
        self.synchronised = synchronised

    @property
    def state(self) -> State:
        """See the class."""
        if self._again_at is not None:
            self._catch_up(self._again_at)
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        if self._again_at is not None:
            self._catch_up(self._again_at)
        self._state = state

    @property
    def heard(self) -> LastHeard | None:
        """See the class."""
        if self._again_at is not None:
            self._catch_up(self._again_at)
        return self._heard

    @heard.setter
    def heard(self, heard: LastHeard | None) -> None:
        if self._again_at is not None:
            self._catch_up(self._again_at)
        self._heard = heard

    def _catch_up(self, at: Instant) -> None:
        """Take in that the Master that is followed said again, at an instant, what it had said last.

        Noted by `Router.repeat`, and done when somebody looks: of most adverts nobody does before the next one.
        """
        self._again_at = None
        state, heard = self._state, self._heard
        assert isinstance(state, Backup), "nobody else follows"
        assert heard is not None, "whoever is followed was heard"
        self._heard = heard.again(at)
        down_at = at + self.master_down_interval(state.master_interval)
        self._state = Backup(down_at, state.master_interval, following=True, not_before=state.not_before)

    @property
    def group_state(self) -> GroupState:
        """The state as LVrrp states it."""
        return self.state.group_state

    @property
    def is_following(self) -> bool:
        """Whether it is a Backup that accepts its Master, and nothing else is under way."""
        state = self.state
        return (
            isinstance(state, Backup)
            and state.following
            and not (state.holding or state.ready or state.listened)
            and state.preempt_at is None
            and state.hastened_from is None
        )

    @property
    def preempts(self) -> bool:
        """Whether it takes over from a living Master of lower priority; an owner heeds no preempt mode."""
        return self.group.preempt or self.owner

    def skew_time(self, interval: Duration) -> Duration:
        """Return the skew at the present priority for a Master of this interval."""
        return skew_time(self.priority, interval, self.group.version)

    def master_down_interval(self, interval: Duration) -> Duration:
        """Return the master-down interval at the present priority for a Master of this interval."""
        return master_down_interval(self.priority, interval, self.group.version)

    def learned(self, interval: Duration) -> Duration:
        """Return what a Master's interval teaches: itself in version 3, nothing in version 2."""
        return interval if self.group.version == 3 else self.group.advert_interval

    def is_own(self, source: Address) -> bool:
        """Tell whether an advert carries our own address: looped back, or of a stranger who has the same."""
        return self.primary is not None and int(source) == int(self.primary)

    # ---------------------------------------------------------------------------------------------------------- steps

    def enter(self, state: State, reason: str) -> Changed:
        """Change the state and say so."""
        changed = Changed(self.state.group_state.name.lower(), state.group_state.name.lower(), reason)
        self.state = state
        return changed

    def take_over(self, now: Instant, reason: str) -> list[Effect]:
        """Become Master: the advert first, then the addresses, then the LAN is told."""
        self.heard = None
        if self.owner:
            self.priority = OWNER_PRIORITY
        changed = self.enter(Master(now + self.group.advert_interval), reason)
        return [SendAdvert(self.priority), InstallAddresses(), AnnounceAddresses(), changed]

    def backup(self, now: Instant, interval: Duration, *, holding: bool = False, following: bool = False) -> Backup:
        """Make a Backup that has all its time before it."""
        return Backup(now + self.master_down_interval(interval), interval, holding, following)

    def move_primary(self, now: Instant, address: Address | None) -> list[Effect]:
        """Advertise from another address, or, without any, stop at once, with a last word from the one just lost."""
        before, self.primary = self.primary, address
        state = self.state
        if address is not None:
            return self.advertise(now, state) if address != before and isinstance(state, Master) else []
        farewell: list[Effect] = [SendAdvert(0, before)] if isinstance(state, Master) else []
        return [*farewell, *release(state), self.enter(Initialize(), "the primary address is gone")]

    def advertise(self, now: Instant, state: Master) -> list[Effect]:
        """Send an advert out of turn and count the interval from it."""
        self.state = replace(state, advert_at=now + self.group.advert_interval)
        return [SendAdvert(self.priority)]

    def stop(self, now: Instant, state: Backup | Master, interval: Duration) -> Changed:
        """Stop, but keep addresses that are installed until a successor is heard, or could not be slower."""
        until = now + longest_handover(interval, self.group.version) if state.installed else None
        return self.enter(Initialize(until), "shutdown")

    def take_priority(self, priority: int) -> bool:
        """Set the effective priority, clamped to 1..254, unless we own the addresses; tell whether it changed."""
        if self.owner:
            return False
        before, self.priority = self.priority, min(max(priority, 1), OWNER_PRIORITY - 1)
        return self.priority != before

    def take_group(self, group: Group) -> list[Effect]:
        """Take a new configuration; return the change of the addresses, if they are installed here and it is one."""
        before, self.group = self.group, group
        if self.owner and group.priority != OWNER_PRIORITY:
            self.priority = group.priority
        self.owner = group.priority == OWNER_PRIORITY
        if self.owner:
            self.priority = OWNER_PRIORITY
        if not self.state.installed or before.places() == group.places():
            return []
        announce = isinstance(self.state, Master)
        return [ExchangeAddresses(_only_in(group, before), _only_in(before, group), announce=announce)]


def release(state: State) -> list[Effect]:
    """Remove the virtual IPs, if this state had them installed."""
    return [ReleaseAddresses()] if state.installed else []


def _only_in(group: Group, other: Group) -> Places:
    """Return the places of a group's virtual IPs that are not places of the other's."""
    others = other.places()
    kept = {
        device: tuple(address for address in addresses if address not in others.get(device, ()))
        for device, addresses in group.places().items()
    }
    return tuple((device, addresses) for device, addresses in kept.items() if addresses)
