"""Heralds over virtual LANs."""

from linkbalancer.engine.company import Herald, encode
from linkbalancer.engine.effects import SendHerald
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, Shape
from linkbalancer.sim.world import World

OTHER = encode(Herald("b2", b"o" * 16))


def strange(world: World) -> dict[str, list[str]]:
    """Return who of the others steers otherwise, by each gateway."""
    told = {name: node.agent.status(world.now)["other_rules"] for name, node in world.nodes.items() if node.agent}
    return {name: [one["node"] for one in others] for name, others in told.items() if others}


def test_gateways_of_one_file_find_no_difference() -> None:
    """Though all of them speak."""
    world = healthy(Shape(3, 2), 1)
    world.run(5000)
    assert strange(world) == {}


def test_a_herald_reaches_its_own_lan_as_far_as_that_is_whole() -> None:
    """Neither the far side, nor who is cut off, be it that way alone, nor who says it."""
    world = healthy(Shape(4, 2), 1)
    world.lans["near"].islands = {"b3": 1}
    world.lans["near"].swallowed = {("b2", "b4"): 1}
    world.perform(world.nodes["b2"], SendHerald(LAN_DEVICE, OTHER))
    world.run(1)
    assert strange(world) == {"b1": ["b2"]}
