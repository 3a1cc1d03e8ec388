"""The judges of settling object when they must: to a broken rule, in a whole run."""

from typing import Any

import pytest

from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp import rules
from linkbalancer.sim.agreement import Watch
from linkbalancer.sim.convergence import Crossing
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Deaf, Lossy, Partition
from linkbalancer.sim.judges import Objection
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import Verdict, run
from linkbalancer.sim.settling import FewSwitches, Led, Reunion, is_at_rest, longest_wait, reunion_limit, stranded, ties
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.wire import FAR, NEAR
from linkbalancer.sim.world import World
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Master

MS = 1_000_000
SEEDS = range(4)


def judged() -> tuple[World, Watch, Reunion, FewSwitches]:
    """Return a settled network of two links, and its judges, who have looked once."""
    world, watch = healthy(Shape(2, 2), 1), Watch()
    judges = Reunion(world.shape, watch), FewSwitches(world.shape, watch)
    world.judges += [watch, *judges]
    world.run(4000)
    return world, watch, *judges


def objections(shape: Shape) -> list[str]:
    """Return what the judges say to a few seeds."""
    verdicts: list[Verdict] = [run(draw(seed, shape)) for seed in SEEDS]
    return [verdict.objection for verdict in verdicts if verdict.objection is not None]


def test_a_controller_that_ignores_its_peer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a Master opposite raises no priority, the two sides stay on different links."""
    monkeypatch.setitem(rules._RANGES, rules.Tier.HIGH, rules._RANGES[rules.Tier.MID])
    monkeypatch.setitem(rules._RANGES, rules.Tier.LOW, rules._RANGES[rules.Tier.MID])
    monkeypatch.setattr("linkbalancer.engine.conduct.may_claim", lambda **_: False)

    assert any("the two sides are apart" in text for text in objections(Shape(2, 2)))


def test_a_far_side_that_moves_by_itself_is_found() -> None:
    """A third switch of one fault is one too many."""
    world, watch, _, judge = judged()
    world.begin(Cut("l1"))
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2"]
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2", "l3"]
    with pytest.raises(Objection, match=r"VID 1 changed 2 times on the far side, for 1 causes: l1 -> l2 -> l3"):
        judge(world)


def test_the_near_side_may_follow_each_switch_of_the_far_one() -> None:
    """And move once more for a fault of its own."""
    world, watch, _, judge = judged()
    world.begin(Cut("l1"))
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2"]
    watch.convergence.paths[NEAR, 1] = ["l1", "l3", "l2"]
    judge(world)
    watch.convergence.paths[NEAR, 1] = ["l1", "l3", "l4", "l2"]
    with pytest.raises(Objection, match="VID 1 changed 3 times on the near side, for 1 causes"):
        judge(world)


def test_a_vid_that_comes_back_without_a_cause_oscillates() -> None:
    """A fault and its end are two causes, and then it may."""
    world, watch, _, judge = judged()
    fault = Cut("l1")
    world.begin(fault)
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2"]
    watch.convergence.paths[NEAR, 1] = ["l1", "l2", "l1"]
    with pytest.raises(Objection, match="VID 1 came to l1 2 times on the near side"):
        judge(world)
    world.end(fault)
    judge(world)


def test_what_chance_does_has_no_bound() -> None:
    """Nor has what it leaves behind, until everything has been at rest."""
    world, watch, reunion, few = judged()
    loss, path = Lossy("l1", 5), ["l1", "l2"] * 9
    world.begin(loss)
    watch.convergence.agreed = False
    watch.convergence.paths[FAR, 1] = path
    world.agenda.now += 100_000 * MS
    reunion(world)
    few(world)
    world.end(loss)
    few(world)
    watch.convergence.agreed = True
    world.agenda.now += 100_000 * MS
    few(world)
    world.begin(Cut("l1"))
    few(world)
    watch.convergence.paths[FAR, 1] = path
    with pytest.raises(Objection, match="changed 17 times"):
        few(world)


def test_two_sides_that_stay_apart_are_objected_to() -> None:
    """Only past the limit, which is longer where a link waits to be open again; and not while a LAN is torn."""
    world, watch, judge, _ = judged()
    watch.convergence.agreed = False
    world.begin(Cut("l1"))
    world.agenda.now += reunion_limit(world.shape, 0)
    judge(world)
    world.agenda.now += MS
    torn = Deaf("b1", ("b2",))
    torn.begin(world)
    judge(world)
    torn.end(world)
    judge(world)
    world.agenda.now += reunion_limit(world.shape, 0) + MS
    with pytest.raises(Objection, match="the two sides are apart"):
        judge(world)


def test_a_link_that_went_down_waits() -> None:
    """As long as its penalty has it; then, while it waits, nothing is at rest."""
    world, *_ = judged()
    assert (longest_wait(world), is_at_rest(world)) == (0, True)
    fault = Cut("l1")
    world.begin(fault)
    world.run(100)
    assert (longest_wait(world), is_at_rest(world)) == (600 * MS, True)
    world.end(fault)
    world.run(100)
    assert not is_at_rest(world)
    world.run(2000)
    assert is_at_rest(world)


def test_a_circle_of_rules_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A far side that turns its order round wherever the near one has followed it never comes to rest."""
    original = rules.controlled_stance

    def turned(**known: Any) -> rules.Stance:
        peer: GroupWord | None = known["peer"]
        followed = peer is not None and peer.state is GroupState.MASTER
        return original(**(known | {"base": 254 - known["base"] if followed else known["base"]}))

    monkeypatch.setattr("linkbalancer.engine.stances.controlled_stance", turned)
    assert any("the two sides are apart" in text for text in objections(Shape(3, 3)))
    monkeypatch.setattr("linkbalancer.sim.run.Reunion", lambda *_: lambda _world: None)
    assert any(" times on the " in text for text in objections(Shape(3, 3)))


def crossed(at: int, went: tuple[str, str], late: int | None) -> Crossing:
    """Return a crossing of VID 1 from the two links of a network to one another."""
    return Crossing(at, 1, (went[1], went[0]), went, late)


def test_the_near_side_may_go_where_a_word_of_just_now_says() -> None:
    """Where the far side was a flight ago; b1 has heard that f1 is Master."""
    world, watch, *_ = judged()
    judge = Led(world.shape, watch)
    watch.convergence.crossings = [crossed(world.now, ("l1", "l2"), 2 * MS)]
    judge(world)
    assert watch.convergence.crossings == []
    for late in (3 * MS, None):
        watch.convergence.crossings = [crossed(world.now, ("l1", "l2"), late)]
        with pytest.raises(Objection, match="VID 1 crossed, from l2 and l1 to l1 and l2, and a word said otherwise"):
            judge(world)


def test_a_caretaker_may_cross_until_somebody_is_led() -> None:
    """b2 is no peer of a Master; but b1 is, and has heard so."""
    world, watch, *_ = judged()
    judge = Led(world.shape, watch)
    caretaker = crossed(world.now, ("l2", "l1"), None)
    watch.convergence.crossings = [caretaker]
    with pytest.raises(Objection, match="VID 1 crossed, from l1 and l2 to l2 and l1, and a word said otherwise"):
        judge(world)
    world.nodes["b1"].kill()
    watch.convergence.crossings = [caretaker]
    judge(world)


def test_a_word_may_be_old_where_something_stood_still() -> None:
    """As old as words are believed, and no older; and chance excuses everything."""
    world, watch, *_ = judged()
    judge = Led(world.shape, watch)
    world.begin(Cut("l2"))
    watch.convergence.crossings = [crossed(world.now, ("l1", "l2"), 600 * MS)]
    judge(world)
    watch.convergence.crossings = [crossed(world.now, ("l1", "l2"), 601 * MS)]
    with pytest.raises(Objection, match="crossed"):
        judge(world)
    world.begin(Lossy("l2", 5))
    watch.convergence.crossings = [crossed(world.now, ("l1", "l2"), None)]
    judge(world)


def test_another_priority_is_a_cause() -> None:
    """For the VID that has it, once; and nothing is at rest right after it."""
    world, watch, _, judge = judged()
    assert judge._rested
    world.adjusted.append((world.now, 1))
    path = ["l1", "l2", "l3", "l4"]  # switching on has been two causes already
    watch.convergence.paths[FAR, 1] = path
    judge(world)
    assert not judge._rested
    watch.convergence.paths[FAR, 2] = path
    with pytest.raises(Objection, match=r"VID 2 changed 3 times on the far side, for 2 causes"):
        judge(world)


def test_a_near_side_that_elects_by_itself_crosses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no word matters, both sides find their own best link, past each other."""
    monkeypatch.setitem(rules._RANGES, rules.Tier.HIGH, rules._RANGES[rules.Tier.MID])
    monkeypatch.setitem(rules._RANGES, rules.Tier.LOW, rules._RANGES[rules.Tier.MID])
    monkeypatch.setattr("linkbalancer.engine.conduct.may_claim", lambda **_: False)
    for other in ("Reunion", "FewSwitches"):
        monkeypatch.setattr(f"linkbalancer.sim.run.{other}", lambda *_: lambda _world: None)
    assert any(", and a word said otherwise" in text for text in objections(Shape(3, 3)))


def test_a_tie_is_two_causes() -> None:
    """Two far gateways are Master, with one priority; with another it is none, and the near side has none."""
    world, watch, _, judge = judged()
    one, other = (world.nodes[name].agent for name in ("f1", "f2"))
    assert one is not None
    assert other is not None
    routers = [agent.memberships[GroupId(1)].router for agent in (one, other)]
    for router in routers:
        assert isinstance(router, Router)
        router.state = Master(0)
    assert (list(ties(world, "f2")), list(ties(world, "b1"))) == ([], [])
    for router in routers:
        assert isinstance(router, Router)
        router.priority = 100
    assert list(ties(world, "f2")) == [1]
    world.moved.append((world.now, "f2", "VID 1 master: by chance"))
    watch.convergence.paths[FAR, 1] = ["l1", "l2", "l1", "l2", "l1"]
    judge(world)
    watch.convergence.paths[FAR, 1] += ["l2"]
    with pytest.raises(Objection, match=r"VID 1 changed 5 times on the far side, for 4 causes"):
        judge(world)


def test_an_election_on_an_island_is_a_cause() -> None:
    """The near side may follow whom its LAN has left alone, and come back; where frames pass, it is no island."""
    world, watch, _, judge = judged()
    one = world.nodes["f1"].agent
    assert one is not None
    router = one.memberships[GroupId(2)].router
    assert isinstance(router, Router)
    router.state = Master(0)
    assert stranded(world, "f1") == set()
    world.begin(Partition(FAR, ("f1",)))
    assert (stranded(world, "f1"), stranded(world, "b1")) == ({2}, set())
    world.moved.append((world.now, "f1", "VID 2 master: f2 fell silent"))
    judge(world)
    watch.convergence.paths[NEAR, 2] = ["l2", "l1", "l2"]
    judge(world)
    watch.convergence.paths[NEAR, 2] += ["l1"]
    with pytest.raises(Objection, match=r"VID 2 changed 3 times on the near side, for 2 causes"):
        judge(world)


def test_a_near_gateway_may_follow_its_peer_back() -> None:
    """Behind a far switch it is no oscillation; once more than that is one."""
    world, watch, _, judge = judged()
    world.begin(Cut("l1"))
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2", "l1"]
    world.begin(Cut("l2"))
    watch.convergence.paths[NEAR, 1] = ["l1", "l2", "l1", "l2", "l1"]
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2"]
    watch.convergence.paths[NEAR, 1] = ["l1", "l2", "l1", "l2"]
    judge(world)
    watch.convergence.paths[FAR, 1] = ["l1", "l2", "l3"]
    watch.convergence.paths[NEAR, 1] = ["l1", "l2", "l1", "l3", "l1"]
    with pytest.raises(Objection, match=r"VID 1 came to l1 3 times on the near side, for 2 causes"):
        judge(world)
