"""A packet's way through the kernels."""

from ipaddress import IPv4Address

from linkbalancer.links import ViaMaster
from linkbalancer.sim.faults import Cut, Death, Leg, Partition, Silent
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, Shape, mac_of
from linkbalancer.sim.walk import walk
from linkbalancer.sim.wire import FAR, NEAR
from linkbalancer.sim.world import World


def settled() -> World:
    """Return a healthy network of two links."""
    return healthy(Shape(), 1)


def test_a_vid_of_the_default_gateway_takes_its_link_at_once() -> None:
    """Hosts send everything to the virtual IP of VID 1."""
    assert str(walk(settled(), "app1", NEAR)) == "b1 -> l1"


def test_another_vid_crosses_the_lan_to_its_master() -> None:
    """And back, on the other side, likewise."""
    world = settled()
    assert str(walk(world, "app2", NEAR)) == "b1 -> b2 -> l2"
    assert str(walk(world, "app2", FAR)) == "f1 -> f2 -> l2"


def test_every_loss_says_where() -> None:
    """A dead direction, a dead gateway, and a dead leg are told apart."""
    for fault, lost in (
        (Cut("l1"), "l1 is dead towards the far side"),
        (Silent("l1", (FAR,)), "l1 is dead towards the far side"),
        (Death("f1"), "f1 is dead"),
        (Leg("f1"), "f1 does not reach the far host"),
        (Leg("b1"), "b1 does not receive it from host"),
        (Partition(NEAR, ("b1",)), "b1 does not receive it from host"),
    ):
        world = settled()
        world.begin(fault)
        assert walk(world, "app1", NEAR).lost == lost


def test_without_an_announcement_hosts_send_nothing() -> None:
    """A host knows no gateway before the first gratuitous ARP."""
    assert walk(World(Shape(), 1), "app1", NEAR).lost == "no gateway has announced itself"


def test_tables_that_point_at_each_other_are_stopped_by_the_guard_alone() -> None:
    """With the members known the second gateway takes its own link; without them the packet runs in circles."""
    world = settled()
    for name, other in (("b1", "b2"), ("b2", "b1")):
        hop = ViaMaster(LAN_DEVICE, IPv4Address("192.168.1.101"), mac_of(other))
        world.nodes[name].kernel.tables[1, False] = hop
    assert str(walk(world, "app1", NEAR)) == "b1 -> b2 -> l2"
    for name in ("b1", "b2"):
        world.nodes[name].kernel.members.clear()
    assert walk(world, "app1", NEAR).lost == "a loop"


def test_an_empty_table_and_an_application_of_nowhere_lose_the_packet() -> None:
    """`unreachable` stands below every next hop; what is not steered does not leak either."""
    world = settled()
    kernel = world.nodes["b1"].kernel
    del kernel.tables[1, False]
    assert walk(world, "app1", NEAR).lost == "b1: unreachable in the table of VID 1"
    del kernel.steering["app1"]
    assert walk(world, "app1", NEAR).lost == "b1 does not know where app1 goes"
