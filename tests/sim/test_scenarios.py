"""Stories told to a simulated network, fault by fault; each says what must be true in the end."""

import pytest

from linkbalancer.links import GroupId, OnProbeLoss, Unreachable
from linkbalancer.routing.balance import Target
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.faults import Cut, Death, Kill, Leg, Partition, Pause, Restart, Silent, Succeed
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, safety, settle
from linkbalancer.sim.shape import LAN_DEVICE, Shape, virtual_ip
from linkbalancer.sim.wire import FAR, NEAR, SIDES
from linkbalancer.sim.world import World

LIMIT_MS = 14_000


def names(world: World, side: str, vid: int) -> list[str]:
    """Return the Masters of a VID on a side."""
    return [node.name for node in masters(world, side, vid)]


def steering(world: World, app: str) -> set[Target | None]:
    """Return where the application goes, over all gateways."""
    return {node.kernel.steering.get(app) for node in world.nodes.values()}


def unborn(shape: Shape, seed: int = 1) -> World:
    """Return a network in which nothing has been switched on."""
    world = World(shape, seed)
    world.judges += safety(shape)
    return world


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_a_healthy_network_puts_every_vid_on_its_preferred_link(mode: OnProbeLoss) -> None:
    """VIDs 1 and 2 take different links, VID 3 its only one, and every application its first choice."""
    world = healthy(Shape(mode=mode), 1)
    assert [names(world, NEAR, vid) + names(world, FAR, vid) for vid in (1, 2, 3)] == [
        ["b1", "f1"],
        ["b2", "f2"],
        ["b1", "f1"],
    ]
    assert (steering(world, "app1"), steering(world, "app2"), steering(world, "app3")) == ({1}, {2}, {3})


def test_the_near_side_follows_the_far_side_against_its_own_preference() -> None:
    """Where the two sides prefer different links, the far side's election decides (mission L3)."""
    world = healthy(Shape(contrary=True), 1)
    assert [names(world, side, 1) for side in SIDES] == [["b1"], ["f1"]]
    assert [names(world, side, 2) for side in SIDES] == [["b2"], ["f2"]]


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_a_vid_without_a_link_left_is_left_by_its_application_and_taken_again(mode: OnProbeLoss) -> None:
    """Cutting link 1 moves VID 1 to link 2 and app3 from VID 3 to VID 1; healing brings both back (mission A3)."""
    world = healthy(Shape(mode=mode), 2)
    world.begin(Cut("l1"))
    settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in SIDES] == [["b2"], ["f2"]]
    assert (steering(world, "app1"), steering(world, "app3")) == ({1}, {1})
    world.heal()
    settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in SIDES] == [["b1"], ["f1"]]
    assert (steering(world, "app1"), steering(world, "app3")) == ({1}, {3})


def test_all_links_dead_and_demoted_leaves_a_master_that_refuses() -> None:
    """`demote`: every virtual IP is still answered by one gateway, nothing works, and tables say unreachable."""
    world = healthy(Shape(mode=OnProbeLoss.DEMOTE), 1)
    world.begin(Cut("l1"))
    world.begin(Silent("l2"))
    settle(world, LIMIT_MS)
    quiet(world)
    for side in SIDES:
        for vid in (1, 2):
            assert len(names(world, side, vid)) == 1
            assert [n.kernel.holds(LAN_DEVICE, virtual_ip(side, vid)) for n in masters(world, side, vid)] == [True]
    for node in world.nodes.values():
        assert node.agent is not None
        assert not any(membership.works for membership in node.agent.memberships.values())
        assert {hop for _, hop in node.kernel.tables.items()} == {Unreachable()}
        assert {m.priority for m in node.agent.memberships.values() if m.router is not None} == {1}


def test_all_links_dead_and_stopped_leaves_no_master_at_all() -> None:
    """`stop`: no gateway answers for a virtual IP, so that hosts with another way may take it."""
    world = healthy(Shape(mode=OnProbeLoss.STOP), 1)
    world.begin(Cut("l1"))
    world.begin(Silent("l2"))
    settle(world, LIMIT_MS)
    quiet(world)
    assert not any(names(world, side, vid) for side in SIDES for vid in (1, 2, 3))
    assert not any(node.kernel.addresses for node in world.nodes.values())


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_after_all_links_were_dead_everything_comes_back(mode: OnProbeLoss) -> None:
    """Healing both links restores the state of a healthy network."""
    world = healthy(Shape(mode=mode), 3)
    world.begin(Cut("l1"))
    world.begin(Cut("l2"))
    world.run(3000)
    world.heal()
    settle(world, LIMIT_MS)
    quiet(world)
    assert [names(world, NEAR, vid) for vid in (1, 2, 3)] == [["b1"], ["b2"], ["b1"]]


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_a_peer_that_was_never_there_leaves_its_link_closed(mode: OnProbeLoss) -> None:
    """LVrrp absent at f1 from the start: link 1 never opens, and link 2 carries what it may."""
    world = unborn(Shape(mode=mode))
    world.begin(Death("f1"))
    world.start()
    world.run(100)
    settle(world, LIMIT_MS)
    quiet(world)
    assert [names(world, side, 1) for side in SIDES] == [["b2"], ["f2"]]
    assert steering(world, "app3") - {None} == {1}


@pytest.mark.parametrize(("mode", "near"), [(OnProbeLoss.STOP, 0), (OnProbeLoss.DEMOTE, 1)])
def test_a_side_alone_does_what_on_probe_loss_says(mode: OnProbeLoss, near: int) -> None:
    """With no far gateway at all, `demote` still elects a Master for the hosts, `stop` none."""
    world = unborn(Shape(mode=mode))
    for name in ("f1", "f2"):
        world.begin(Death(name))
    world.start()
    world.run(4000)
    quiet(world)
    assert [len(names(world, NEAR, vid)) for vid in (1, 2)] == [near, near]


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_nobody_is_master_of_a_working_vid_before_its_link_is_proven(mode: OnProbeLoss) -> None:
    """First boot: while no round trip is proven, no VID works and no table leads over a link."""
    world = unborn(Shape(mode=mode))
    for link in world.shape.link_names:
        world.begin(Silent(link))
    world.start()
    world.run(3000)
    for node in world.nodes.values():
        assert node.agent is not None
        assert not any(membership.works for membership in node.agent.memberships.values())
        assert set(node.kernel.tables.values()) <= {Unreachable()}


@pytest.mark.parametrize("secret", [True, False])
def test_miswired_links_stay_closed_and_say_so(secret: bool) -> None:  # noqa: FBT001 - a case
    """Far ends swapped, addresses and all: no link opens; who hears the wrong end shows the fault (mission L11)."""
    world = unborn(Shape(secret=secret))
    world.crossed = {(side, one): other for side in SIDES for one, other in (("l1", "l2"), ("l2", "l1"))}
    world.start()
    world.run(3000)
    for node in world.nodes.values():
        assert node.agent is not None
        link = node.agent.status(node.clock)["links"][node.link]
        # The controlled end answers no stranger, so only it hears one.
        assert (link["open"], "miswired" in str(link["fault"])) == (False, node.side == FAR)
    assert not any(node.agent.memberships[GroupId(1)].works for node in world.nodes.values() if node.agent)


def test_miswired_links_that_are_put_right_open() -> None:
    """Once the cables are right, both links open and everything settles."""
    world = unborn(Shape())
    world.crossed = {(side, one): other for side in SIDES for one, other in (("l1", "l2"), ("l2", "l1"))}
    world.start()
    world.run(3000)
    world.crossed = {}
    settle(world, LIMIT_MS)
    quiet(world)


@pytest.mark.parametrize("name", ["b1", "b2", "f1", "f2"])
def test_a_killed_agent_that_comes_back_in_time_moves_no_mastership(name: str) -> None:
    """With its predecessor's snapshot the successor goes on as Master; the others never notice (design 6, adopt)."""
    for seed in range(4):
        world = healthy(Shape(), seed)
        fault, moved = Kill(name), len(world.moved)
        world.begin(fault)
        world.run(180)
        world.end(fault)
        world.run(3000)
        assert {who for _, who, _ in world.moved[moved:]} <= {name}
        assert [names(world, side, vid) for side in SIDES for vid in (1, 2)] == [["b1"], ["b2"], ["f1"], ["f2"]]


def test_a_killed_agent_that_stays_away_is_succeeded() -> None:
    """When nobody restarts the agent its VIDs move to the other link, and it finds that out when it is back."""
    world = healthy(Shape(), 1)
    fault = Kill("f1")
    world.begin(fault)
    world.run(5000)
    assert names(world, FAR, 1) == ["f2"]
    world.end(fault)
    settle(world, LIMIT_MS)
    assert names(world, FAR, 1) == ["f1"]


def test_a_stale_snapshot_is_not_trusted() -> None:
    """An agent that comes back long after the master-down time does not go on as Master."""
    world = healthy(Shape(), 1)
    fault = Kill("b1")
    world.begin(fault)
    world.run(3000)
    world.end(fault)
    assert names(world, NEAR, 1) == ["b2"]
    settle(world, LIMIT_MS)


def test_a_gateway_alone_on_a_silent_island_gives_up() -> None:
    """A LAN leg that is dead but keeps its carrier is found by hearing nobody (design 4.3)."""
    world = healthy(Shape(), 1)
    world.begin(Partition(FAR, ("f1",)))
    world.run(2000)
    assert names(world, FAR, 1) == ["f2"]
    assert names(world, NEAR, 1) == ["b2"]
    world.heal()
    settle(world, LIMIT_MS)


def test_both_gateways_of_a_side_may_restart_one_after_the_other() -> None:
    """A rolling restart of all four gateways loses no packet."""
    world = healthy(Shape(), 1)
    begin = world.now
    for name in world.shape.node_names:
        fault = Restart(name)
        world.begin(fault)
        world.run(1000)
        world.end(fault)
        settle(world, LIMIT_MS)
    assert world.traffic.worst_ms(begin, world.now) < 1


def test_a_paused_agent_drains_its_sockets_before_it_judges_its_timers() -> None:
    """A process that stood still for less than the others' patience comes back without a change."""
    world = healthy(Shape(), 1)
    moved = len(world.moved)
    fault = Pause("b1")
    world.begin(fault)
    world.run(150)
    world.end(fault)
    world.run(2000)
    assert world.moved[moved:] == []


def test_faults_that_follow_each_other_without_a_pause_end_settled() -> None:
    """A leg, a link and a gateway one after the other, overlapping, then nothing: everything is as it was."""
    world = healthy(Shape(links=3, vids=4), 1)
    for fault in (Leg("b1"), Cut("l2"), Death("f3")):
        world.begin(fault)
        world.run(300)
    for standing in tuple(world.standing):
        world.end(standing)
        world.run(300)
    settle(world, LIMIT_MS)
    quiet(world)
    assert [names(world, side, 1) for side in SIDES] == [["b1"], ["f1"]]


def test_the_near_side_follows_within_a_round_trip() -> None:
    """Fast follow: the near Master of the new link is there as soon as it has heard of the far one (rule 2)."""
    world = healthy(Shape(), 1)
    moved = len(world.moved)
    world.begin(Cut("l1"))
    world.run(1000)
    became = {name: at for at, name, what in world.moved[moved:] if what.startswith("VID 1 master")}
    assert 0 < became["b2"] - became["f2"] < 3_000_000


@pytest.mark.parametrize("mode", OnProbeLoss)
@pytest.mark.parametrize("name", ["b1", "b2", "f1", "f2"])
def test_nobody_notices_a_succession(mode: OnProbeLoss, name: str) -> None:
    """Agents that succeed each other move nothing, lose nothing, and every timer goes on as it ran."""
    world = healthy(Shape(mode=mode), 3)
    agent = world.nodes[name].agent
    assert agent is not None
    moved, adverts, begin = len(world.moved), len(world.adverts), world.now
    before = {vid: (m.state, m.since, m.reason, m.transitions) for vid, m in agent.memberships.items()}
    since = {link: (one.since, one.reason) for link, one in agent.links.items()}
    for ms in (13, 400, 1, 77):
        world.begin(Succeed(name))
        world.run(ms)
    successor = world.nodes[name].agent
    assert successor is not None
    assert successor is not agent
    settle(world, LIMIT_MS)
    assert world.moved[moved:] == []
    assert world.traffic.worst_ms(begin, world.now) == 0
    assert {vid: (m.state, m.since, m.reason, m.transitions) for vid, m in successor.memberships.items()} == before
    assert {link: (one.since, one.reason) for link, one in successor.links.items()} == since
    mine = [at for at, sender in world.adverts[adverts - 50 :] if sender == name]
    masters_here = sum(m.is_master for m in successor.memberships.values())
    gaps = {after - at for at, after in zip(mine, mine[masters_here:], strict=False)}
    assert gaps <= {world.shape.advert_ms * 1_000_000}


def test_a_succession_in_the_middle_of_a_failover_changes_nothing_of_it() -> None:
    """Its timers run on: the gateways next to a cut link end where they would have ended."""
    world = healthy(Shape(), 4)
    world.begin(Cut("l1"))
    for ms in (1, 3, 9, 30, 90):
        for name in world.nodes:
            world.begin(Succeed(name))
        world.run(ms)
    settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in SIDES] == [["b2"], ["f2"]]
    world.heal()
    settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in SIDES] == [["b1"], ["f1"]]
