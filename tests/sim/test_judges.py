"""The judges object when they must: each is shown a world in which what it watches over is broken by hand."""

import pytest

from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.links import GroupId, Mac, Unreachable
from linkbalancer.sim.agreement import disagreements
from linkbalancer.sim.arp import NEIGHBOUR_PROBE
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Deaf, Death, Kill, Leg, Lossy, Silent
from linkbalancer.sim.judges import Arrivals, Cause, Guard, Objection, Overlap, longest_detect, no_storm
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, run, settle
from linkbalancer.sim.shape import LAN_DEVICE, Shape, virtual_ip
from linkbalancer.sim.traffic import Gap, Traffic
from linkbalancer.sim.walk import Walk
from linkbalancer.sim.wire import NEAR
from linkbalancer.sim.world import World
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Master


def settled() -> World:
    """Return a healthy network of two links."""
    return healthy(Shape(), 1)


def test_a_virtual_ip_on_two_gateways_is_objected_to() -> None:
    """But only when it stays there for longer than an advertisement takes to come round."""
    world, judge = settled(), Overlap(Shape())
    world.nodes["b2"].kernel.addresses.add((LAN_DEVICE, virtual_ip(NEAR, 1)))
    judge(world)
    world.agenda.now += 200_000_000
    judge(world)
    world.agenda.now += 100_000_000
    with pytest.raises(Objection, match="the virtual IP of VID 1 is on b1 and b2"):
        judge(world)


def test_a_virtual_ip_of_a_dead_agent_is_not_counted() -> None:
    """Nobody can take it away; a lossy LAN may hide the Master for longer, too."""
    world, judge = settled(), Overlap(Shape())
    world.nodes["b2"].kernel.addresses.add((LAN_DEVICE, virtual_ip(NEAR, 1)))
    world.begin(Kill("b2"))
    for _ in range(3):
        judge(world)
        world.run(200)


def test_a_gateway_without_a_guard_makes_loops_that_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random faults find an agent that knows no members within a few seeds."""

    def nobody(_known: Knowledge, _device: str) -> frozenset[Mac]:
        return frozenset()

    monkeypatch.setattr(Knowledge, "members", nobody)
    objections = [run(draw(seed, Shape())).objection for seed in range(8)]
    assert any(objection is not None and " runs " in objection for objection in objections)


def test_announcements_that_no_host_hears_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Master that does not announce its virtual IPs leaves the hosts with a dead gateway."""
    world = settled()
    monkeypatch.setattr(World, "_announce", lambda *_: None)
    world.begin(Leg("b1"))
    with pytest.raises(Objection, match=r"app1 out stands still .* b1 does not receive it"):
        world.run(8000)


def test_a_move_without_a_cause_is_objected_to() -> None:
    """A group that changes its state long after the last fault has no reason to."""
    world, judge = settled(), Cause(0)
    with pytest.raises(Objection, match="after the last cause"):
        judge(world)


def test_loss_is_a_cause() -> None:
    """Where frames are lost, chance alone may move something."""
    world, judge = settled(), Cause(0)
    world.begin(Lossy("l1", 5))
    judge(world)


def crowded(world: World, *gateways: str) -> None:
    """Have a packet of app1 take such a way."""
    flow = world.traffic.flows[0]
    assert flow.now is not None
    object.__setattr__(flow.now, "gateways", gateways)


def test_a_path_of_three_gateways_is_objected_to() -> None:
    """The judge reads the last walk of each flow; b2 has met b1."""
    world = settled()
    crowded(world, "b1", "b2", "b3")
    with pytest.raises(Objection, match="app1 out runs b1 -> b2 -> b3"):
        Guard(NEIGHBOUR_PROBE)(world)


def test_a_gateway_that_was_booted_may_pass_on_what_a_stranger_sends_it_for_a_moment() -> None:
    """Until the stranger has asked or answered; for as long as no agent is at work there, that takes longer."""
    world, judge = settled(), Guard(NEIGHBOUR_PROBE)
    node = world.nodes["b2"]
    node.kernel.met.clear()
    crowded(world, "b1", "b2", "b3")
    judge(world)
    world.agenda.now += NEIGHBOUR_PROBE
    judge(world)
    node.pause()
    world.agenda.now += NEIGHBOUR_PROBE
    judge(world)
    node.resume()
    with pytest.raises(Objection, match="app1 out runs b1 -> b2 -> b3"):
        judge(world)


def test_such_a_moment_begins_when_the_two_are_in_hearing() -> None:
    """However long they were not; and there is none for who was in hearing and was not met."""
    world, judge = settled(), Guard(NEIGHBOUR_PROBE)
    judge(world)
    world.begin(fault := Deaf("b2", ("b1",)))
    judge(world)
    world.agenda.now += 10 * NEIGHBOUR_PROBE
    world.end(fault)
    world.nodes["b2"].kernel.met.clear()
    crowded(world, "b1", "b2", "b3")
    judge(world)
    world.agenda.now += NEIGHBOUR_PROBE + 1
    with pytest.raises(Objection, match="app1 out runs b1 -> b2 -> b3"):
        judge(world)


def test_a_packet_that_comes_back_is_objected_to_whoever_was_booted() -> None:
    """A moment more for one packet is no harm; one that goes round is multiplied by its time to live."""
    world = settled()
    for node in world.nodes.values():
        node.kernel.met.clear()
    crowded(world, "b1", "b2", "b1")
    with pytest.raises(Objection, match="app1 out runs b1 -> b2 -> b1"):
        Guard(NEIGHBOUR_PROBE)(world)


def test_a_storm_is_objected_to() -> None:
    """So many in a second are more than timers and quick answers explain."""
    world = settled()
    no_storm(world)
    world.adverts += [(world.now, "b1")] * 100
    with pytest.raises(Objection, match="b1 sends more than 75 adverts in a second"):
        no_storm(world)


def test_a_gateway_that_never_settles_is_objected_to() -> None:
    """Agreement has a limit, and its sentence names everything that is missing."""
    world = settled()
    world.nodes["f1"].power_off()
    world.nodes["f1"].powered = True  # there, but nobody starts its service
    with pytest.raises(Objection, match=r"no agreement 900 ms after the last change: .*b1"):
        settle(world, 900)


def test_a_move_in_quiet_times_is_objected_to() -> None:
    """After everything has settled, nothing may move."""
    world = settled()
    world.nodes["f1"].power_off()
    with pytest.raises(Objection, match="after everything was settled"):
        quiet(world)


def test_a_disagreement_after_quiet_times_is_objected_to() -> None:
    """What nobody moved must still be true at the end."""
    world = settled()
    world.nodes["b1"].kernel.steering["app1"] = 2
    with pytest.raises(Objection, match="no agreement any more: b1: app1 goes to VID 2, not 1"):
        quiet(world)


def test_every_kind_of_disagreement_has_its_sentence() -> None:
    """Broken by hand one after the other, each is named."""
    world = settled()
    b1, b2 = world.nodes["b1"], world.nodes["b2"]
    b1.kernel.tables[1, False] = Unreachable()
    b1.kernel.addresses.clear()
    assert b2.agent is not None
    b2.agent.memberships[GroupId(1)].works = False
    found = "\n".join(disagreements(world))
    assert "b1: the table of VID 1 is unreachable" in found
    assert "b1 is Master without the virtual IP" in found
    assert "b2: VID 1 does not work, it says" in found


def test_masters_on_dead_links_and_on_two_links_are_named() -> None:
    """A Master must sit on a whole link, the same at both ends, and there must be one."""
    world = settled()
    world.begin(Death("f1"))
    found = "\n".join(disagreements(world))
    assert "VID 1: Masters on the far side: []" in found
    assert "VID 1: b1 is Master, but l1 cannot carry it" in found
    world = settled()
    one, other = world.nodes["f1"].agent, world.nodes["f2"].agent
    assert one is not None
    assert other is not None
    one.memberships, other.memberships = other.memberships, one.memberships
    assert "on different links at the two ends" in "\n".join(disagreements(world))


def test_two_masters_without_a_link_are_named() -> None:
    """Where nothing can be carried there may still be one Master alone."""
    world = settled()
    for link in world.shape.link_names:
        world.begin(Silent(link))
    for name in ("b1", "b2"):
        agent = world.nodes[name].agent
        assert agent is not None
        router = agent.memberships[GroupId(1)].router
        assert isinstance(router, Router)
        router.state = Master(0)
    assert "VID 1 has no link, and two Masters on the near side: ['b1', 'b2']" in list(disagreements(world))


def test_a_flow_that_never_walked_counts_as_lost() -> None:
    """Before the first look nothing is known to arrive."""
    world = settled()
    world.traffic = Traffic(world)
    assert "app1 out: None" in list(disagreements(world))


def test_what_is_left_of_two_masters_that_resigned_may_stay_for_a_grace() -> None:
    """Nobody is there whose advert would end it; but it ends."""
    world, judge = settled(), Overlap(Shape())
    for name in ("b1", "b2"):
        node = world.nodes[name]
        assert node.agent is not None
        node.kernel.addresses.add((LAN_DEVICE, virtual_ip(NEAR, 1)))
        router = node.agent.memberships[GroupId(1)].router
        assert isinstance(router, Router)
        router.state = Backup(0, 0)
    judge(world)
    world.agenda.now += 840_000_000
    judge(world)
    world.agenda.now += 20_000_000
    with pytest.raises(Objection, match="is on b1 and b2 for 860"):
        judge(world)


def test_a_silence_after_loss_is_noticed_later() -> None:
    """As late as the detect times in force have it, and no later."""
    world = settled()
    limit = (world.shape.detect_ms + 900) * 1_000_000
    judge = Arrivals(limit, world.shape.detect_ms * 1_000_000)
    detect = longest_detect(world)
    assert detect == world.shape.detect_ms * 1_000_000
    flow = world.traffic.flows[0]
    flow.gaps.append(Gap(world.now, Walk((), None, "nobody")))
    link = world.nodes["b2"].agent.links["l2"]  # type: ignore[union-attr]
    link._detection.stated = detect + 300_000_000
    world.agenda.now += limit + 300_000_000
    judge(world)
    world.agenda.now += 1
    with pytest.raises(Objection, match="stands still for 1800 ms"):
        judge(world)
