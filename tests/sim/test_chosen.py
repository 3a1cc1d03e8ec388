"""Faults that Hypothesis chooses: no judge objects to any; where one does, the shortest story is left."""

import functools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, find, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND
from linkbalancer.lvrrp.detection import Detection
from linkbalancer.sim.draw import DRIFT_PPM_MAX, FAULTY_MS, Draw, Drift, Strike
from linkbalancer.sim.faults import (
    Cut,
    Deaf,
    Death,
    Drain,
    Kill,
    Leg,
    Lossy,
    LossyLan,
    Partition,
    Pause,
    Restart,
    Silent,
)
from linkbalancer.sim.run import run
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.timefaults import Leap, Stall
from linkbalancer.sim.weather import Turn, Weather
from linkbalancer.sim.weighing import FUNCTIONS, MAPPINGS, SPREADS, TRIP_MAX, Figures, Recipe
from linkbalancer.sim.wire import FAR, NEAR, SIDES

SHAPE = Shape(2, 2)
CALM_MS = 1500

links = st.sampled_from(SHAPE.link_names)
nodes = st.sampled_from(SHAPE.node_names)
sides = st.sampled_from(SIDES)
percents = st.integers(1, 30)
directions = st.sampled_from((SIDES, (NEAR,), (FAR,)))
pairs = st.sampled_from((("b1", ("b2",)), ("b2", ("b1",)), ("f1", ("f2",)), ("f2", ("f1",))))
islands = st.sampled_from(((NEAR, ("b1",)), (NEAR, ("b2",)), (FAR, ("f1",)), (FAR, ("f2",)), (FAR, ("f1", "f2"))))

faults = st.one_of(
    *(st.builds(kind, links) for kind in (Cut, Silent)),
    *(st.builds(kind, nodes) for kind in (Death, Leg, Restart, Kill, Pause, Stall)),
    st.builds(Silent, links, directions),
    st.builds(Drain, nodes, st.integers(0, 2)),
    st.builds(Leap, nodes, st.integers(1, 5000)),
    st.builds(Lossy, links, percents, percents, st.integers(0, 150)),
    st.builds(LossyLan, sides, percents),
    pairs.map(lambda pair: Deaf(*pair)),
    islands.map(lambda pair: Partition(*pair)),
)
strikes = st.builds(Strike, st.integers(CALM_MS, CALM_MS + FAULTY_MS), faults, st.integers(1, 3000))
drifts = st.tuples(
    *(st.builds(Drift, st.just(name), st.integers(-DRIFT_PPM_MAX, DRIFT_PPM_MAX)) for name in SHAPE.node_names)
)


def told(seed: int, chosen: list[Strike], clocks: tuple[Drift, ...]) -> Draw:
    """Return the history of these faults."""
    return Draw(seed, SHAPE, CALM_MS, tuple(sorted(chosen, key=lambda strike: strike.at_ms)), clocks)


lines = st.builds(
    lambda trip, loss, capacity, load: Figures(trip * MICROSECOND, loss / 1000, capacity * 1e6, capacity * load * 1e4),
    st.integers(0, TRIP_MAX // MICROSECOND),
    st.integers(0, 100),
    st.integers(1, 1000),
    st.integers(0, 100),
)
recipes = st.builds(
    Recipe,
    st.sampled_from(tuple(FUNCTIONS)),
    st.integers(3, 50),
    st.integers(0, 3000),
    st.sampled_from(MAPPINGS),
    st.sampled_from(SPREADS),
    st.booleans(),
)
turns = st.lists(st.builds(Turn, st.integers(0, CALM_MS + FAULTY_MS), links, lines), max_size=4)


def weighed(drawn: Draw, recipe: Recipe, first: tuple[Figures, Figures], changes: list[Turn]) -> Draw:
    """Return the history with links that are so, become so, and are weighed so."""
    weather = Weather(recipe, tuple(zip(SHAPE.link_names, first, strict=True)), tuple(changes))
    return replace(drawn, shape=weather.dress(drawn.shape), weather=weather)


draws = st.builds(told, st.integers(0, 10**6), st.lists(strikes, max_size=4), drifts)


@profile(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draws)
def test_no_judge_objects_to_chosen_faults(drawn: Draw) -> None:
    """Up to four of any kind, at any time, of any length, with clocks that drift."""
    verdict = run(drawn)
    assert verdict.objection is None, verdict.report()


@profile(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.builds(weighed, draws, recipes, st.tuples(lines, lines), turns))
def test_no_judge_objects_to_chosen_weights(drawn: Draw) -> None:
    """Whatever weighs the links, however they change, and whatever breaks beside them."""
    verdict = run(drawn)
    assert verdict.objection is None, verdict.report()


def objected(drawn: Draw) -> bool:
    """Tell whether a judge objects; who looks for the shortest history asks of most several times."""
    return run(drawn).objection is not None


@pytest.mark.slow
def test_a_weight_that_is_not_obeyed_is_told_as_shortly_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where far ends do nothing of what they acknowledge, nothing has to break or change: two links are enough."""
    monkeypatch.setattr("linkbalancer.lvrrp.obeying.Obeying.priority", lambda *_: None)
    struck = st.lists(st.just(Strike(CALM_MS, Cut("l1"), 100)), max_size=1)
    turned = st.lists(st.just(Turn(CALM_MS, "l2", Figures(loss=0.02))), max_size=1)
    first = st.just((Figures(loss=0.05), Figures()))
    told_once = st.builds(told, st.just(1), struck, st.just(()))
    several = st.builds(weighed, told_once, st.just(Recipe("loss")), first, turned)
    patience = profile(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    found = find(several, functools.cache(objected), settings=patience)
    assert found.weather is not None
    assert (found.strikes, found.weather.turns) == ((), ())


def test_what_fails_is_told_as_shortly_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no silence is noticed, one silent link is all that is left of a story with a cut one in it, and a drain."""
    monkeypatch.setattr(Detection, "silent_at", lambda _detection: None)
    some = st.one_of(st.builds(Drain, nodes), *(st.builds(kind, links) for kind in (Cut, Silent)))
    lasting = st.builds(Strike, st.sampled_from((CALM_MS, CALM_MS + 200)), some, st.just(FAULTY_MS))
    several = st.builds(told, st.just(1), st.lists(lasting, min_size=1, max_size=3), st.just(()))
    patience = profile(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    found = find(several, functools.cache(objected), settings=patience)
    (strike,) = found.strikes
    assert isinstance(strike.fault, Silent)
