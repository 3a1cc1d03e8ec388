"""Gateways that are switched, killed, paused and restarted."""

import pytest

from linkbalancer.clock import Instant, earliest
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import LegHeard
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Death, Kill, KillApplications, Pause, Restart
from linkbalancer.sim.node import QUEUE_MAX
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import bare
from linkbalancer.sim.shape import LAN_DEVICE, Shape
from linkbalancer.sim.world import World


def settled() -> World:
    """Return a healthy network of two links."""
    return healthy(Shape(), 1)


def test_a_kernel_outlives_its_agent_but_not_its_gateway() -> None:
    """Killing the processes stops nothing that forwards; death does (fail static)."""
    world = settled()
    b1 = world.nodes["b1"]
    world.begin(KillApplications("b1", agent=True))
    assert (b1.agent, bool(b1.kernel.tables), bool(b1.kernel.addresses)) == (None, True, True)
    world.begin(Death("b1"))
    assert (b1.powered, b1.kernel.tables, b1.kernel.addresses, b1.kernel.steering) == (False, {}, set(), {})


def test_faults_of_a_dead_gateway_change_nothing() -> None:
    """Who is not there is not killed, paused, or asked to leave, and starts when it boots."""
    world = settled()
    death = Death("b1")
    world.begin(death)
    for fault in (Kill("b1"), Pause("b1"), Restart("b1"), KillApplications("b1"), Death("b1")):
        world.begin(fault)
        assert world.nodes["b1"].agent is None
        if not isinstance(fault, Death):
            world.end(fault)
    assert world.nodes["b1"].agent is None
    world.end(death)
    assert world.nodes["b1"].working
    world.heal()
    assert world.nodes["b1"].working


def test_a_start_while_the_predecessor_leaves_waits_for_its_end() -> None:
    """As a service manager does; the successor is there soon after."""
    world = settled()
    fault = Restart("f1")
    old = world.nodes["f1"].agent
    world.begin(fault)
    world.end(fault)
    assert world.nodes["f1"].agent is old
    world.run(1000)
    assert world.nodes["f1"].agent is not None
    assert world.nodes["f1"].agent is not old


@pytest.mark.parametrize("seed", range(6))
def test_a_deadline_that_was_kept_is_the_one_that_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most events move none of an agent's deadlines; what is remembered is what would be reckoned anew."""
    remembered, compared = Agent.deadline, []

    def deadline(self: Agent) -> Instant | None:
        first = remembered(self)
        assert first == earliest(self._gateway.told.deadline(), self._gateway.deadline())
        compared.append(first)
        return first

    monkeypatch.setattr(Agent, "deadline", deadline)
    bare(draw(seed, Shape(3, 3)))
    assert len(compared) > 1000


def test_a_paused_agent_finds_what_its_sockets_could_hold() -> None:
    """More than that is lost."""
    world = settled()
    b1 = world.nodes["b1"]
    b1.pause()
    for _ in range(QUEUE_MAX + 5):
        b1.handle(LegHeard(LAN_DEVICE, alive=True))
    assert len(b1.waiting or ()) == QUEUE_MAX
    b1.resume()
    b1.resume()
    assert (b1.waiting, b1.working) == (None, True)


def test_every_gateway_has_a_clock_of_its_own() -> None:
    """Nothing may compare the instants of two of them; a boot begins anew."""
    world = settled()
    clocks = {node.clock - world.now for node in world.nodes.values()}
    assert len(clocks) == 4
    world.begin(Death("b1"))
    world.heal()
    assert world.nodes["b1"].clock < 10**10


def test_a_table_for_a_process_that_has_died_is_lost() -> None:
    """What was under way to it is nobody's."""
    world = settled()
    b1 = world.nodes["b1"]
    assert b1.agent is not None
    b1.publish(b1.agent.known.table(()))
    world.begin(Death("b1"))
    world.run(10)
    assert b1.kernel.steering == {}
