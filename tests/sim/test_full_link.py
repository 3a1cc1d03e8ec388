"""A link that is given more than it carries: packets wait longer and longer, then some are lost (docs/measuring.md)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.agreement import disagreements
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World

STEP_MS = 10


@dataclass(frozen=True)
class Full:
    """A link is given so many percent more than it carries, both ways; a queue without priorities holds so many ms."""

    link: str
    percent: int
    queue_ms: int

    def begin(self, world: World) -> None:
        """Let the queues fill: by `percent` ms in 100."""
        steps = max(1, 100 * self.queue_ms // self.percent // STEP_MS)
        for step in range(1, steps + 1):
            waits = self.queue_ms * MILLISECOND * step // steps
            world.agenda.after(step * STEP_MS * MILLISECOND, self._waits(world, waits, full=step == steps))

    def _waits(self, world: World, waits: int, *, full: bool) -> Callable[[], None]:
        wire = world.wires[self.link]
        base = wire.delay

        def become() -> None:
            wire.delay = base + waits
            wire.loss = 100 * self.percent // (100 + self.percent) if full else 0

        return become

    def end(self, world: World) -> None:
        """Empty the queues."""
        world.wires[self.link].loss = 0
        world.wires[self.link].delay = MILLISECOND


def filled(full: Full, seed: int) -> World:
    """Return three links and VIDs that were healthy until one of the links is full for a minute."""
    world = healthy(Shape(3, 3), seed)
    # Hosts' packets are lost there whatever anybody does, and that is no cause for a VID to move.
    world.judges.clear()
    world.moved.clear()
    world.begin(full)
    world.run(60_000)
    return world


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("percent", "queue_ms"), [(5, 1000), (10, 250), (20, 50), (20, 250), (20, 1000)])
def test_a_link_with_a_fifth_too_much_stays(percent: int, queue_ms: int, seed: int) -> None:
    """Neither two seconds of round trip nor a loss of a sixth each way moves anything."""
    assert [] == filled(Full("l1", percent, queue_ms), seed).moved


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("percent", "queue_ms"), [(50, 250), (100, 50), (100, 250), (100, 1000)])
def test_a_link_that_loses_half_may_be_left_once(percent: int, queue_ms: int, seed: int) -> None:
    """It is until its loss is known; then it stays, and both sides are of one mind."""
    world = filled(Full("l1", percent, queue_ms), seed)
    away_and_back = [name for _, name, _ in world.moved if name == "b1"]

    assert len(away_and_back) <= 2
    assert [] == list(disagreements(world))
    assert {"b1", "b2", "f1", "f2"} >= {name for _, name, _ in world.moved}
