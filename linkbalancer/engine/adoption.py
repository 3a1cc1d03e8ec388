"""How a starting agent goes on from what the kernel and its predecessor left (design 6, adopt)."""

from collections.abc import Mapping
from typing import Any

from linkbalancer.clock import Duration, Instant
from linkbalancer.engine import inheritance, snapshot
from linkbalancer.engine.delegate import Delegate
from linkbalancer.engine.found import Found
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.tracking import Tracking
from linkbalancer.links import DeviceName, Family, LinkName
from linkbalancer.lvrrp.link import Link
from linkbalancer.vrrp.effects import Effect
from linkbalancer.vrrp.events import Resume
from linkbalancer.vrrp.router import Router


class Adoption:
    """What was found, read once; `dropped` are the LAN devices of which not all members are members any more."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._left = snapshot.read(found.snapshot)
        self.dropped: list[DeviceName] = []

    @property
    def resumed(self) -> bool:
        """Whether there was a predecessor to go on from."""
        return bool(self._left.links or self._left.labels)

    @property
    def vrrp(self) -> Mapping[str, Any]:
        """What the predecessor heard and counted of VRRP, as `engine.hearing` wrote it."""
        return self._left.vrrp

    def recall(self, boot: Instant, links: Mapping[LinkName, Link], known: Knowledge, tracking: Tracking) -> None:
        """Take over what the predecessor knew; before the first `DeviceChanged`, which may contradict it."""
        left = self._left
        self.dropped = known.recall(left.members, left.deaf, left.asked)
        tracking.recall((self._found.snapshot or {}).get("checks"))
        known.recall_steering(left.applications)
        known.counters.update(left.counters)
        for name, link in links.items():
            if name in left.links:
                # At the controlled end the last proof is up to two intervals old in the best of times.
                link.restore(boot, left.links[name], grace=2 * link.settings.interval_max)

    def doubt(self, patience: Duration) -> Duration:
        """Return how long a Master that was not heard yet may be one all the same.

        On a kernel that steers nothing yet there is nothing to keep, and a living predecessor left no doubt.
        """
        return patience if self._found.next_hops and not self._found.live else 0

    def changed_at(self, now: Instant) -> Instant:
        """Return when something last changed: a succession in itself is no change."""
        return self._left.changed_at or now if self._found.live else now

    def go_on(self, now: Instant, membership: Membership) -> Resume | list[Effect]:
        """Let a VID go on: as a Master that its peers still wait for, or exactly, and then return what is to be done.

        Its state, since when and why, stay as they were shown.
        """
        group = membership.group
        wanted = {(device, address) for device, some in group.places().items() for address in some}
        if membership.id.family is Family.IPV4 and membership.vid in self._found.next_hops:
            membership.next_hops[False] = self._found.next_hops[membership.vid]
        membership.installed = isinstance(membership.router, Router) and bool(wanted & self._found.addresses)
        if isinstance(membership.router, Delegate):
            membership.router.recall(self._left.delegates.get(membership.id, {}))
        snapshot.relabel(self._left, membership)
        if self._found.live and membership.id in self._left.live:
            effects = inheritance.restore(now, self._left.live[membership.id], membership)
            if effects is not None:
                return effects
        resume = snapshot.resumption(now, self._left, membership)
        return resume if resume is not None and isinstance(membership.router, Router) else []
