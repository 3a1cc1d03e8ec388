"""Priorities adjusted over the links of a simulated network: what moves, and what must not."""

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.engine.effects import Effect, Record
from linkbalancer.engine.events import Weighed
from linkbalancer.engine.narrative import sentence
from linkbalancer.links import GroupId
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.faults import Cut, Death, Kill, Restart, Silent, Succeed
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import Fault, World

LIMIT_MS = 14_000
ONE, TWO = GroupId(1), GroupId(2)
WEIGHED = {"b1": ((ONE, 40, 4.5), (TWO, 45, 5.0)), "b2": ((ONE, 140, 37.5), (TWO, 145, 38.0))}
"""Link 1 is worth little, link 2 much: both VIDs go there."""


def where(world: World) -> list[tuple[str, ...]]:
    """Return the Masters of VID 1 and VID 2 on each side."""
    return [tuple(node.name for vid in (1, 2) for node in masters(world, side, vid)) for side in SIDES]


def weigh(world: World, names: tuple[str, ...] = ("b1", "b2")) -> None:
    """Have controllers want what was weighed."""
    for name in names:
        world.nodes[name].handle(Weighed(world.nodes[name].link, WEIGHED[name]))


def weighed(seed: int = 1, shape: Shape | None = None) -> World:
    """Return a settled network whose far priorities were adjusted."""
    world = healthy(shape or Shape(), seed)
    weigh(world)
    settle(world, LIMIT_MS)
    return world


def watched(world: World) -> list[list[tuple[str, ...]]]:
    """Have every change of Masters noted from now on, gaps included."""
    seen = [where(world)]

    def look(world: World) -> None:
        now = where(world)
        if now != seen[-1]:
            seen.append(now)

    world.judges.append(look)
    return seen


def listen(world: World, name: str) -> list[Record]:
    """Return what a gateway records from now on."""
    records: list[Record] = []
    perform = world.perform

    def note(node: Node, effect: Effect) -> None:
        if isinstance(effect, Record) and node.name == name:
            records.append(effect)
        perform(node, effect)

    world.perform = note  # type: ignore[method-assign]
    return records


def test_the_far_side_elects_by_what_was_weighed_and_the_near_side_follows() -> None:
    """VID 1 moves to link 2 at both ends; status, history and causes say why."""
    world = healthy(Shape(), 1)
    assert where(world) == [("b1", "b2"), ("f1", "f2")]
    records = listen(world, "f1")
    weigh(world)
    settle(world, LIMIT_MS)

    assert where(world) == [("b2", "b2"), ("f2", "f2")]
    node = world.nodes["f1"]
    assert node.agent is not None
    group = node.agent.status(node.clock)["groups"]["1"]
    assert (group["priority"], group["adjusted"]) == (40, {"by": "b1", "priority": 40, "weight": 4.5})
    told = [record for record in records if record.kind == "adjusted"]
    assert [(one.subject, one.text) for one in told] == [
        ("VID 1", "base priority 150 to 40: adjusted by b1, weight 4.5"),
        ("VID 2", "base priority 100 to 45: adjusted by b1, weight 5"),
    ]
    row = {"kind": "adjusted", "subject": "VID 1", "text": told[0].text}
    assert sentence(row) == "VID 1: base priority 150 to 40: adjusted by b1, weight 4.5"
    (lowered,) = [record for record in records if record.kind == "priority" and record.subject == "VID 1"]
    assert (lowered.text.split(":")[0], lowered.cause) == ("priority 150 to 40", told[0].number)
    near = world.nodes["b1"]
    assert near.agent is not None
    assert near.agent.status(near.clock)["links"]["l1"]["wanted"]["1"]["acknowledged"]
    quiet(world)


@pytest.mark.parametrize(
    "fault",
    [
        Kill("b1"), Kill("b2"), Kill("f1"), Kill("f2"),
        Succeed("b1"), Succeed("b2"), Succeed("f1"), Succeed("f2"),
        Cut("l1"), Silent("l1"), Death("b1"), Death("f1"), Restart("b1"), Restart("f1"),
    ],
    ids=str,
)  # fmt: skip
def test_no_restart_and_no_fault_of_another_link_moves_anything(fault: Fault) -> None:
    """Neither when it comes nor when it is mended nor half a minute later; who was started anew is weighed again."""
    world = weighed()
    seen = watched(world)
    world.begin(fault)
    world.run(60 if isinstance(fault, Kill) else 3000)
    world.heal()
    world.run(3000)
    weigh(world)
    world.run(35_000)
    assert {side for sides in seen for side in sides} <= {("b2", "b2"), ("f2", "f2"), ()}, (
        "or nobody speaks for a moment"
    )
    assert where(world) == [("b2", "b2"), ("f2", "f2")]


@pytest.mark.parametrize("fault", [Cut("l2"), Silent("l2")], ids=str)
def test_a_link_that_comes_back_has_the_priority_that_it_had(fault: Fault) -> None:
    """The VIDs leave it and return, once each: what was adjusted is in force before the controller has spoken again."""
    world = weighed()
    records = listen(world, "f2")
    world.begin(fault)
    settle(world, LIMIT_MS)
    assert where(world) == [("b1", "b1"), ("f1", "f1")]
    world.heal()
    settle(world, LIMIT_MS)
    assert where(world) == [("b2", "b2"), ("f2", "f2")]
    assert [record for record in records if record.kind == "adjusted"] == []
    changes = [record.text.split(":")[0] for record in records if record.kind == "vid" and record.subject == "VID 1"]
    assert changes.count("master") == 1


def test_a_controller_that_weighs_no_more_is_obeyed_for_half_a_minute() -> None:
    """It was started anew, without what it knew: then the far side elects by its configuration again."""
    world = weighed()
    for name in ("b1", "b2"):
        node = world.nodes[name]
        node.kill()
        node.saved = None
        node.start()
    world.run(25_000)
    assert where(world)[1] == ("f2", "f2")
    world.disturbed_at = world.now + 5 * SECOND
    world.run(10_000)
    settle(world, LIMIT_MS)
    assert where(world) == [("b1", "b2"), ("f1", "f2")]


def test_a_group_that_is_not_weighed_any_more_is_as_configured() -> None:
    """At once; the others keep theirs."""
    world = weighed()
    for name in ("b1", "b2"):
        world.nodes[name].handle(Weighed(world.nodes[name].link, WEIGHED[name][1:]))
    settle(world, LIMIT_MS)
    assert where(world) == [("b1", "b2"), ("f1", "f2")]


def test_what_is_weighed_of_no_link_here_is_nothing() -> None:
    """Nor is what a far gateway would weigh, or a group that the far end is no member of."""
    world = healthy(Shape(), 1)
    records = listen(world, "f2")
    world.nodes["b1"].handle(Weighed("l9", WEIGHED["b1"]))
    world.nodes["f1"].handle(Weighed("l1", WEIGHED["b1"]))
    world.nodes["b2"].handle(Weighed("l2", ((GroupId(3), 77, 1.0), (GroupId(99), 77, 1.0))))
    world.run(1000)
    assert where(world) == [("b1", "b2"), ("f1", "f2")]
    assert [record for record in records if record.kind == "adjusted"] == []


def agreeing(world: World) -> bool:
    """Return whether every far gateway has in force what its controller wants."""
    for name, wanted in WEIGHED.items():
        far = world.nodes[world.peer(name)]
        if far.agent is None or any(far.agent.links[far.link].adjusted(one) != it for one, it, _weight in wanted):
            return False
    return True


@pytest.mark.parametrize("seed", range(6))
def test_on_links_that_lose_a_fifth_every_want_arrives(seed: int) -> None:
    """Within some repeats; a link that loses so much does not move a VID by it."""
    world = healthy(Shape(), seed)
    for wire in world.wires.values():
        wire.loss = 20
    weigh(world)
    world.run(4000)
    assert agreeing(world)
