"""What goes wrong with a gateway's time, and what comes of it."""

import pytest

from linkbalancer.lvrrp.settings import ProbeFunction
from linkbalancer.sim.draw import DRIFT_PPM_MAX, KINDS, draw
from linkbalancer.sim.faults import Deaf, Kill, KillApplications, Pause, Restart, Silent
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.timefaults import Leap, Stall
from linkbalancer.sim.wire import FAR
from linkbalancer.sim.world import Fault

MS = 1_000_000
LIMIT_MS = 6000


@pytest.mark.parametrize("node", ["b1", "f1"])
@pytest.mark.parametrize("by_ms", [100, 700, 3000])
def test_a_leap_is_over_soon(node: str, by_ms: int) -> None:
    """The clock shows it at once, and whatever it moves is back in agreement."""
    world = healthy(Shape(2, 2), 3)
    before = world.nodes[node].clock
    world.begin(Leap(node, by_ms))
    assert world.nodes[node].clock == before + by_ms * MS
    settle(world, LIMIT_MS)
    quiet(world)


def test_a_gateway_that_stands_still_is_succeeded_and_knows_of_nothing() -> None:
    """Its kernel passes nothing on meanwhile; its clock goes on where it stood."""
    world = healthy(Shape(2, 2), 3)
    fault, node = Stall("b1"), world.nodes["b1"]
    before = node.clock
    world.begin(fault)
    world.run(1500)
    assert (node.clock, node.forwards, node.working) == (before, False, False)
    assert "b1" not in {name for flow in world.traffic.flows if flow.now for name in flow.now.gateways}
    world.end(fault)
    assert (node.clock, node.forwards, node.working) == (before, True, True)
    settle(world, LIMIT_MS)
    quiet(world)


@pytest.mark.parametrize("fault", [Kill("f3"), Pause("f3"), Restart("f3"), KillApplications("f3", agent=True)])
def test_nothing_starts_or_dies_on_a_computer_that_stands_still(fault: Fault) -> None:
    """What strikes it, and is over, while it stands still leaves no agent at work on it."""
    world = healthy(Shape(3, 3), 3)
    stall, node = Stall("f3"), world.nodes["f3"]
    agent = node.agent
    world.begin(stall)
    world.run(300)
    world.begin(fault)
    world.end(fault)
    world.run(300)
    assert (node.agent, node.working) == (agent, False)
    world.end(stall)
    settle(world, LIMIT_MS)
    assert node.working
    quiet(world)


def test_an_agent_that_died_before_its_computer_stood_still_starts_when_it_goes_on() -> None:
    """Its service manager stands still, too."""
    world = healthy(Shape(3, 3), 3)
    kill, stall, node = Kill("f3"), Stall("f3"), world.nodes["f3"]
    world.begin(kill)
    world.begin(stall)
    world.end(kill)
    world.run(300)
    assert node.agent is None
    world.end(stall)
    settle(world, LIMIT_MS)
    assert node.working


def test_who_is_deaf_to_a_master_takes_over_beside_it_and_gives_way_in_the_end() -> None:
    """Frames are lost one way alone, so both are Masters until they hear each other again."""
    world = healthy(Shape(2, 2), 3)
    fault = Deaf("b2", ("b1",))
    world.begin(fault)
    world.run(1500)
    assert world.lans["near"].passes("b2", "b1")
    assert not world.lans["near"].passes("b1", "b2")
    world.end(fault)
    settle(world, LIMIT_MS)
    quiet(world)


def test_clocks_drift_in_some_histories_only_where_they_may() -> None:
    """Each by no more than quartz that is bad; never where nobody asked for it."""
    rates = [drift.ppm for seed in range(50) for drift in draw(seed, Shape()).drifts]

    assert -DRIFT_PPM_MAX <= min(rates) < -100
    assert 100 < max(rates) <= DRIFT_PPM_MAX
    assert not draw(1, Shape(), [kind for kind in KINDS if kind != "drift"]).drifts
    assert not draw(1, Shape(), ["drift"]).strikes
    assert draw(1, Shape(), ["leap"]).strikes


def test_the_faults_that_were_drawn_before_stay_as_they_were() -> None:
    """A seed has at most one misfortune more than before there were more kinds."""
    old = [kind for kind in KINDS if kind not in {"deaf", "leap", "stall", "drift"}]
    for seed in range(60):
        before, after = set(draw(seed, Shape(), old).strikes), set(draw(seed, Shape()).strikes)
        assert before <= after
        assert len(after - before) <= 1


def test_a_quiet_network_probes_less_and_still_notices_silence() -> None:
    """Both ends close a silent link within the longer detect time that both know."""
    shape = Shape(2, 2, function=ProbeFunction.ADAPTIVE)
    world = healthy(shape, 3)
    world.run(20_000)
    ends = [world.nodes[name].agent for name in ("b1", "f1")]
    assert all(agent is not None and agent.links["l1"].detect == shape.detect_ms * MS for agent in ends)
    world.begin(Silent("l1", (FAR,)))
    world.run(shape.detect_ms)
    assert not any(agent is not None and agent.links["l1"].is_open for agent in ends)
    settle(world, LIMIT_MS)
