"""A far gateway whose base priorities are adjusted by its controller: stance, status, history, trackers."""

from linkbalancer.engine.effects import Record, Retired, SendDatagram
from linkbalancer.engine.events import Retain, Retire, Weighed
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.influence import Influence
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.events import Adjusted, Change
from linkbalancer.lvrrp.events import Effect as LinkEffect
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from tests.engine.bench import of_type
from tests.sim.test_adjust import listen

ONE = GroupId(1)
WANTED = Weighed("l1", ((ONE, 130, 37.5), (GroupId(3), 148, 2.0), (GroupId(9), 50, 1.0)))


def weighed() -> tuple[World, Node, list[Record]]:
    """Return a network whose far gateway f1 has been adjusted, that gateway, and what it has recorded."""
    world = healthy(Shape(), 1)
    records = listen(world, "f1")
    world.nodes["b1"].handle(WANTED)
    world.run(50)
    return world, world.nodes["f1"], records


def group(node: Node, vid: int = 1) -> tuple[object, object]:
    """Return a VID's priority, and what it was adjusted to."""
    assert node.agent is not None
    status = node.agent.status(node.clock)["groups"][str(vid)]
    return status["priority"], status["adjusted"]


def test_it_stands_in_place_of_the_configured_priority() -> None:
    """Told in status and history, with who wants it and why; the priority that follows has it as its cause."""
    world, node, records = weighed()
    assert group(node) == (130, {"by": "b1", "priority": 130, "weight": 37.5})
    assert group(world.nodes["f2"]) == (100, None)
    assert group(world.nodes["b1"])[1] is None
    adjusted = [record for record in records if record.kind == "adjusted"]
    assert [(record.subject, record.text) for record in adjusted] == [
        ("VID 1", "base priority 150 to 130: adjusted by b1, weight 37.5"),
        ("VID 3", "base priority 150 to 148: adjusted by b1, weight 2"),
    ]
    lowered = next(record for record in records if record.kind == "priority" and record.subject == "VID 1")
    assert (lowered.text, lowered.cause) == ("priority 150 to 130: link open", adjusted[0].number)
    world.nodes["b1"].handle(WANTED)
    world.run(2000)
    assert len([record for record in records if record.kind == "adjusted"]) == 2
    world.nodes["b1"].handle(Weighed("l1", WANTED.wanted[1:]))
    world.run(50)
    assert group(node) == (150, None)
    assert records[-2].text == "base priority 130 to 150: as configured, withdrawn"


def test_what_trackers_add_is_added_to_it() -> None:
    """And the sum is kept from what says that a link is dead."""
    _world, node, _records = weighed()
    assert node.agent is not None
    tracking = node.agent._gateway.tracking
    tracking.influences = {ONE: {"disk": Influence(-20), "worse": Influence(-250)}}
    node.handle(Checked(Reports({"disk": Report("file", ok=False, since=0)}, {}, whole=False)))
    assert group(node) == (110, {"by": "b1", "priority": 130, "weight": 37.5})
    node.handle(Checked(Reports({"worse": Report("file", ok=False, since=0)}, {}, whole=False)))
    assert group(node)[0] == 2


def test_a_controller_that_has_not_told_its_name_is_called_that() -> None:
    """And without a weight none is told; a group of another link is none of its business."""
    _world, node, records = weighed()
    assert node.agent is not None
    gateway = node.agent._gateway
    link = gateway.links["l1"]
    link.peer.node = None
    before = len(records)
    handle = link.handle
    said: list[LinkEffect] = [Adjusted((Change(ONE, 130, 140, None, "adjusted"),))]
    link.handle = lambda _now, _event: said  # type: ignore[method-assign, assignment]
    node.handle(Weighed("l1", ()))
    assert records[before].text == "base priority 130 to 140: adjusted by the controller"
    gateway.memberships[ONE].link = "l9"
    node.handle(Weighed("l1", ()))
    gateway.memberships[ONE].link = "l1"
    link.handle = handle  # type: ignore[method-assign]
    assert [record.kind for record in records[before:]].count("adjusted") == 1


def test_what_is_weighed_of_another_gateways_link_is_nothing() -> None:
    """There is nobody to be told."""
    world = healthy(Shape(), 1)
    node = world.nodes["b1"]
    assert node.agent is not None
    assert node.agent.handle(node.clock, Weighed("l9", WANTED.wanted)) == []


def test_a_successor_keeps_it_live_or_not() -> None:
    """No priority jumps by a restart."""
    world, node, records = weighed()
    before = len(records)
    node.succeed()
    assert group(node) == (130, {"by": "b1", "priority": 130, "weight": 37.5})
    world.run(100)
    node.kill()
    node.start()
    assert group(node) == (130, {"by": "b1", "priority": 130, "weight": 37.5})
    world.run(1000)
    assert [record.kind for record in records[before:] if record.kind in {"adjusted", "priority"}] == []


def test_peers_are_asked_to_wait_for_a_successor() -> None:
    """By a BYE with a hold, whether the successor then comes or fails; what is silent meanwhile is no fault."""
    world = healthy(Shape(), 1)
    near, far = world.nodes["b1"], world.nodes["f1"]
    assert near.agent is not None
    assert far.agent is not None
    effects = near.agent.handle(near.clock, Retire(frozenset(), frozenset()))
    assert [type(effect) for effect in effects] == [SendDatagram, Retired]
    world.perform(near, effects[0])
    world.run(5)
    assert far.agent.links["l1"]._detection.is_frozen
    world.run(1500)
    assert far.agent.links["l1"].is_open, "the detect time is over, the hold is not"
    for effect in near.agent.handle(near.clock, Retain()):
        world.perform(near, effect)
    world.run(50)
    assert not far.agent.links["l1"]._detection.is_frozen
    assert near.agent.links["l1"].is_open
    assert of_type(near.agent.handle(near.clock, Retain()), SendDatagram) == []
