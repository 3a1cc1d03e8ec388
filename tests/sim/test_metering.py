"""What simulated hosts count of their links, and say: as the daemon's gauges do, and no sooner."""

from random import Random

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.sim.faults import Kill, Pause
from linkbalancer.sim.metering import Flow, Meters
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from linkbalancer.weights.metrics import Metrics

OUT = Flow(capacity=100e6, offered=40e6, sent=40e6, arriving=30e6, loss=0.25)
FULL = Flow(capacity=50e6, offered=58e6, sent=50e6, arriving=50e6, backlog=25_000, loss=0.1)


def metered() -> World:
    """Return two links that carry something, whose hosts have measured it for a while."""
    world = healthy(Shape(), 1)
    meters = Meters(world, Random(1))
    for link in ("l1", "l2"):
        meters.run(link, "far", OUT)
        meters.run(link, "near", FULL)
    world.run(4000)
    return world


def said(world: World, name: str) -> Metrics:
    """Return what a gateway's engine was last told of its link."""
    node = world.nodes[name]
    assert node.agent is not None
    return node.agent.known.measured[node.link].metrics


def test_each_end_says_what_it_counts() -> None:
    """What leaves, its queue and what it throws away; what arrives; and of both what fits and is lost."""
    world = metered()
    near, far = said(world, "b1"), said(world, "f1")
    rates = [lane.rate for end in (near, far) for lane in (end.outward, end.inward)]
    assert rates == pytest.approx([40e6, 50e6, 50e6, 30e6])
    assert (near.outward.backlog, near.outward.drops) == (0, 0)
    assert [far.outward.backlog, far.outward.drops] == pytest.approx([25_000, 1000], rel=0.01)
    assert (near.outward.capacity, near.inward.capacity) == (100e6, 50e6) == (far.inward.capacity, far.outward.capacity)
    assert (near.outward.loss, near.inward.loss, near.loss, far.loss) == (0.25, 0.1, 0.25, 0.25)


def test_an_agent_that_is_started_anew_knows_no_rate_before_its_second_reading() -> None:
    """It reads the same counters, and has not counted."""
    world = metered()
    world.begin(Kill("b1"))
    world.run(50)
    world.heal()
    first = second = None
    until = world.now + 3 * SECOND
    while second is None and world.now < until:
        world.run(50)
        agent = world.nodes["b1"].agent
        assert agent is not None
        if "l1" in agent.known.measured:
            first = first or said(world, "b1")
            second = None if said(world, "b1") == first else said(world, "b1")
    assert first is not None
    assert second is not None
    assert first.outward.rate is None
    assert second.outward.rate == pytest.approx(40e6)


def test_who_stands_still_reads_nothing() -> None:
    """And then counts what ran meanwhile, over all that time."""
    world = metered()
    before = said(world, "b1")
    fault = Pause("b1")
    world.begin(fault)
    world.run(3000)
    assert said(world, "b1") is before
    world.end(fault)
    world.run(1100)
    assert said(world, "b1").outward.rate == pytest.approx(40e6, rel=1e-3)
    assert said(world, "b1") is not before
