"""What a successor of another configuration will not serve is handed over before it takes the rest.

A VID that goes is left by its applications, and by this gateway as at a stop: priority 0, and the virtual IP answers
until somebody else is heard, or could not be slower. A link that goes takes leave for good once no VID rests on it.
"""

from collections.abc import Collection, Iterable

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, GroupState, LinkName, Vid
from linkbalancer.lvrrp.rules import Stance, Tier

APPLICATIONS_LEAVE: Duration = 300 * MILLISECOND
"""How long applications are waited for; those that have no other VID to go to stay."""

NEIGHBOURS_LEAVE: Duration = 100 * MILLISECOND
"""How long what goes is still served once it is free: the other gateways' applications reach the same verdict at the
same time, but not in the same millisecond, and what they still send here must find its way."""

PATIENCE: Duration = 12 * SECOND
"""How long a hand-over may take; what is left then goes without one."""

SUCCESSION: Duration = 3 * SECOND
"""How long the peers are asked to wait for the successor to speak; it mostly does within some milliseconds."""

LEAVING = Stance(runs=False, priority=0, stopped_as=GroupState.STOPPED, tier=None, reason="leaving")
"""The stance of every group while the service stops."""

REMOVED = Stance(
    runs=False, priority=0, stopped_as=GroupState.STOPPED, tier=None, reason="removed from the configuration"
)
"""The stance of a VID that goes."""


class Retirement:
    """A hand-over under way.

    Attributes:
        groups: the groups that go.
        links: the links that go.
        over: whether it has been said to be over.
    """

    def __init__(self, groups: frozenset[GroupId], links: frozenset[LinkName], now: Instant) -> None:
        self.groups, self.links, self.over = groups, links, False
        self._since = now
        self._next = now + APPLICATIONS_LEAVE
        self._free_at: Instant | None = None if groups or links else now

    def deadline(self) -> Instant | None:
        """Return when time alone brings it on."""
        return None if self.over else earliest(self._next, self._free_at)

    def finish(self, now: Instant, memberships: Iterable[Membership], steered: Collection[Vid | None]) -> bool:
        """Judge it; return True, once, when nothing rests any more on what goes.

        Args:
            now: the present instant.
            memberships: all of this gateway.
            steered: where the applications go.
        """
        waits = now < self._since + APPLICATIONS_LEAVE and any(
            vid is not None and GroupId(vid) in self.groups for vid in steered
        )
        if now >= self._next:
            self._next = self._since + PATIENCE
        if waits or any(self._rests(membership) for membership in memberships):
            self._free_at = None
        elif self._free_at is None:
            self._free_at = now + NEIGHBOURS_LEAVE
        free = self._free_at is not None and now >= self._free_at
        self.over = self.over or free or now >= self._since + PATIENCE
        return self.over

    def _rests(self, membership: Membership) -> bool:
        """Whether a VID that goes, or that has a link that goes, still needs this gateway."""
        if membership.upstream is not None:
            return False  # who was steered to it has left, and there is nobody to take it over
        if membership.id in self.groups:
            # Where nobody takes it over, everybody waits for the grace of a resignation before leaving it.
            return membership.installed or (membership.works and membership.other_master() is None)
        if membership.link not in self.links or not membership.installed:
            return False
        # Demoted, it keeps its addresses: it waits for a successor, or is Master again for want of one.
        return membership.tier is not Tier.DEAD or not membership.is_master


NOBODY = Retirement(frozenset(), frozenset(), 0)
"""No hand-over at all."""
NOBODY.over = True
