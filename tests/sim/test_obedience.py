"""The judge of weights: it objects to every way in which a gateway could fail to go by them."""

from collections.abc import Iterator
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.links import GroupId
from linkbalancer.lvrrp import rules
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Kill
from linkbalancer.sim.judges import Objection
from linkbalancer.sim.metering import Meters
from linkbalancer.sim.obedience import Obedience, Weight, believed_within
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import run, settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.weather import Seasons, Weather
from linkbalancer.sim.weighing import Figures, Recipe
from linkbalancer.sim.world import World
from linkbalancer.weights.hysteresis import Settled
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.weigher import Weigher

MS = 1_000_000
SEEDS = range(8)
GOOD, FAIR = Figures(loss=0.0), Figures(loss=0.05)


def objections(seeds: range = SEEDS) -> Iterator[str]:
    """Yield what judges say to histories of two links that are weighed, in which nothing breaks, as far as is asked."""
    verdicts = (run(draw(seed, Shape(2, 2), (), weighed=True, loads=False)) for seed in seeds)
    return (verdict.objection for verdict in verdicts if verdict.objection is not None)


def weighed(recipe: Recipe, *figures: Figures, vids: int = 2) -> tuple[World, Seasons, Obedience]:
    """Return a settled network of links like these, with its judge."""
    links = tuple(f"l{number}" for number in range(1, len(figures) + 1))
    weather = Weather(recipe, tuple(zip(links, figures, strict=True)))
    world = healthy(weather.dress(Shape(len(figures), vids)), 1)
    seasons = Seasons(world, weather)
    judge = Obedience(world, seasons)
    settle(world, 20_000, judge.disobedience)
    return world, seasons, judge


@pytest.mark.parametrize("links", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_no_judge_objects_to_weighed_histories(links: int, seed: int) -> None:
    """Faults of every kind, and links that become better and worse beside them."""
    verdict = run(draw(seed, Shape(links, links), weighed=True, loads=False))
    assert verdict.objection is None, verdict.report()


def test_a_weight_that_moves_by_less_than_the_hysteresis_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every change counts."""
    monkeypatch.setattr(Settled, "_differs", lambda self, reckoned, *_: reckoned != self.weight)
    assert any("less than the hysteresis" in text for text in objections())


def test_vids_that_never_tire_of_moving_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes its load along, and whoever turns back does so by the same hysteresis and hold time again."""
    monkeypatch.setattr(Settled, "turns_left", lambda *_: 0)
    monkeypatch.setattr(Settled, "_held_until", lambda self, calm: self.since + calm.hold)
    monkeypatch.setattr(Recipe, "turns", lambda *_: 0)
    monkeypatch.setattr(Obedience, "_hold", lambda self, vid, _: self._recipe.hold(vid - 1))
    objection = run(draw(2, Shape(2, 2), (), loads=True)).objection
    assert objection is not None
    assert "no agreement" in objection or "changes while nothing else did" in objection


def test_a_weight_that_turned_and_is_followed_as_before_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a turn less than twice the hysteresis is noise."""
    monkeypatch.setattr(Settled, "turns_left", lambda *_: 0)
    texts = (run(draw(seed, Shape(2, 2), (), loads=True)).objection or "" for seed in (2, 12, 13))
    assert any("less than the hysteresis" in text for text in texts)


def test_hosts_that_do_not_measure_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """At rest is only what is known as it is."""
    monkeypatch.setattr(Meters, "_reader", lambda *_: lambda: None)
    objection = run(draw(1, Shape(2, 2), (), loads=True)).objection
    assert objection is not None
    assert "b1 has not measured yet what l1 carries" in objection


@pytest.mark.parametrize("turns", [0, 1])
def test_a_failed_weight_that_fails_again_must_have_risen(turns: int) -> None:
    """Two turns more tell of a rise that was not seen; with fewer it changed by nothing."""
    world, _seasons, judge = weighed(Recipe(function="loss"), GOOD, FAIR)
    since = world.now
    with pytest.raises(Objection, match=r"l1 weighed 0\.000 for VID 1, and now 0\.500: less than the hysteresis"):
        judge._judge_change("l1", 1, Weight(0.0, since, 0), Weight(0.5, since + 60 * SECOND, turns))


def test_changes_are_counted_from_the_last_cause_on() -> None:
    """Of each weight for itself."""
    world, seasons, judge = weighed(Recipe(function="loss"), GOOD, FAIR)
    assert [judge._changed("l1", 1), judge._changed("l1", 1), judge._changed("l2", 1)] == [1, 2, 1]
    world.run(1)
    seasons.turn("l2", GOOD)
    assert judge._changed("l1", 1) == 1
    world.run(1)
    world.begin(Cut("l1"))
    assert judge._changed("l1", 1) == 1


def test_a_weight_that_does_not_wait_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hold time."""
    monkeypatch.setattr(Settled, "_held_until", lambda self, _: self.since)
    assert any(" s, and not " in text for text in objections(range(20)))


def test_a_weight_that_stays_as_it_came_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is measured later."""
    monkeypatch.setattr(Settled, "followed", lambda self, *_: self)
    monkeypatch.setattr(Settled, "deadline", lambda *_: None)
    assert any(", and is worth " in text for text in objections())


def test_a_weight_of_nothing_that_was_measured_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The better a link, the less it is worth."""
    followed = Settled.followed
    monkeypatch.setattr(Settled, "followed", lambda self, now, it, calm: followed(self, now, 100 - it, calm))
    assert any("of late it was worth" in text for text in objections())


def test_a_link_that_is_not_weighed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it can carry the VID."""
    monkeypatch.setattr("linkbalancer.engine.scales.Scales.measured", lambda *_: None)
    assert any("has no weight yet" in text for text in objections(range(1)))


def test_vids_that_chase_each_other_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes way for all others, and not for those before it alone."""
    monkeypatch.setattr(Weigher, "_before", lambda self, group: len(self._remembered.masters - {group}))
    assert any(" wants priority " in text for text in objections(range(20)))


def test_a_share_that_is_no_share_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """VIDs that are to spread stay together."""
    monkeypatch.setattr(Spread, "weight", lambda _self, weight, _before: weight)
    assert any(" wants priority " in text for text in objections(range(20)))


def test_a_far_end_that_does_not_obey_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It acknowledges everything, and does nothing."""
    monkeypatch.setattr("linkbalancer.lvrrp.obeying.Obeying.priority", lambda *_: None)
    assert any(" has priority None, and should have " in text for text in objections(range(2)))


def test_an_election_by_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What far ends have in force is not what they run with."""
    monkeypatch.setattr("linkbalancer.engine.stances.controlled_stance", _constant)
    assert any(", and the weights say {" in text for text in objections())


def _constant(**known: Any) -> rules.Stance:
    return rules.controlled_stance(**(known | {"base": 100}))


def test_a_weight_may_stand_where_it_came_from_before_a_restart() -> None:
    """What another agent had in force is nothing to compare with."""
    world, seasons, judge = weighed(Recipe(function="loss"), GOOD, FAIR)
    world.begin(Kill("b1"))
    world.nodes["b1"].saved = None
    seasons.turn("l1", Figures(loss=0.001))
    world.run(300)
    world.heal()
    settle(world, 20_000, judge.disobedience)


def test_the_least_and_the_best_are_always_reached() -> None:
    """A weight of 98 is not what a link is worth that has come to 100; nor is 1.5 what one is worth that fails."""
    world, _, judge = weighed(Recipe(function="loss"), GOOD, FAIR)
    assert not list(judge.disobedience())
    near = world.nodes["b1"].agent
    assert near is not None
    remembered = near._gateway.scales._pans["l1"].weigher._remembered
    for weight in (98.0, 94.0):
        one = remembered.groups[GroupId(1)]
        remembered.groups[GroupId(1)] = type(one)(Settled(weight, 0), one.reckoning, one.flaps)
        assert f"b1: VID 1 weighs {weight:.3f}, and is worth 100.000 to 100.000" in list(judge.disobedience())


def test_a_change_is_judged_by_what_was_true_of_late() -> None:
    """And a fault makes what was told wait."""
    world, seasons, judge = weighed(Recipe(function="loss", hold_ms=0), GOOD, FAIR)
    seasons.turn("l2", GOOD)
    old, new, back = (Weight(weight, since, 0) for since, weight in enumerate((50.0, 100.0, 50.0)))
    judge._judge_change("l2", 1, old, new)
    world.run(believed_within(world.shape, judge._recipe) / MS + 200)
    judge._judge_change("l2", 1, old, new)
    with pytest.raises(Objection, match=r"of late it was worth 100.000 to 100.000"):
        judge._judge_change("l2", 1, new, back)
    world.begin(Cut("l1"))
    judge._judge_change("l2", 1, new, back)


def test_a_great_loss_may_be_worth_more_than_a_full_link() -> None:
    """Eight links, weighed, seed 25: the loss came down while nothing was free, and that was worth less than either."""
    full = Figures(loss=0.1, capacity=1e8, rate=1e8)
    world, seasons, judge = weighed(Recipe(function="expression", hold_ms=0), GOOD, full)
    world.run(believed_within(world.shape, judge._recipe) / MS + 200)
    seasons.turn("l2", Figures(loss=0.07, capacity=1e8, rate=1e8))
    judge._judge_change("l2", 1, Weight(0.5, 0, 0), Weight(0.0, 1, 0))
    with pytest.raises(Objection, match=r"of late it was worth 0\.000 to 0\.500"):
        judge._judge_change("l2", 1, Weight(0.0, 0, 0), Weight(30.0, 1, 0))


def test_the_limit_grows_with_what_has_to_be_waited_for() -> None:
    """Holds that have doubled, flaps that are forgiven, and rounds in which VIDs find their places."""
    world, _, plain = weighed(Recipe(function="loss"), GOOD, FAIR)
    assert plain.limit() == believed_within(world.shape, plain._recipe) + 3000 * MS + 1200 * MS
    plain._seen["l1", 1] = None, Weight(5.0, 0, 2)
    assert plain.limit() == believed_within(world.shape, plain._recipe) + 12_000 * MS + 1200 * MS
    world, _, other = weighed(Recipe(function="loss", spread="even", damping=True), GOOD, FAIR)
    assert other.limit() == believed_within(world.shape, other._recipe) + 13_000 * MS + 2400 * MS
