"""Histories in which a judge once objected, each a named story; docs/simulation.md has what was behind them."""

import pytest

from linkbalancer.cli.sim import paced
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Pause
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import run
from linkbalancer.sim.shape import Shape


@pytest.mark.parametrize(
    ("links", "interval", "seed"),
    [
        pytest.param(2, "random", 1692, id="a grace without a Master"),
        pytest.param(2, "random", 7790, id="a grace without a Master, again"),
        pytest.param(2, "random", 5676, id="a silence after loss"),
        pytest.param(2, "random", 6510, id="a silence after loss, again"),
        pytest.param(3, "fixed", 1080, id="an advert in the instant of a resignation"),
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
    verdict = run(draw(56, paced(Shape(3, 3), "adaptive"), weighed=True))
    assert verdict.objection is None, verdict.report()


@pytest.mark.parametrize("seed", [330, 4133])
def test_who_was_master_before_an_agents_death_divides_no_weight_for_ever(seed: int) -> None:
    """The far end gives a VID up while its peer is dead; the successor must not go on counting it as mastered."""
    verdict = run(draw(seed, paced(Shape(2, 2), "random"), weighed=True))
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
