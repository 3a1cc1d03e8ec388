"""What a successor of another configuration will not serve is handed over before it takes the rest.

A VID that goes is left by its applications, and by this gateway as at a stop: priority 0, and the virtual IP answers
until somebody else is heard, or could not be slower. A link that goes takes leave for good once no VID rests on it.
"""

from collections.abc import Collection, Iterable

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupState, LinkName, Vid
from linkbalancer.lvrrp.rules import Stance, Tier

APPLICATIONS_LEAVE: Duration = 300 * MILLISECOND
"""How long applications are waited for; those that have no other VID to go to stay."""

PATIENCE: Duration = 12 * SECOND
"""How long a hand-over may take; what is left then goes without one."""

REMOVED = Stance(
    runs=False, priority=0, stopped_as=GroupState.STOPPED, tier=None, reason="removed from the configuration"
)
"""The stance of a VID that goes."""


class Retirement:
    """A hand-over under way.

    Attributes:
        vids: the VIDs that go.
        links: the links that go.
        over: whether it has been said to be over.
    """

    def __init__(self, vids: frozenset[Vid], links: frozenset[LinkName], now: Instant) -> None:
        self.vids, self.links, self.over = vids, links, False
        self._since = now
        self._next = now + APPLICATIONS_LEAVE

    def deadline(self) -> Instant | None:
        """Return when time alone brings it on."""
        return None if self.over else self._next

    def finish(self, now: Instant, memberships: Iterable[Membership], steered: Collection[Vid | None]) -> bool:
        """Judge it; return True, once, when nothing rests any more on what goes.

        Args:
            now: the present instant.
            memberships: all of this gateway.
            steered: where the applications go.
        """
        waits = now < self._next and any(vid in self.vids for vid in steered)
        if now >= self._next:
            self._next = self._since + PATIENCE
        waits = waits or any(self._rests(membership) for membership in memberships)
        self.over = self.over or not waits or now >= self._since + PATIENCE
        return self.over

    def _rests(self, membership: Membership) -> bool:
        """Whether a VID that goes, or that has a link that goes, still needs this gateway."""
        if membership.vid in self.vids:
            return membership.installed
        if membership.link not in self.links or not membership.installed:
            return False
        # Demoted, it keeps its addresses: it waits for a successor, or is Master again for want of one.
        return membership.tier is not Tier.DEAD or not membership.is_master
