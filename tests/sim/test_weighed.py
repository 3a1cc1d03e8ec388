"""Links that are weighed by what is measured of them, from one end of a simulated network to the other."""

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.events import Measured
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.faults import Kill, Succeed
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, settle
from linkbalancer.sim.shape import Shape, number_of
from linkbalancer.sim.wire import FAR, NEAR
from linkbalancer.sim.world import Fault, World
from linkbalancer.weights.metrics import Metrics

LIMIT_MS = 14_000
EVERY_MS = 1000
"""How often a host hands what it measured to its agent."""

HOLD_MS = 12_000
"""How long a weight stands before it may change again, and a little more."""

APART = "{function: latency, spread: even}"
RTTS = {"l1": 90, "l2": 20, "l3": 40}


def measure(world: World, rtts_ms: dict[str, int]) -> None:
    """Have near gateways measure these round-trip times of their links, time and again, whatever they are then."""
    for name, rtt in rtts_ms.items():
        node = world.nodes[f"b{number_of(name)}"]
        node.handle(Measured(name, Metrics(loss=0.0, rtt=rtt * MILLISECOND, jitter=0)))
    world.agenda.after(EVERY_MS * MILLISECOND, lambda: measure(world, rtts_ms))


def weighed(weight: str, seed: int, rtts_ms: dict[str, int]) -> World:
    """Return three links and three VIDs that have settled by what was measured."""
    world = healthy(Shape(3, 3, weight=weight), seed)
    measure(world, rtts_ms)
    settle(world, LIMIT_MS)
    return world


def where(world: World, side: str) -> list[str]:
    """Return the links of the Masters of VID 1, 2 and 3 on a side."""
    return [" ".join(node.link for node in masters(world, side, vid)) for vid in (1, 2, 3)]


def watched(world: World) -> list[list[str]]:
    """Have every change of Masters noted from now on."""
    seen = [where(world, NEAR) + where(world, FAR)]

    def look(world: World) -> None:
        now = where(world, NEAR) + where(world, FAR)
        if now != seen[-1]:
            seen.append(now)

    world.judges.append(look)
    return seen


@pytest.mark.parametrize("seed", [1, 2])
def test_the_far_side_elects_the_best_link_and_the_near_side_follows(seed: int) -> None:
    """Every VID goes there, whatever priorities are configured."""
    rtts = {"l1": 200, "l2": 20, "l3": 90}
    world = weighed("latency", seed, rtts)

    assert where(world, FAR) == where(world, NEAR) == ["l2", "l2", "l2"]
    node = world.nodes["f2"]
    assert node.agent is not None
    adjusted = [group["adjusted"] for group in node.agent.status(node.clock)["groups"].values()]
    assert {(one["by"], one["weight"]) for one in adjusted} == {("b2", 100.0)}
    quiet(world)

    world.disturbed_at = world.now
    rtts["l2"] = 290
    settle(world, 2 * LIMIT_MS)
    world.run(HOLD_MS)
    assert where(world, FAR) == where(world, NEAR) == ["l3", "l3", "l3"]


@pytest.mark.parametrize("seed", [1, 2])
def test_spread_evenly_as_many_vids_as_links_are_one_on_each(seed: int) -> None:
    """The first VID has the best of the links, the next one the best of the rest."""
    world = weighed(APART, seed, dict(RTTS))

    assert where(world, FAR) == where(world, NEAR) == ["l2", "l3", "l1"]
    quiet(world)


@pytest.mark.parametrize("kind", [Kill, Succeed])
@pytest.mark.parametrize("name", ["b1", "b2", "f2", "f3"])
def test_an_agent_that_is_started_anew_moves_nothing(kind: type[Kill | Succeed], name: str) -> None:
    """Neither then nor half a minute later, when what was adjusted would be believed no more."""
    world = weighed(APART, 1, dict(RTTS))
    seen = watched(world)
    fault: Fault = kind(name)
    world.begin(fault)
    world.run(100)
    world.end(fault)
    world.run(35_000)

    settled = ["l2", "l3", "l1"] * 2
    assert seen[0] == seen[-1] == settled
    assert all(now in {link, ""} for then in seen for now, link in zip(then, settled, strict=True))
    quiet(world)
