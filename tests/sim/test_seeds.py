"""Histories in which a judge once objected, each a named story; docs/simulation.md has what was behind them."""

import pytest

from linkbalancer.cli.sim import paced
from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.arp import NEIGHBOUR_PROBE
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Leg, Partition, Pause
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import run, settle
from linkbalancer.sim.shape import Shape, virtual_ip


@pytest.mark.parametrize(
    ("links", "interval", "seed"),
    [
        pytest.param(2, "random", 1692, id="a grace without a Master"),
        pytest.param(2, "random", 7790, id="a grace without a Master, again"),
        pytest.param(2, "random", 5676, id="a silence after loss"),
        pytest.param(2, "random", 6510, id="a silence after loss, again"),
        pytest.param(3, "fixed", 1080, id="an advert in the instant of a resignation"),
        pytest.param(3, "adaptive", 1710, id="a near mastership that was lost and won by far switches, again"),
        pytest.param(3, "random", 1227, id="a member that is deaf, and is heard asking"),
        pytest.param(3, "random", 1889, id="a gateway booted while a member stood still"),
        pytest.param(3, "random", 2377, id="a gateway booted while it was deaf to a member"),
        pytest.param(3, "random", 4077, id="hosts that believe in a Master beyond a split that has healed"),
        pytest.param(3, "random", 5241, id="an agent killed on a computer that stands still"),
        pytest.param(2, "fixed", 7594, id="an election on an island, before it is known for one"),
        pytest.param(3, "fixed", 5654, id="a successor that claims behind an old word"),
        pytest.param(3, "random", 9157, id="a successor that claims behind an old word, again"),
        pytest.param(3, "random", 7280, id="a near mastership that was lost and won by far switches"),
    ],
)
def test_no_judge_objects_any_more(links: int, interval: str, seed: int) -> None:
    """Whatever was mended, the machines or the judge."""
    verdict = run(draw(seed, paced(Shape(links, links), interval)))
    assert verdict.objection is None, verdict.report()


@pytest.mark.parametrize(
    ("links", "interval", "seed", "crossings"),
    [
        pytest.param(3, "fixed", 212, 1, id="a caretaker's election beside that of the far side"),
        pytest.param(8, "random", 20006, 1, id="a word that was under way"),
        pytest.param(3, "fixed", 485, 0, id="no link that could carry the VID"),
    ],
)
def test_a_crossing_has_a_cause_that_is_known(links: int, interval: str, seed: int, crossings: int) -> None:
    """The judge lets it pass, and it is counted where the two sides could have met."""
    verdict = run(draw(seed, paced(Shape(links, links), interval)))
    assert (verdict.objection, verdict.course.crossings) == (None, crossings)


def test_two_far_gateways_of_one_priority_may_cost_two_switches_more() -> None:
    """Weights may be equal; then two timers run out in the same instant, and the near side follows either word."""
    verdict = run(draw(56, paced(Shape(3, 3), "adaptive"), weighed=True, loads=False))
    assert verdict.objection is None, verdict.report()


@pytest.mark.parametrize("seed", [330, 4133])
def test_who_was_master_before_an_agents_death_divides_no_weight_for_ever(seed: int) -> None:
    """The far end gives a VID up while its peer is dead; the successor must not go on counting it as mastered."""
    verdict = run(draw(seed, paced(Shape(2, 2), "random"), weighed=True, loads=False))
    assert verdict.objection is None, verdict.report()


@pytest.mark.parametrize(
    ("links", "seed"),
    [
        pytest.param(2, 2, id="two VIDs and two links"),
        pytest.param(3, 76, id="with little hysteresis and hold time"),
        pytest.param(8, 1, id="a weight that rises and fails between two looks"),
    ],
)
def test_vids_do_not_chase_each_other_for_ever(links: int, seed: int) -> None:
    """What fills a link leaves it, fills the next one, and comes back: a few times, and then it stays."""
    verdict = run(draw(seed, Shape(links, links), loads=True))
    assert verdict.objection is None, verdict.report()


def test_a_master_that_finds_its_link_closed_does_not_say_first_that_it_is_there() -> None:
    """It stood still for longer than the detect time: an advert of VID 1, if any, is a resignation."""
    world = healthy(Shape(2, 2), 1)
    world.run(2000)
    fault = Pause("f1")
    world.begin(fault)
    world.run(1000)
    world.trace.lines.clear()
    world.end(fault)
    said = [detail for _, who, what, detail in world.trace.lines if (who, what) == ("f1", "advert")]
    assert said == [bytes((1, 0))]


def test_hosts_follow_a_master_that_they_hear_again_after_the_other_one_has_gone() -> None:
    """Each part of a split LAN has a Master; that of the hosts' part loses its leg before the split has healed."""
    world = healthy(Shape(3, 3), 1)
    split, leg = Partition("near", ("b2", "b3")), Leg("b1")
    world.begin(split)
    world.run(1500)
    world.begin(leg)
    world.run(5)
    healed = world.now
    world.end(split)
    world.run(NEIGHBOUR_PROBE / MILLISECOND)
    assert world.lans["near"].neighbours[virtual_ip("near", 1).ip] == world.lans["near"].macs["b2"]
    settle(world, 6000)
    assert world.traffic.worst_ms(healed, world.now) < 800
