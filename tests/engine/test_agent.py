"""The agent at its edges; what it does among others is shown by the simulator's scenarios."""

import json
from datetime import date

from linkbalancer.engine.conduct import tell_router
from linkbalancer.engine.effects import (
    AddAddresses,
    Announce,
    Left,
    Publish,
    Record,
    RemoveAddresses,
    SendAdvert,
    SendDatagram,
    SetMembers,
    SetNextHop,
)
from linkbalancer.engine.events import (
    AdvertReceived,
    ApplicationSteers,
    DatagramReceived,
    DeviceChanged,
    Leave,
    LegHeard,
    NeighbourHeard,
    Started,
)
from linkbalancer.engine.found import Found
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.links import GroupId, Unreachable, ViaLink, ViaMaster
from linkbalancer.lvrrp.events import Words
from linkbalancer.sim.faults import Cut, Kill
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, Shape, lan_address, link_address, mac_of, virtual_ip
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.events import Claim
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, decode, encode
from linkbalancer.weights.wall import Wall
from tests.engine.bench import B2, MS, STOP, Bench, of_type


def installed(*vids: int) -> Found:
    """Return a kernel in which virtual IPs were left installed."""
    return Found(frozenset((LAN_DEVICE, virtual_ip(NEAR, vid)) for vid in vids))


def test_nothing_happens_before_the_start() -> None:
    """Devices are told first; no table, advert or datagram leaves before `Started`."""
    bench = Bench()
    assert bench.carrier(LAN_DEVICE) == []
    assert of_type(bench.carrier(LINK_DEVICE), SetNextHop) == []
    assert bench.hear(1, 150) == [SetMembers(LAN_DEVICE, frozenset({B2}))]
    effects = bench.do(Started())
    assert of_type(effects, SendDatagram)
    assert of_type(effects, Publish)


def test_without_a_link_a_stopped_gateway_stays_out_of_every_election() -> None:
    """`stop`: however long nobody advertises, no VID is taken and nothing works (rule 0)."""
    bench = Bench(STOP)
    bench.start()
    effects = bench.wait(5000)
    assert of_type(effects, SendAdvert) == []
    assert (bench.group(1)["state"], bench.group(1)["works"], bench.group(1)["next_hop"]) == (
        "stopped",
        False,
        "unreachable",
    )


def test_without_a_link_a_demoted_gateway_ends_as_master_of_priority_1() -> None:
    """`demote`: the hosts keep a gateway that answers; it carries nothing and says so by its priority."""
    bench = Bench()
    bench.start()
    effects = bench.wait(5000)
    adverts = of_type(effects, SendAdvert)
    assert adverts
    assert of_type(effects, AddAddresses)
    assert of_type(effects, Announce)
    assert (bench.group(1)["state"], bench.group(1)["priority"], bench.group(1)["works"]) == ("master", 1, False)
    assert bench.group(1)["why"] == "Master here, without a link"


def test_another_master_that_is_heard_is_the_next_hop() -> None:
    """Its virtual IP on the LAN, pinned to the source of its advert; and VID by VID."""
    bench = Bench()
    bench.start()
    effects = bench.hear(2, 200)
    hop = ViaMaster(LAN_DEVICE, virtual_ip(NEAR, 2).ip, B2, lan_address(NEAR, 1))
    assert SetNextHop(2, hop) in effects
    assert SetMembers(LAN_DEVICE, frozenset({B2})) in effects
    table = of_type(effects, Publish)[-1].table
    assert table.working == {2}


def test_a_silent_master_is_given_up_and_its_table_says_unreachable() -> None:
    """First the verdict, a while later the table: the old way may still carry what is under way."""
    bench = Bench(STOP)
    bench.start()
    bench.hear(2, 200)
    effects = bench.wait(900)
    assert not bench.group(2)["works"]
    assert SetNextHop(2, Unreachable()) not in effects
    assert SetNextHop(2, Unreachable()) in bench.wait(1100)
    assert bench.wait(10_000) == [] or not of_type(bench.wait(10_000), SetNextHop)


def test_adverts_that_are_not_ours_to_judge_are_counted() -> None:
    """Damaged ones, those of other groups or devices, and our own come back."""
    bench = Bench()
    bench.start()
    bench.do(AdvertReceived(LAN_DEVICE, b"", B2))
    bench.hear(77, 100)
    bench.hear(1, 100, device=LINK_DEVICE)
    bench.hear(1, 100, number=1)
    counters = bench.counters
    assert (counters["vrrp:packet_length"], counters["vrrp:vrid"], counters["vrrp:looped"]) == (1, 2, 1)


def test_a_resignation_does_not_teach_where_a_master_is() -> None:
    """The next hop keeps its MAC until somebody else is heard as Master."""
    bench = Bench()
    bench.start()
    bench.hear(2, 200)
    bench.hear(2, 0, number=3)
    bench.hear(2, 0)
    assert bench.agent.memberships[GroupId(2)].master_mac == B2
    assert bench.group(2)["why"] == "192.168.1.2 resigned"


def test_datagrams_of_unknown_links_are_ignored() -> None:
    """A socket that outlived its link's configuration does no harm."""
    bench = Bench()
    bench.start()
    assert bench.do(DatagramReceived("l9", b"x")) == []
    assert bench.do(DatagramReceived("l1", b"x")) == []


def test_neighbours_that_answer_are_members_and_stay_so() -> None:
    """A member that falls silent is no witness any more, but the loop guard does not forget it."""
    bench = Bench()
    bench.start()
    answer = NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), B2)
    assert of_type(bench.do(answer), SetMembers) == [SetMembers(LAN_DEVICE, frozenset({B2}))]
    assert of_type(bench.do(answer), SetMembers) == []
    assert of_type(bench.do(NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 2), None)), SetMembers) == []


def test_a_leg_that_hears_nobody_is_a_fault_until_it_does() -> None:
    """Carrier alone does not prove a LAN (design 4.3)."""
    bench = Bench()
    bench.start()
    bench.do(LegHeard(LAN_DEVICE, alive=False))
    assert (bench.group(1)["state"], bench.group(1)["reason"]) == ("fault", "eth0 hears nobody")
    bench.do(LegHeard(LAN_DEVICE, alive=True))
    assert bench.group(1)["state"] == "backup"


def test_a_lan_without_carrier_or_address_is_a_fault() -> None:
    """VRRP needs both; the other device's state is no matter to it."""
    bench = Bench()
    bench.start()
    bench.carrier(LAN_DEVICE, up=False)
    assert bench.group(1)["state"] == "fault"
    bench.carrier(LAN_DEVICE)
    assert bench.group(1)["state"] == "backup"
    bench.do(DeviceChanged(LAN_DEVICE, carrier=True, primary=None))
    assert bench.group(1)["state"] == "fault"


def test_a_master_whose_address_vanishes_says_good_bye_from_it() -> None:
    """The advert of priority 0 has the source that is just gone (it may still get out); the virtual IPs go at once."""
    bench = Bench()
    bench.start()
    bench.wait(2000)
    effects = bench.do(DeviceChanged(LAN_DEVICE, carrier=True, primary=None))
    adverts = of_type(effects, SendAdvert)
    assert [decode_priority(advert) for advert in adverts] == [0, 0, 0]
    assert {str(advert.source) for advert in adverts} == {"192.168.1.1"}
    assert of_type(effects, RemoveAddresses)


def test_leaving_hands_over_and_says_left_when_a_successor_is_heard() -> None:
    """Priority 0, the virtual IPs stay, and go with the successor's first advert of each VID."""
    bench = Bench()
    bench.start()
    bench.wait(2000)
    effects = bench.do(Leave())
    goodbyes = [decode_priority(effect) for effect in of_type(effects, SendAdvert)]
    assert goodbyes == [0, 0, 0]
    assert of_type(effects, RemoveAddresses) == of_type(effects, Left) == []
    assert of_type(bench.hear(1, 100), Left) == []
    effects = bench.wait(500)
    assert len(of_type(effects, RemoveAddresses)) == 2
    assert of_type(effects, Left) == [Left()]


def test_leaving_soon_after_taking_over_points_to_nobody() -> None:
    """Who was Master before is not remembered as one: the kernel takes no address of our own for a next hop."""
    bench = Bench()
    bench.start()
    bench.hear(1, 2)
    membership = bench.agent.memberships[GroupId(1)]
    tell_router(bench.agent._gateway, bench.now, membership, Claim())
    bench.wait(100)
    assert bench.group(1)["state"] == "master"
    bench.do(Leave())
    assert membership.other_master() is None


def decode_priority(effect: SendAdvert) -> int:
    """Return the priority that an advert of ours says."""
    received = decode(wrap(effect.source, effect.destination, effect.message))
    assert not isinstance(received, str)
    return received.advertisement.priority


def test_leaving_without_a_mastership_is_over_at_once() -> None:
    """Nothing is held, so nothing is waited for; a second request changes nothing."""
    bench = Bench(STOP)
    bench.start()
    assert of_type(bench.do(Leave()), Left) == [Left()]
    assert of_type(bench.do(Leave()), Left) == []


def test_virtual_ips_found_on_a_gateway_that_may_not_run_are_released_in_time() -> None:
    """`stop` with its link closed: what a predecessor left is kept for a successor, then removed."""
    bench = Bench(STOP, found=installed(1))
    assert of_type(bench.start(), RemoveAddresses) == []
    assert of_type(bench.wait(1000), RemoveAddresses) == [RemoveAddresses(LAN_DEVICE, (virtual_ip(NEAR, 1),))]


def test_virtual_ips_found_on_a_device_without_an_address_are_removed_at_once() -> None:
    """VRRP cannot start there, so nobody else would ever take them away."""
    bench = Bench(STOP, found=installed(2))
    bench.do(DeviceChanged(LAN_DEVICE, carrier=True, primary=None))
    assert of_type(bench.do(Started()), RemoveAddresses) == [RemoveAddresses(LAN_DEVICE, (virtual_ip(NEAR, 2),))]


def test_virtual_ips_found_on_a_gateway_that_runs_are_kept_as_backup() -> None:
    """They answer until a Master is heard."""
    bench = Bench(found=installed(1))
    assert of_type(bench.start(), RemoveAddresses) == []
    assert of_type(bench.hear(1, 200), RemoveAddresses) == [RemoveAddresses(LAN_DEVICE, (virtual_ip(NEAR, 1),))]


def test_next_hops_are_adopted_as_found_until_every_master_could_be_heard() -> None:
    """A new agent changes only the difference, and tells the applications nothing before it knows."""
    hop = ViaMaster(LAN_DEVICE, virtual_ip(NEAR, 2).ip, B2, lan_address(NEAR, 1))
    bench = Bench(STOP, found=Found(next_hops={2: hop}))
    effects = bench.start()
    assert of_type(effects, Publish) == []
    effects = bench.hear(2, 200)
    assert [effect for effect in of_type(effects, SetNextHop) if not effect.guard] == []
    assert of_type(effects, Publish) == []
    assert len(of_type(bench.wait(800), Publish)) == 1


def test_a_new_agent_that_has_heard_every_master_speaks_at_once() -> None:
    """There is nothing left to wait for."""
    bench = Bench(STOP, found=Found(next_hops={1: Unreachable()}))
    bench.start()
    bench.hear(1, 200)
    bench.hear(2, 200)
    assert len(of_type(bench.hear(3, 200), Publish)) == 1


def test_the_members_that_a_predecessor_knew_are_known() -> None:
    """The first answer of a third gateway must not make the guard forget the second."""
    bench = Bench()
    bench.start()
    bench.hear(1, 150)
    saved = json.loads(json.dumps(bench.agent.snapshot(bench.now)))
    successor = Bench(now=bench.now, found=Found(snapshot=saved))
    assert successor.agent.known.members(LAN_DEVICE) == {B2}


def test_a_mastership_in_the_snapshot_is_gone_on_with() -> None:
    """The next advert is due when the predecessor's would have been."""
    bench = Bench()
    bench.start()
    bench.wait(2000)
    saved = json.loads(json.dumps(bench.agent.snapshot(bench.now)))
    successor = Bench(now=bench.now + 50 * MS, found=Found(snapshot=saved))
    effects = successor.start()
    assert of_type(effects, SendAdvert) == []
    assert successor.group(1)["state"] == "master"
    assert successor.agent.deadline() is not None
    assert of_type(successor.wait(200), SendAdvert)


def test_a_link_that_was_open_long_ago_is_not_taken_for_open() -> None:
    """A snapshot of a closed link restores it closed, an old proof proves nothing."""
    world = healthy(Shape(), 1)
    world.begin(Kill("b1"))
    saved = json.loads(json.dumps(world.nodes["b1"].saved))
    at = saved["at"] + 5000 * MS
    late = Bench(Shape(secret=False), now=at, found=Found(snapshot=saved))
    late.start()
    late.wait(200)
    assert not late.agent.links["l1"].is_open
    saved["links"] = {}
    assert not Bench(now=at, found=Found(snapshot=saved)).agent.links["l1"].is_open


def test_two_near_gateways_that_both_have_a_far_master_raise_one_alarm() -> None:
    """The far LAN is split: said once, after it has lasted an interval, and again only after it was over."""
    world = healthy(Shape(), 1)
    b1 = world.nodes["b1"]
    bench = Bench()
    assert b1.agent is not None
    bench.agent, bench.now = b1.agent, b1.clock
    alarms = []
    for _ in range(4):
        alarms += [r for r in of_type(bench.hear(1, 200), Record) if r.kind == "alarm"]
        bench.now += 200 * MS
    assert [alarm.text for alarm in alarms] == ["two far Masters: the far LAN is split"]


def test_a_mastership_is_followed_to_whom_the_observer_follows() -> None:
    """Of two that advertise, the better one's MAC is pinned, whatever the order of their adverts."""
    bench = Bench()
    bench.start()
    bench.hear(2, 200)
    source = lan_address(NEAR, 3)
    advertisement = Advertisement(2, 100, 200 * MS, (virtual_ip(NEAR, 2).ip,))
    packet = wrap(source, MULTICAST, encode(advertisement, source, MULTICAST, ChecksumForm.RFC9568))
    bench.do(AdvertReceived(LAN_DEVICE, packet, rb"\9" * 6))
    assert bench.agent.memberships[GroupId(2)].master_mac == B2
    assert bench.agent.known.members(LAN_DEVICE) == {B2}


def test_a_link_that_was_open_just_now_is_kept_open_for_a_new_proof() -> None:
    """The silence was the agent's own; a controlled end's last proof is old in the best of times."""
    world = healthy(Shape(secret=False), 1)
    f1 = world.nodes["f1"]
    saved = json.loads(json.dumps(f1.saved))
    bench = Bench(now=f1.clock + 300 * MS, name="f1", found=Found(snapshot=saved))
    bench.start()
    bench.wait(350)
    assert bench.agent.links["l1"].is_open
    bench.wait(100)
    assert not bench.agent.links["l1"].is_open


def test_a_miswired_link_raises_an_alarm() -> None:
    """What another link's end says here is news for the log."""
    stranger, bench = Bench(), Bench(name="f2")
    effects = stranger.start()
    (query,) = of_type(effects, SendDatagram)
    bench.start()
    alarms = of_type(bench.do(DatagramReceived("l2", query.data)), Record)
    assert [(alarm.kind, alarm.subject) for alarm in alarms] == [("alarm", "l2")]


def test_a_guarded_packet_of_an_observed_vid_takes_any_open_link() -> None:
    """It may not turn back to the LAN, and this gateway has no link of its own for the VID."""
    world = healthy(Shape(), 1)
    hop = world.nodes["b2"].kernel.next_hop(3, guard=True)
    assert hop == ViaLink(LINK_DEVICE, link_address("far", 2), lan_address(NEAR, 2))
    world.begin(Cut("l2"))
    world.run(100)
    assert isinstance(world.nodes["b2"].kernel.next_hop(3, guard=True), Unreachable)


def test_the_controller_believes_a_far_end_that_calls_its_own_end_closed() -> None:
    """Open means open at both ends (mission A3): a demoted far Master carries nothing, nor does a stopped one."""
    world = healthy(Shape(), 1)
    b1, f1 = world.nodes["b1"], world.nodes["f1"]
    assert b1.agent is not None
    assert f1.agent is not None
    for priority in (150, 1):
        words = tuple(
            type(word)(word.vid, word.state, priority, word.generation + 1)
            for word in (f1.agent.memberships[GroupId(vid)].word(0) for vid in (1, 2, 3))
        )
        for effect in f1.agent.links["l1"].handle(f1.clock, Words(words)):
            b1.handle(DatagramReceived("l1", effect.data))  # type: ignore[union-attr]
        tier = b1.agent.memberships[GroupId(1)].tier
        assert str(tier) == ("high" if priority > 1 else "dead")


def test_what_applications_say_is_shown() -> None:
    """An application's word is kept, one of a stranger counted."""
    bench = Bench()
    bench.start()
    bench.do(ApplicationSteers("app1", 2, 1, "VID 1 does not work"))
    bench.do(ApplicationSteers("nobody", 2, 1, ""))
    status = bench.agent.status(bench.now)
    assert (status["applications"]["app1"]["vid"], status["counters"]["feed:unknown-application"]) == (2, 1)


def test_members_are_told_apart_by_their_addresses_on_the_wire() -> None:
    """The simulator's MACs are what the guard is told."""
    world = healthy(Shape(), 1)
    assert world.nodes["b1"].kernel.members[LAN_DEVICE] == {mac_of("b2")}


def test_what_links_have_carried_is_handed_on_over_a_reboot() -> None:
    """A data cap does not begin anew: the agent tells what is to be kept, and goes on from what was."""
    shape = Shape(secret=False, weight="{function: cost, cost: {cap: 1GB, resets: 1}}")
    march = MinuteBegan(Wall(date(2026, 3, 2), 600))
    kept = {"l1": {"1": [march.wall.period(1), 5e8]}}
    booted = Bench(shape, found=Found(snapshot={"carried": kept}))
    booted.start()
    booted.do(march)
    assert booted.agent.carried() == kept
    assert Bench().agent.carried() == {}
