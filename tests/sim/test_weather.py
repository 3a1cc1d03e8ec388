"""The weather of a history: drawn by the seed alone, and what links are when it says so."""

from linkbalancer.sim.draw import draw
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.weather import Seasons, Turn, Weather, draw_weather
from linkbalancer.sim.weighing import TRIP_MAX, Figures, Recipe

MS = 1_000_000
FIRST, THEN = Figures(), Figures(trip=4 * MS, loss=0.02)


def test_the_faults_of_a_seed_are_the_same_with_weather() -> None:
    """Only the network weighs its links, and has something to weigh."""
    for seed in range(20):
        plain, weighed = draw(seed, Shape(3, 3)), draw(seed, Shape(3, 3), weighed=True, loads=False)
        assert weighed.weather is not None
        assert (plain.strikes, plain.drifts, plain.calm_ms) == (weighed.strikes, weighed.drifts, weighed.calm_ms)
        assert (plain.shape.weight, weighed.shape.weight) == ("", weighed.weather.recipe.text)
        assert str(weighed).startswith(f"seed {seed}: ")
        assert f"weighed by {weighed.weather.recipe}" in str(weighed)


def test_every_way_of_weighing_is_drawn() -> None:
    """And links change by much, by little, and to no use at all."""
    drawn = [draw_weather(seed, ("l1", "l2"), 0, 4000) for seed in range(300)]
    for field, kinds in (
        ("function", 5),
        ("hysteresis", 4),
        ("hold_ms", 3),
        ("mapping", 3),
        ("spread", 3),
        ("damping", 2),
    ):
        assert len({getattr(one.recipe, field) for one in drawn}) == kinds
    assert {len({turn.at_ms for turn in one.turns}) for one in drawn} == {0, 1, 2, 3, 4}
    figures = [turn.figures for one in drawn for turn in one.turns]
    assert any(one.trip > TRIP_MAX for one in figures)
    assert any(one.loss >= 0.1 for one in figures)
    assert any(one.rate >= one.capacity for one in figures)


def test_links_become_what_the_weather_says() -> None:
    """Their wires at once; the hosts at both ends measure it, and the past is kept for the judge."""
    world = healthy(Shape(2, 2), 1)
    began = world.now
    seasons = Seasons(world, Weather(Recipe(), (("l1", FIRST), ("l2", FIRST)), (Turn(500, "l1", THEN),)))
    world.run(400)
    assert seasons.since("l1", began) == [FIRST]
    world.run(200)
    assert (world.wires["l1"].delay, world.wires["l2"].delay) == (4 * MS, MS)
    assert seasons.figures["l1"] == THEN
    assert seasons.since("l1", began) == [FIRST, THEN]
    assert seasons.since("l1", world.now - 50 * MS) == [THEN]
    for name in ("b1", "f1"):
        agent = world.nodes[name].agent
        assert agent is not None
        assert agent.known.measured["l1"].metrics == THEN.metrics
    assert str(Turn(500, "l1", THEN)) == "at 500 ms l1: 4000 us one way, loss 2.0%, 0.0 of 100 Mbit/s"
