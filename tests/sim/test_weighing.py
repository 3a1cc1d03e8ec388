"""How simulated links are weighed: what the judge reckons is what the engine does, by formulas written twice."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.links import GroupId
from linkbalancer.sim.burden import laden
from linkbalancer.sim.shape import Shape, loaded
from linkbalancer.sim.weather import draw_weather
from linkbalancer.sim.weighing import FUNCTIONS, MAPPINGS, SPREADS, Figures, Recipe
from linkbalancer.weights.hysteresis import Settled
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.settings import Weighing
from linkbalancer.weights.view import View

LINKS = ("l1", "l2", "l3")
ONE, TWO = GroupId(1), GroupId(2)


def configured(recipe: Recipe) -> Weighing:
    """Return what a near gateway makes of a recipe."""
    config = loaded(Shape(3, 3, weight=recipe.text), "b2")
    assert config.warnings == ()
    return config.config.weights("l2").groups[TWO]


def measured(figures: Figures) -> Metrics:
    """Return what both ends know of a link, with its round-trip time."""
    known = figures.metrics
    return Metrics(outward=known.outward, inward=known.inward, loss=known.loss, rtt=2 * figures.trip, jitter=0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_weight_is_what_the_engine_reckons(function: str) -> None:
    """Of every link that is drawn, on the VID's own link and elsewhere."""
    recipe = Recipe(function=function)
    weighing, seen = configured(recipe), set()
    for seed in range(60):
        plain = draw_weather(seed, LINKS, 0, 4000)
        for _, figures in (*plain.first, *laden(seed, plain, 3, 0).first):
            for masters in ((), (ONE,), (TWO,), (ONE, TWO)):
                mastered, number = TWO in masters, len(masters)
                view = View(group=TWO, metrics=measured(figures), mastered=mastered, masters=number)
                weight = weighing.function.weight(view)
                assert weight is not None
                assert weight == pytest.approx(recipe.weight(figures, mastered=mastered, masters=number), abs=1e-9)
                seen.add(round(weight))
    assert len(seen) > 20


@given(st.sampled_from((2, 5, 25)), st.integers(0, 5), st.integers(0, 4000), st.floats(0, 100))
def test_turns_are_forgotten_as_in_the_engine(hysteresis: int, turns: int, seconds: int, weight: float) -> None:
    """And what counts is as much."""
    recipe, now = Recipe(function="loss", hysteresis=hysteresis, hold_ms=1000), seconds * SECOND
    left = recipe.turns(0, turns, now)
    after = Settled(50, 0, rose=None, turns=turns).followed(now, weight, configured(recipe).calm)
    waits = now < recipe.hold(0) << turns
    end = weight in {0, 100} and not left
    changes = weight < 1 or (not waits and (end or abs(weight - 50) >= recipe.least(left)))
    assert after == (Settled(weight, now, weight > 50, left) if changes else Settled(50, 0, None, turns))


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("spread", SPREADS)
def test_a_share_and_its_priority_are_those_of_the_engine(mapping: str, spread: str) -> None:
    """To the last bit."""
    recipe = Recipe(mapping=mapping, spread=spread)
    weighing, chance = configured(recipe), Random(1)
    for weight in (0.0, 0.5, 1.0, 100.0, *(chance.uniform(0, 100) for _ in range(200))):
        for before in range(5):
            share = weighing.spread.weight(weight, before)
            assert (share, weighing.mapping.priority(share)) == (
                recipe.share(weight, before),
                recipe.priority(recipe.share(weight, before)),
            )


@pytest.mark.parametrize("recipe", [Recipe(hysteresis=12, hold_ms=3000), Recipe(damping=True)], ids=str)
def test_calm_is_configured_as_it_is_drawn(recipe: Recipe) -> None:
    """Hysteresis, hold, and whether flaps count."""
    weighing = configured(recipe)
    assert (weighing.calm.least, weighing.calm.hold) == (recipe.hysteresis, recipe.hold_ms * 10**6)
    assert (weighing.damping is not None) is recipe.damping


def test_vids_that_carry_the_load_wait_for_each_other() -> None:
    """Half a hold time more each, where weights follow the load."""
    assert [Recipe(hold_ms=1000).hold(place) for place in (0, 2)] == [10**9, 10**9]
    follows = Recipe(function="available-bandwidth", hold_ms=1000)
    assert [follows.hold(place) for place in (0, 1, 2)] == [10**9, 15 * 10**8, 2 * 10**9]


def test_links_are_compared_figure_by_figure() -> None:
    """The worse and the better of two may be neither."""
    one, other = Figures(trip=1, loss=0.1, capacity=9.0, rate=1.0), Figures(trip=2, loss=0.0, capacity=8.0, rate=3.0)
    assert one.worse(other) == Figures(trip=2, loss=0.1, capacity=8.0, rate=3.0)
    assert one.better(other) == Figures(trip=1, loss=0.0, capacity=9.0, rate=1.0)
    assert (one.longer(5).trip, one.longer(-5).trip) == (6, 0)


def test_each_direction_counts() -> None:
    """The one with less room, and the worse of two in each."""
    one = Figures(capacity=100e6, rate=10e6, capacity_in=20e6, rate_in=15e6)
    assert one.free == 5e6
    assert str(one).endswith("10.0 of 100 Mbit/s out, 15.0 of 20 in")
    assert one.worse(Figures(capacity=50e6)).lanes == ((10e6, 50e6), (15e6, 20e6))
    assert one.better(Figures(capacity=50e6)).lanes == ((0, 100e6), (0, 50e6))
    busier = one.busier(1e6)
    assert busier.lanes == ((11e6, 100e6), (16e6, 20e6))
    assert busier.loss == pytest.approx(0.001)
    assert (one.busier(-20e6).lanes, one.busier(-20e6).loss) == (((0, 100e6), (0, 20e6)), 0)
    assert (one.metrics.outward.rate, one.metrics.inward.rate) == (10e6, 15e6)


def test_a_person_reads_what_was_drawn() -> None:
    """A recipe and a link, each on a line."""
    recipe = Recipe(function="loss", damping=True, spread="even")
    assert str(recipe) == "loss, hysteresis 5, hold 1000 ms, linear, spread even, damping on"
    assert str(Figures(rate=40e6)) == "1000 us one way, loss 0.0%, 40.0 of 100 Mbit/s"
