"""A rehearsal: one fault after another in a healthy network, each healed again, and how long traffic stood still."""

from collections.abc import Iterator
from dataclasses import dataclass

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.agreement import usable
from linkbalancer.sim.faults import Cut, Death, Drain, Kill, KillApplications, Leg, Pause, Restart, Silent
from linkbalancer.sim.judges import no_storm
from linkbalancer.sim.run import agreement_limit_ms, quiet, safety, settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.wire import FAR, NEAR
from linkbalancer.sim.world import Fault, World

GRACE_MS = 5
"""What in-flight packets and one turn of a loop may cost where nothing is lost at all by the design."""


@dataclass(frozen=True, slots=True)
class Outage:
    """How long the worst flow stood still after a fault, and after its healing, in ms; and what it moved.

    `unanswered_ms` is how long the worst virtual IP was nobody's before the healing, `moves` how often a group changed
    its state on another gateway than the one that the fault struck.
    """

    fault: Fault
    broken_ms: float
    healed_ms: float
    unanswered_ms: float
    settled_ms: float
    moves: int

    def __str__(self) -> str:
        """Write it as a line of a table."""
        figures = f"{self.broken_ms:8.1f} {self.healed_ms:8.1f} {self.unanswered_ms:8.1f} {self.settled_ms:8.0f}"
        figures += f"{self.moves:5}"
        return f"{self.fault!s:45} {figures}"


def every_fault(shape: Shape) -> Iterator[tuple[Fault, int | None]]:
    """Yield each fault of each target, and how long it lasts; None: until both sides have settled with it."""
    for link in shape.link_names:
        yield Cut(link), None
        yield Silent(link), None
        yield Silent(link, (NEAR,)), None
        yield Silent(link, (FAR,)), None
    for node in shape.node_names:
        yield Death(node), None
        yield Leg(node), None
        yield Drain(node), None
        yield Drain(node, 1), None
        yield Restart(node), 1000
        yield Restart(node), 50
        yield Kill(node), 100
        yield KillApplications(node), 0
        yield KillApplications(node, agent=True), 100
        yield Pause(node), 100


def rehearse(world: World, fault: Fault, lasts_ms: int | None) -> Outage:
    """Break a settled world, let it settle or the time pass, heal it, let it settle again.

    Raises:
        Objection: a judge objects.
    """
    begin, moved = world.now, len(world.moved)
    world.begin(fault)
    if lasts_ms is None:
        settle(world, agreement_limit_ms(world.shape))
        quiet(world)
    else:
        world.run(lasts_ms)
    broken = world.traffic.worst_ms(begin, world.now)
    unanswered = world.traffic.unanswered_ms(begin, world.now)
    healed = world.now
    world.end(fault)
    settle(world, agreement_limit_ms(world.shape))
    settled = world.now
    quiet(world)
    struck = getattr(fault, "node", None)
    return Outage(
        fault,
        broken,
        world.traffic.worst_ms(healed, world.now),
        unanswered,
        (settled - healed) / MILLISECOND,
        sum(name != struck for _, name, _ in world.moved[moved:]),
    )


def healthy(shape: Shape, seed: int, *, keep_all: bool = False) -> World:
    """Return a network that has booted and settled.

    Raises:
        Objection: it does not.
    """
    world = World(shape, seed, keep_all=keep_all)
    world.judges += safety(shape)
    world.start()
    world.run(100)
    settle(world, agreement_limit_ms(shape))
    assert all(usable(world, vid) for vid in range(1, shape.vids + 1)), "a healthy network has all its links"
    no_storm(world)
    return world
