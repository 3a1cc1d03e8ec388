"""Traffic of every application in both directions, as continuous as water: when it stopped arriving, and for how long.

A packet's fate changes only when something in the world changes, so it is judged exactly then; a gap's length is exact
and not a multiple of some sending interval.
"""

from dataclasses import dataclass, field

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.sim.shape import virtual_ip
from linkbalancer.sim.walk import ANSWERED, DIRECTIONS, NOBODY, Network, Walk, answered, walk
from linkbalancer.sim.wire import SIDES


@dataclass(slots=True)
class Gap:
    """A time in which nothing arrived; `end` is None while it lasts."""

    begin: Instant
    first: Walk
    end: Instant | None = None


@dataclass(slots=True)
class Flow:
    """One application, one direction; or a virtual IP (`VID 1`) that the host of a side wants answered."""

    app: str
    direction: str
    now: Walk | None = None
    gaps: list[Gap] = field(default_factory=list)

    def outage(self, since: Instant, now: Instant) -> Duration:
        """Return the longest gap after an instant."""
        ends = ((gap, now if gap.end is None else gap.end) for gap in self.gaps)
        return max((end - max(gap.begin, since) for gap, end in ends if end > since), default=0)

    def look(self, world: Network, walk: Walk) -> None:
        """Take in how a packet of it fares now."""
        was, self.now = self.now, walk
        if walk == was:
            return
        if walk.lost is not None and (was is None or was.lost is None):
            self.gaps.append(Gap(world.now, walk))
        elif walk.lost is None and self.gaps and self.gaps[-1].end is None:
            self.gaps[-1].end = world.now
        world.trace.note(world.now, self.app, f"flow {self.direction}", walk)


class Traffic:
    """Every flow of a world, and every virtual IP on either side."""

    def __init__(self, world: Network) -> None:
        self.flows = [Flow(app, direction) for app in world.shape.applications() for direction in DIRECTIONS]
        shared = [vid for vid in range(1, world.shape.vids + 1) if len(world.shape.carriers(vid)) > 1]
        self.addresses = {(side, vid): Flow(f"VID {vid}", side) for side in SIDES for vid in shared}

    def look(self, world: Network) -> None:
        """Send a packet of every flow whose way may be another one, as the world is now.

        A way depends on the kernels of the gateways that it visits, and on what every change of which is said to be one
        of everything: LANs, links, who lives, what hosts know.
        """
        for flow in self.flows:
            if flow.now is None or world.changes.concern(flow.now.gateways):
                flow.look(world, walk(world, flow.app, DIRECTIONS[flow.direction]))
        if not world.changes.addresses:
            return
        known = {side: answered(world, side) for side in SIDES}
        for (side, vid), flow in self.addresses.items():
            flow.look(world, ANSWERED if virtual_ip(side, vid) in known[side] else NOBODY)

    def worst_ms(self, since: Instant, now: Instant) -> float:
        """Return the longest gap of all flows after an instant, in milliseconds."""
        return max(flow.outage(since, now) for flow in self.flows) / MILLISECOND

    def unanswered_ms(self, since: Instant, now: Instant) -> float:
        """Return how long the worst virtual IP that several links may carry was nobody's after an instant, in ms."""
        return max((flow.outage(since, now) for flow in self.addresses.values()), default=0) / MILLISECOND
