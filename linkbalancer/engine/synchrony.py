"""Sync groups: VRRP groups that are Master together or not at all (mission K5; ADR 0019).

What a sync group does is read off its members' present states each time one of them changes. Nothing is counted or
remembered, so nothing can drift: a member is *ready* when its own timers would let it be Master, *following* when it
accepts another Master, and *out* when it must not run.

    all ready (or Master)                       -> those that are ready become Master
    one follows another Master                  -> no other stays Master (no priority 0: the winner has them all)
    one resigns                                 -> the others resign
    one is out                                  -> all are out; the Masters among them say priority 0
    one hears its Master leave                  -> the others expect not to hear that router again either
    one Master tells a beaten rival             -> all tell their LANs again
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from linkbalancer.engine.retirement import LEAVING, REMOVED
from linkbalancer.links import GroupId, GroupState
from linkbalancer.lvrrp.rules import Stance
from linkbalancer.vrrp.effects import AnnounceAddresses, Effect
from linkbalancer.vrrp.events import Event, Hasten, Heard, Promote, Resign, Withdraw
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Master

Order: TypeAlias = tuple[GroupId, Event | AnnounceAddresses]
"""What another member is told, or must do."""


class Standing(NamedTuple):
    """What of a member's state matters to the others, and the last advert it heard."""

    master: bool
    ready: bool
    following: bool
    heard: LastHeard | None


def standing(router: Router) -> Standing:
    """Return a member's standing, to be compared with the one after an event."""
    state = router.state
    if isinstance(state, Backup):
        return Standing(master=False, ready=state.ready, following=state.following, heard=router.heard)
    return Standing(master=isinstance(state, Master), ready=False, following=False, heard=router.heard)


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """One sync group: its name and its members, in the order of their ids, the same on every gateway."""

    name: str
    members: tuple[GroupId, ...]

    def orders(
        self, me: GroupId, before: Standing, event: Event, effects: Sequence[Effect], routers: Mapping[GroupId, Router]
    ) -> list[Order]:
        """Return what the others are told after a member took an event, in their order.

        Args:
            me: that member.
            before: how it stood before.
            event: what it took.
            effects: what it wants done about it.
            routers: those of all members at least.
        """
        router = routers[me]
        after = standing(router)
        if isinstance(event, Heard):
            if event.priority == 0 and _was_its_masters(before, after, event):
                return [(other, Hasten()) for other in self._others(me)]
            if after.master and AnnounceAddresses() in effects:
                return [(other, AnnounceAddresses()) for other in self._others(me) if _is_announcing(routers[other])]
        if after[:3] == before[:3]:
            return []
        if after.following:
            return [(other, self._withdraw(me, routers[other])) for other in self._masters(me, routers)]
        if before.master and isinstance(router.state, Backup):
            return [(other, Resign(routers[other].priority)) for other in self._masters(me, routers)]
        return self._promotions(me, routers)

    def _others(self, me: GroupId) -> list[GroupId]:
        return [other for other in self.members if other != me]

    def _masters(self, me: GroupId, routers: Mapping[GroupId, Router]) -> list[GroupId]:
        return [other for other in self._others(me) if standing(routers[other]).master]

    def _promotions(self, me: GroupId, routers: Mapping[GroupId, Router]) -> list[Order]:
        standings = {member: standing(routers[member]) for member in self.members}
        if not all(one.ready or one.master for one in standings.values()):
            return []
        heard = routers[me].heard
        why = heard.absence(routers[me].priority) if heard is not None else "no Master was heard"
        reason = f"{why}, and all of sync group {self.name} may be Master"
        return [(member, Promote(reason)) for member, one in standings.items() if one.ready]

    def _withdraw(self, me: GroupId, other: Router) -> Withdraw:
        """Pull a member down, and have it wait longer than usual: two intervals if the first one was beaten, else one.

        Where each of two gateways wins on one LAN and loses on the other (priorities or addresses in different orders),
        they would otherwise rise and fall in step for ever.
        """
        patience = (2 if me == self.members[0] else 1) * other.group.advert_interval
        return Withdraw(f"VID {me} of sync group {self.name} follows another Master", patience)


def cause(sync: SyncGroup, stances: Mapping[GroupId, Stance]) -> Stance | None:
    """Return the stance of members that may run, but for the first that must not; None when all may.

    A member that goes for good, or with the whole gateway, takes no other along.
    """
    for member in sync.members:
        stance = stances.get(member)
        if stance is not None and not stance.runs and stance not in {LEAVING, REMOVED}:
            reason = f"sync group {sync.name}: VID {member}: {stance.reason}"
            return Stance(runs=False, priority=0, stopped_as=GroupState.FAULT, tier=None, reason=reason)
    return None


def index(groups: Iterable[SyncGroup]) -> dict[GroupId, SyncGroup]:
    """Return which sync group each member is of."""
    return {member: group for group in groups for member in group.members}


def _was_its_masters(before: Standing, after: Standing, event: Heard) -> bool:
    """Tell whether a priority 0 is of the Master that this Backup heard last, and not of a stranger."""
    known = before.heard
    return not after.master and known is not None and known.priority > 0 and known.source == event.source


def _is_announcing(router: Router) -> bool:
    return isinstance(router.state, Master) and router.state.installed
