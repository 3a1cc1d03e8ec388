"""Gateways whose VRRP a Keepalived runs, in the simulator: LVrrp's rules work through it."""

import pytest

from linkbalancer.links import OnProbeLoss
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Death, Kill, Leg, Restart
from linkbalancer.sim.rehearsal import GRACE_MS, healthy, rehearse
from linkbalancer.sim.run import run, settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import Fault

MIXTURES = [
    frozenset({"b1", "b2"}),
    frozenset({"f1", "f2"}),
    frozenset({"b2", "f1"}),
    frozenset({"b1", "b2", "f1", "f2"}),
]
LIMIT_MS = 14_000


@pytest.mark.parametrize("mixture", MIXTURES, ids=",".join)
@pytest.mark.parametrize("mode", OnProbeLoss)
def test_a_cut_moves_both_ends_to_one_link(mixture: frozenset[str], mode: OnProbeLoss) -> None:
    """And healing brings both back."""
    world = healthy(Shape(mode=mode, keepalived=mixture), 1)
    world.begin(Cut("l1"))
    settle(world, LIMIT_MS)
    assert [["b2"], ["f2"]] == [[node.name for node in masters(world, side, 1)] for side in SIDES]
    world.heal()
    settle(world, LIMIT_MS)

    assert [["b1"], ["f1"]] == [[node.name for node in masters(world, side, 1)] for side in SIDES]


@pytest.mark.parametrize("fault", [Death("b1"), Leg("b1"), Death("f1"), Cut("l1")], ids=str)
def test_a_fault_costs_no_more_than_a_master_down_interval(fault: Fault) -> None:
    """Nobody can claim: what a claim would save is lost, and no more."""
    outage = rehearse(healthy(Shape(keepalived=frozenset({"b1", "b2"})), 3), fault, 2000)

    assert outage.broken_ms <= 1500, outage
    assert outage.healed_ms <= GRACE_MS, outage


@pytest.mark.parametrize("fault", [Kill("b1"), Restart("b1"), Kill("f1")], ids=str)
def test_an_agent_may_go_and_come(fault: Fault) -> None:
    """Keepalived goes on as it was asked, and tells the next agent where it stands."""
    outage = rehearse(healthy(Shape(keepalived=frozenset({"b1", "b2"})), 4), fault, 150)

    assert (0, 0) == (outage.broken_ms, outage.healed_ms), outage


@pytest.mark.parametrize("mixture", MIXTURES, ids=",".join)
def test_whatever_strikes_it_settles(mixture: frozenset[str]) -> None:
    """No judge objects."""
    drawn = [draw(seed, Shape(keepalived=mixture)) for seed in range(8)]

    assert [None] * len(drawn) == [run(one).objection for one in drawn]
