"""Somebody without a key floods a link with what he has recorded: nothing moves for it, whatever else happens."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from linkbalancer.links import GroupId
from linkbalancer.lvrrp.session import Candidate, Confirmed, Conversation, Heard, Sessions
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.attack import Attack, Attacker, forged, former_sessions
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Death, Kill, Pause, Restart, Silent
from linkbalancer.sim.node import QUEUE_MAX
from linkbalancer.sim.run import quiet, run, safety, settle
from linkbalancer.sim.settling import put_off
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.timefaults import Leap, Stall
from linkbalancer.sim.wire import FAR, NEAR, SIDES
from linkbalancer.sim.world import Fault, World

LIMIT_MS = 14_000
FLOOD = 10_000
WHYS = ("length", "magic", "tag", "reflected", "sequence", "echo")


def besieged(*attacks: Attack) -> World:
    """Return a network under attack that has booted and settled."""
    world = World(Shape(2, 2), 1)
    world.judges += safety(world.shape)
    for number, attack in enumerate(attacks):
        Attacker(world, attack, Random(number))
    world.start()
    world.run(100)
    settle(world, LIMIT_MS)
    return world


def standing(link: str, rate: int = 300, sessions: int = 20) -> Attack:
    """Return an attack that lasts from the beginning to the end."""
    return Attack(link, 0, None, rate, sessions)


def counters(world: World, name: str) -> Counter[str]:
    """Return what a gateway has counted of its link."""
    node = world.nodes[name]
    assert node.agent is not None
    return Counter({str(why): count for why, count in node.agent.links[node.link].counters.items()})


@pytest.mark.parametrize("seed", range(12))
def test_no_judge_objects_to_drawn_faults_under_attack(seed: int) -> None:
    """They are as strict as without: an attack is no cause for anything."""
    verdict = run(draw(seed, Shape(2, 2), attacked=True))
    assert verdict.objection is None, verdict.report()


def test_a_seed_has_the_same_faults_with_and_without() -> None:
    """Who strikes is drawn by chance of his own, and is written in the report."""
    calm, attacked = draw(3, Shape(2, 2)), draw(3, Shape(2, 2), attacked=True)
    assert (calm.strikes, calm.attacks) == (attacked.strikes, ())
    assert all(str(attack) in str(attacked) for attack in attacked.attacks)
    kinds = {(attack.rate, attack.lasts_ms is None) for seed in range(40) for attack in _attacks(seed)}
    assert {(100, True), (500, True), (10_000, False)} <= kinds


def _attacks(seed: int) -> tuple[Attack, ...]:
    return draw(seed, Shape(2, 2), attacked=True).attacks


def test_ten_thousand_a_second_on_every_link_move_nothing() -> None:
    """Nothing at all, at no gateway; and the counters say why."""
    attacks = [Attack(link, 3000, 1000, FLOOD, 20) for link in ("l1", "l2")]
    world = besieged(*attacks)
    before = {name: counters(world, name) for name in world.nodes}
    moved, begun = len(world.moved), world.now
    world.run(3000)

    assert begun < 3_000_000_000
    assert len(world.moved) == moved
    for name in world.nodes:
        counted = counters(world, name) - before[name]
        assert counted["received"] > FLOOD / 3
        assert min(counted[why] for why in WHYS) > 0, counted
        if name.startswith("f"):
            assert min(counted[why] for why in ("candidate", "crowded")) > 0, counted
    quiet(world)


@pytest.mark.parametrize(
    ("fault", "lasts_ms"),
    [
        *((kind(node), lasts) for kind, lasts in ((Death, 2000), (Kill, 100), (Restart, 300)) for node in ("b1", "f1")),
        *((fault, 500) for fault in (Pause("b1"), Pause("f1"), Stall("f1"), Leap("b1", 3000), Leap("f1", 3000))),
        (Cut("l1"), 1000),
        (Silent("l1"), 1000),
    ],
    ids=str,
)
def test_what_breaks_under_attack_comes_back(fault: Fault, lasts_ms: int) -> None:
    """Gateways that boot, are killed, stand still or leap, and links that fail, with both ends replayed at."""
    world = besieged(standing("l1"), standing("l2"))
    world.begin(fault)
    world.run(lasts_ms)
    world.end(fault)
    settle(world, LIMIT_MS)
    quiet(world)
    assert [[node.name for node in masters(world, side, 1)] for side in SIDES] == [["b1"], ["f1"]]


def test_without_anything_recorded_he_makes_something_up() -> None:
    """Before the first datagram has passed, and without a session of before."""
    world = World(Shape(2, 2), 1)
    attacker = Attacker(world, standing("l1", sessions=0), Random(1))
    made_up = [attacker._drawn() for _ in range(50)]
    assert {towards for towards, _ in made_up} == set(SIDES)
    assert len({data for _, data in made_up}) > 3


def test_he_hears_what_the_ends_say_and_hands_it_over() -> None:
    """Of this history too, while the link passes anything; what a stalled process cannot hold is lost."""
    world = besieged(standing("l1", 3000, 0))
    assert world.wires["l1"].tap is not None
    assert {towards for towards, _ in world.wires["l1"].tap} == set(SIDES)
    assert world.wires["l2"].tap is None
    assert counters(world, "f1")["sequence"] > 100

    world.begin(Pause("f1"))
    world.run(1500)
    waiting = world.nodes["f1"].waiting
    assert waiting is not None
    assert QUEUE_MAX // 2 <= len(waiting) < QUEUE_MAX // 2 + 100
    world.heal()
    world.begin(Cut("l1"))
    world.run(50)
    known = counters(world, "b1")
    world.run(500)
    assert counters(world, "b1")["received"] == known["received"]


def test_former_sessions_are_whole_conversations() -> None:
    """Both ends had met, and everything in them was authentic."""
    said = former_sessions(Shape(2, 2), "l1", 3)
    assert {towards for towards, _ in said} == set(SIDES)
    sessions = {data[8:16] for towards, data in said if towards == FAR}
    echoed = {data[16:24] for towards, data in said if towards == NEAR}
    assert len(sessions) == 3
    assert sessions == echoed


def test_what_he_forges_is_of_every_kind() -> None:
    """Whole, sent back, shorter, of the same length and changed, and made up."""
    data, chance = bytes(range(64)), Random(1)
    made = [forged(FAR, data, chance) for _ in range(300)]
    kinds = Counter(
        "back" if towards == NEAR else "whole" if one == data else "cut" if data.startswith(one) else "other"
        for towards, one in made
    )
    assert min(kinds[kind] for kind in ("back", "whole", "cut", "other")) > 10
    assert kinds["whole"] > 100


def test_who_boots_may_be_put_off_by_a_turn_for_every_session() -> None:
    """Where somebody listens: by so much the judge of reunion is more patient."""
    world = World(Shape(2, 2), 1)
    assert put_off(world) == 0
    Attacker(world, standing("l1", sessions=40), Random(1))
    assert put_off(world) == (1000 + (40 + len(world.nodes)) // 2 * 100) * 1_000_000


def objections(seeds: range) -> str:
    """Return what the judges say to attacked histories in which nothing else is wrong."""
    said = (run(draw(seed, Shape(2, 2), ("drift",), attacked=True)).objection for seed in seeds)
    return "\n".join(objection for objection in said if objection is not None)


def test_an_end_that_believes_replays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a candidate at its word, whose conversation is a dead one's."""
    hear: Callable[..., Heard] = Sessions.hear

    def believe(self: Sessions, now: int, datagram: object) -> Heard:
        heard = hear(self, now, datagram)
        if not isinstance(heard, Candidate):
            return heard
        conversation: Conversation = heard.conversation
        self._pair, self._candidates = conversation, []
        return Confirmed(conversation, adopted=True)

    assert objections(range(3)) == ""
    monkeypatch.setattr(Sessions, "hear", believe)
    assert "the two sides are apart" in objections(range(3))


def test_the_words_of_before_are_in_no_gateway() -> None:
    """What a former session said of VIDs is nothing that a controller goes by."""
    world = besieged(standing("l1", 2000))
    node = world.nodes["b1"]
    assert node.agent is not None
    heard = node.agent.links["l1"].peer.word(GroupId(1))
    assert heard is not None
    assert heard[0].state.name == "MASTER"
