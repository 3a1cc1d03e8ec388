"""Who asks whom on a LAN."""

from linkbalancer.sim.arp import HOST_MAC, resolve
from linkbalancer.sim.faults import Deaf, Death, Leg, Partition, Pause
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, Shape, mac_of, virtual_ip
from linkbalancer.sim.wire import NEAR


def test_gateways_know_each_other_as_members_and_the_host_as_a_witness() -> None:
    """The host is a target: it answers, but it is no gateway."""
    agent = healthy(Shape(links=3, vids=3), 1).nodes["b1"].agent
    assert agent is not None
    assert agent.known.members(LAN_DEVICE) == {mac_of("b2"), mac_of("b3")}
    assert agent.known.witnesses(LAN_DEVICE) == 3
    assert HOST_MAC not in agent.known.members(LAN_DEVICE)


def test_a_host_asks_for_what_it_does_not_know() -> None:
    """An announcement that was lost by chance costs it a second, not a session."""
    world = healthy(Shape(), 1)
    lan, address = world.lans[NEAR], virtual_ip(NEAR, 1).ip
    lan.neighbours.clear()
    world.run(1000)
    assert lan.neighbours[address] == mac_of("b1")


def test_a_host_confirms_what_it_knows_only_now_and_then() -> None:
    """A holder that has gone stays in its cache until it asks for everything."""
    world = healthy(Shape(), 1)
    lan, address = world.lans[NEAR], virtual_ip(NEAR, 1).ip
    lan.neighbours[address] = mac_of("b2")
    resolve(lan, world.nodes, 3, known=False)
    assert lan.neighbours[address] == mac_of("b2")
    resolve(lan, world.nodes, 3, known=True)
    assert lan.neighbours[address] == mac_of("b1")


def test_nobody_answers_a_host_that_is_cut_off() -> None:
    """What it knew stays what it knows."""
    world = healthy(Shape(), 1)
    world.begin(Partition(NEAR, ("b1", "b2")))
    resolve(world.lans[NEAR], world.nodes, 3, known=True)
    assert world.lans[NEAR].neighbours[virtual_ip(NEAR, 1).ip] == mac_of("b1")


def test_a_leg_without_carrier_is_not_called_deaf() -> None:
    """The carrier says it first; deafness is for what keeps its carrier."""
    world = healthy(Shape(), 1)
    world.begin(Leg("b1"))
    world.run(1000)
    agent = world.nodes["b1"].agent
    assert agent is not None
    assert agent.known.fault(LAN_DEVICE) == "eth0 has no carrier"
    world.heal()
    world.run(1000)
    assert agent.known.fault(LAN_DEVICE) is None


def test_who_hears_nobody_is_heard_all_the_same() -> None:
    """Its questions are frames of its own: to a daemon each is a sign of life, and shows it whom to guard against."""
    world = healthy(Shape(links=3, vids=3), 1)
    world.begin(Deaf("b3", ("b1", "b2")))
    world.begin(death := Death("b2"))
    world.run(1000)
    world.end(death)
    world.run(1000)
    agents = {name: world.nodes[name].agent for name in ("b2", "b3")}
    assert all(agents.values())
    assert mac_of("b3") in world.nodes["b2"].kernel.members[LAN_DEVICE]
    assert [agent.known.witnesses(LAN_DEVICE) for agent in agents.values() if agent] == [3, 1]


def test_a_daemon_that_stands_still_asks_nobody() -> None:
    """Its kernel answers, but whoever it does not hear takes it for silent."""
    world = healthy(Shape(links=3, vids=3), 1)
    world.begin(Deaf("b3", ("b1", "b2")))
    world.begin(Pause("b3"))
    world.run(1000)
    agent = world.nodes["b2"].agent
    assert agent is not None
    assert agent.known.witnesses(LAN_DEVICE) == 2
