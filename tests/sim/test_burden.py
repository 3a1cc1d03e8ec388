"""Loads that follow their VIDs: whoever becomes Master has them, and everybody measures it by and by."""

import pytest

from linkbalancer.sim.burden import HOLDS_MS, Burden, laden
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Death, Kill, Silent
from linkbalancer.sim.loads import Load, Loads, Shift
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import bare, run
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.weather import Turn, Weather, draw_weather
from linkbalancer.sim.weighing import Figures, Recipe
from linkbalancer.sim.world import World

MS = 1_000_000
LINK = Figures(capacity=100e6, rate=1e6, capacity_in=50e6, rate_in=2e6)
FIRST = (Load(10e6, 20e6), Load(5e6, 4e6))


def burdened(*shifts: Shift, turns: tuple[Turn, ...] = ()) -> tuple[World, Burden]:
    """Return two links whose VIDs stay as they are configured, 1 on l1 and 2 on l2, and carry something."""
    loads = Loads(FIRST, shifts, (2, 4))
    weather = Weather(Recipe(), (("l1", LINK), ("l2", LINK)), turns, loads)
    world = healthy(Shape(2, 2), 1)
    burden = Burden(world, weather, loads, 1)
    world.run(1)
    return world, burden


def runs(burden: Burden, link: str) -> list[float]:
    """Return what runs over a link, out and in, in Mbit/s."""
    return [rate / 1e6 for rate, _ in burden.figures[link].lanes]


def test_a_load_is_where_its_master_is() -> None:
    """On top of what the weather has running there, each way."""
    _, burden = burdened()
    assert (runs(burden, "l1"), runs(burden, "l2")) == ([11, 22], [6, 6])


@pytest.mark.parametrize("kind", [Cut, Silent])
def test_a_load_moves_with_its_vid_and_back(kind: type[Cut | Silent]) -> None:
    """A link that is dead carries nothing of it once its VID has left."""
    world, burden = burdened()
    fault = kind("l1")
    world.begin(fault)
    world.run(3000)
    assert (runs(burden, "l1"), runs(burden, "l2")) == ([1, 2], [16, 26])
    world.end(fault)
    world.run(8000)
    assert (runs(burden, "l1"), runs(burden, "l2")) == ([11, 22], [6, 6])


def test_a_dead_agents_kernel_goes_on_and_a_dead_gateways_does_not() -> None:
    """What comes back is sent by the far Master, whatever has become of the near one."""
    world, burden = burdened()
    world.begin(Kill("b1"))
    world.run(10)
    assert runs(burden, "l1") == [11, 22]
    world.heal()
    world.run(1000)
    world.begin(Death("b1"))
    world.run(10)
    assert runs(burden, "l1") == [1, 22]


def test_loads_and_weather_change() -> None:
    """When they say so; `turned_at` is then, and not when a VID moves."""
    world, burden = burdened(
        Shift(500, 2, Load(0, 1e6)), turns=(Turn(1000, "l1", Figures(trip=3 * MS, capacity=40e6)),)
    )
    world.run(600)
    assert (runs(burden, "l1"), runs(burden, "l2")) == ([11, 22], [1, 3])
    world.run(600)
    assert (runs(burden, "l1"), burden.figures["l1"].trip) == ([10, 20], 3 * MS)
    turned = burden.turned_at
    world.begin(Cut("l2"))
    world.run(2000)
    assert burden.turned_at == turned
    assert any(what == "LOAD" for _, _, what, _ in world.trace.lines)


def test_a_link_that_is_given_too_much_loses_the_rest_and_makes_packets_wait() -> None:
    """In the direction that is full: half of its wait is put on either way, for a wire has one delay."""
    world, burden = burdened(Shift(100, 2, Load(199e6, 0)))
    world.run(200)
    figures = burden.figures["l2"]
    assert runs(burden, "l2") == [100, 2]
    assert figures.loss == pytest.approx(0.5)
    assert figures.trip == world.wires["l2"].delay == LINK.trip + 2 * MS


def test_hosts_measure_loads_by_and_by() -> None:
    """Both ends, each its own directions; after half a minute it is what it is."""
    world, _ = burdened(Shift(2000, 1, Load(60e6, 20e6)))
    world.run(5000)
    rates = {}
    for name in ("b1", "f1"):
        agent = world.nodes[name].agent
        assert agent is not None
        known = agent.known.measured["l1"].metrics
        assert (known.outward.capacity, known.inward.capacity) == ((100e6, 50e6) if name == "b1" else (50e6, 100e6))
        rates[name] = known.outward.rate if name == "b1" else known.inward.rate
    assert all(rate is not None and 20e6 < rate < 50e6 for rate in rates.values()), rates
    world.run(40_000)
    agent = world.nodes["b1"].agent
    assert agent is not None
    assert agent.known.measured["l1"].metrics.outward.rate == pytest.approx(61e6, rel=1e-3)


def test_the_weather_of_a_seed_is_the_same_with_loads() -> None:
    """But that links are quieter, may be narrower to the near end, and hold times are others."""
    for seed in range(20):
        plain = draw_weather(seed, ("l1", "l2"), 0, 4000)
        weather = laden(seed, plain, 3, 0)
        assert weather == laden(seed, plain, 3, 0)
        assert (weather.recipe.function, weather.recipe.spread) == (plain.recipe.function, plain.recipe.spread)
        assert weather.recipe.hold_ms in HOLDS_MS
        assert [turn.at_ms for turn in weather.turns] == [turn.at_ms for turn in plain.turns]
        assert all(one.trip == other.trip for (_, one), (_, other) in zip(weather.first, plain.first, strict=True))
        assert str(weather.loads) in str(weather)


def test_one_in_two_weighed_seeds_has_loads() -> None:
    """Unless somebody says; the faults are the same, and so are the histories that are not weighed."""
    drawn = [draw(seed, Shape(2, 2), weighed=True) for seed in range(100)]
    with_loads = [one for one in drawn if one.weather is not None and one.weather.loads is not None]
    assert 30 < len(with_loads) < 70
    for one in with_loads[:5]:
        plain = draw(one.seed, Shape(2, 2))
        assert (one.strikes, one.drifts, plain.weather) == (plain.strikes, plain.drifts, None)
        assert one == draw(one.seed, Shape(2, 2), loads=True)


def test_loads_are_there_without_judges_too() -> None:
    """So that what judges cost can be measured."""
    drawn = draw(3, Shape(2, 2), loads=True)
    assert 0 < bare(drawn) < run(drawn).events
