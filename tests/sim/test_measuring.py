"""Scripted metrics reach the engines of both ends, again and again, as a host's would."""

from dataclasses import replace

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupId
from linkbalancer.sim.measuring import Measuring
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from linkbalancer.weights.metrics import Lane, Metrics

BUSY = Metrics(outward=Lane(rate=9e6, capacity=1e7, loss=0.01), inward=Lane(rate=1e6))


def known(world: World, node: str) -> Metrics | None:
    """Return what a gateway's engine was last told of its link."""
    one = world.nodes[node]
    assert one.agent is not None
    measured = one.agent.known.measured.get(one.link)
    return None if measured is None else measured.metrics


def test_both_ends_are_told_each_in_its_directions() -> None:
    """And nobody else."""
    world = healthy(Shape(), 1)
    Measuring(world).measure("l1", BUSY)
    assert known(world, "b1") == BUSY
    assert known(world, "f1") == Metrics(outward=BUSY.inward, inward=BUSY.outward)
    assert (known(world, "b2"), known(world, "f2")) == (None, None)


def test_what_is_left_open_is_what_the_datagrams_show() -> None:
    """And the groups that the gateway carries over the link are the engine's to know."""
    world = healthy(Shape(), 1)
    world.run(20_000)
    Measuring(world).measure("l1", replace(BUSY, inward=Lane()))
    agent = world.nodes["b1"].agent
    assert agent is not None
    told = agent.links["l1"]._speaker.metrics
    assert told is not None
    assert told.outward == BUSY.outward
    assert told.rtt is not None
    assert (told.loss, told.inward.loss) == (0, 0)
    assert told.masters == (GroupId(1), GroupId(3))


def test_an_agent_that_comes_back_is_told_again() -> None:
    """Within an interval of its start, and of the newest."""
    world = healthy(Shape(), 1)
    measuring = Measuring(world)
    measuring.measure("l1", BUSY)
    measuring.measure("l1", Metrics(rtt=7 * MILLISECOND))
    world.nodes["b1"].kill()
    world.run(10)
    world.nodes["b1"].start()
    assert known(world, "b1") is None
    world.run(1100)
    assert known(world, "b1") == Metrics(rtt=7 * MILLISECOND)
