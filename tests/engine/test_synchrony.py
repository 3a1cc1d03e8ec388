"""Sync groups: who is told what, and what becomes of it."""

from dataclasses import replace
from ipaddress import IPv4Address
from random import Random

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.retirement import LEAVING, REMOVED
from linkbalancer.engine.synchrony import SyncGroup, cause, index
from linkbalancer.links import GroupId, GroupState
from linkbalancer.lvrrp.rules import Stance
from linkbalancer.vrrp.events import Claim, Heard, Reconfigure, Resign, SetPriority, Shutdown
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Master
from linkbalancer.vrrp.timers import master_down_interval, proof_of_life, skew_time
from tests.engine.twolans import (
    INTERVAL,
    LANS,
    LEFT,
    RIGHT,
    SETTLING,
    Gateway,
    World,
    address_of,
    cut,
    gateway,
    group_on,
    only,
    rise,
    settled,
    two,
)

# --------------------------------------------------------------------------------------------------- what it is for


def test_the_better_gateway_is_master_of_all() -> None:
    """At the start the better of two becomes Master of both LANs, in one instant, and announces on both."""
    world = settled(two())

    assert world.masters() == only("a")
    assert len(set(rise(world, "a", 0).values())) == 1
    assert world.gateways[0].announced == world.gateways[0].installed == set(LANS)
    assert not world.gateways[1].installed


@pytest.mark.parametrize("lan", LANS)
@pytest.mark.parametrize("phase", range(0, 100, 7))
def test_a_lost_carrier_moves_all_of_the_group_in_about_a_skew(lan: GroupId, phase: int) -> None:
    """Priority 0 heard on the other LAN tells that its router is gone from all: no master-down interval is waited."""
    world = settled(two(seed=phase))
    world.run(phase * MILLISECOND)
    lost = world.now

    cut(world, world.gateways[0], lan, carrier=False)
    world.run(SETTLING)

    assert world.masters() == only("b")
    bound = max(skew_time(100, INTERVAL), proof_of_life(INTERVAL)) + 3 * MILLISECOND
    assert all(skew_time(100, INTERVAL) <= at - lost <= bound for at in rise(world, "b", lost).values())
    assert bound < master_down_interval(100, INTERVAL) / 3


def test_a_silent_death_takes_the_master_down_interval() -> None:
    """Nobody says anything: both timers run out on their own, and the group moves when the second has."""
    world = settled(two())
    dead = world.gateways[0]
    dead.heard.update(dict.fromkeys(LANS, False))
    lost = world.now

    world.run(SETTLING)

    assert world.gateways[1].masters() == set(LANS)
    down = master_down_interval(100, INTERVAL)
    assert all(down - INTERVAL <= at - lost <= down + INTERVAL for at in rise(world, "b", lost).values())


def test_a_gateway_that_cannot_serve_one_lan_serves_none() -> None:
    """A leg without carrier keeps the whole group out, and priority 0 is said where it can be heard."""
    world = settled(two())
    cut(world, world.gateways[0], LEFT, carrier=False)

    assert [(name, lan, priority) for at, name, lan, priority in world.adverts if at == world.now] == [
        ("a", LEFT, 0),
        ("a", RIGHT, 0),
    ]
    assert world.gateways[0].masters() == set()


def test_a_beaten_member_takes_the_others_along_without_priority_0() -> None:
    """The winner has them all: on the other LAN it advertises at once, and nobody needs to be told to hurry."""
    world = settled(two())
    a, b = world.gateways
    before = world.now

    for lan in LANS:
        world.tell(b, lan, SetPriority(250))
    world.run(SETTLING)

    assert world.masters() == only("b")
    assert [entry for entry in world.adverts if entry[0] >= before and entry[3] == 0] == []
    assert a.installed == set()


def test_a_resignation_of_one_is_one_of_all() -> None:
    """A member that resigns (its link closed) says priority 0, and so do the others: the other gateway hurries."""
    world = settled(two())
    a = world.gateways[0]
    before = world.now

    world.tell(a, LEFT, Resign(1))

    assert [(lan, priority) for at, _name, lan, priority in world.adverts if at >= before] == [(LEFT, 0), (RIGHT, 0)]
    world.run(SETTLING)
    assert world.masters() == only("b")


def test_beating_a_rival_on_one_lan_announces_on_all() -> None:
    """Who heard a losing rival on one LAN may have lost hosts on the other as well (Keepalived: every member)."""
    world = settled(two())
    a, b = world.gateways
    for lan in LANS:
        a.announced.discard(lan)

    world.tell(a, LEFT, Heard(50, INTERVAL, address_of(b, LEFT)))

    assert a.announced == set(LANS)


def test_an_owner_waits_for_the_rest_of_its_group() -> None:
    """With 255 everywhere all are Master at once; with one other member below, all wait for that one."""
    owners = two((255, 255), (100, 100))
    owners.start(owners.gateways[0])
    assert owners.masters() == only("a")

    mixed = two((255, 100), (50, 50))
    mixed.start(mixed.gateways[0])
    assert mixed.masters() == {LEFT: [], RIGHT: []}
    mixed.run(SETTLING)
    assert mixed.masters() == only("a")


def test_a_claim_is_a_timer_that_has_run_out() -> None:
    """In a sync group fast follow does not jump ahead: claims on all members make them Master, one alone does not."""
    world = settled(two())
    b = world.gateways[1]

    world.tell(b, LEFT, Claim())
    world.tell(b, LEFT, Claim())
    assert b.masters() == set()
    world.tell(b, RIGHT, Claim())

    assert b.masters() == set(LANS)


# ---------------------------------------------------------------------------- a priority 0 that is not for all LANs


def with_stranger(priority: int) -> World:
    """Return gateways a (Master of the left LAN), b, and a stranger in no sync group, Master of the right LAN."""
    left, right = group_on(LEFT, 200), group_on(RIGHT, priority)
    a = gateway("a", {LEFT: 1}, {LEFT: left}, synchronised=False)
    stranger = gateway("z", {RIGHT: 9}, {RIGHT: right}, synchronised=False)
    b = gateway("b", {LEFT: 2, RIGHT: 2}, {LEFT: group_on(LEFT, 100), RIGHT: group_on(RIGHT, 100)})
    return settled(World([a, b, stranger], Random(3)))


@pytest.mark.parametrize("phase", range(0, 100, 9))
def test_a_living_master_of_the_other_lan_stays_the_only_one(phase: int) -> None:
    """Its next advert comes before the hastened timer ends, and sets it back: no second Master, not for a moment."""
    world = with_stranger(150)
    a, b, _stranger = world.gateways
    world.run(phase * MILLISECOND)
    lost = world.now

    world.tell(a, LEFT, Shutdown())
    world.run(SETTLING)

    assert rise(world, "b", lost) == {}
    assert world.masters() == {LEFT: [], RIGHT: ["z"]}
    state = b.routers[RIGHT].state
    assert isinstance(state, Backup)
    assert state.hastened_from is None
    assert state.master_down_at >= world.now + 2 * INTERVAL


def test_a_worse_living_master_is_not_preempted_sooner_for_it() -> None:
    """A hastened timer goes back to its own time when the Master that is let run out on speaks again."""
    world = two()
    b = world.gateways[1]
    world.start(b)
    rival = IPv4Address("192.0.2.9")
    start = b.routers[RIGHT].state
    assert isinstance(start, Backup)
    for tenth in (1, 2):
        world.run(INTERVAL)
        world.tell(b, RIGHT, Heard(50, INTERVAL, rival))
        world.tell(b, LEFT, Heard(200 * (2 - tenth), INTERVAL, IPv4Address("192.0.1.9")))

    hastened = b.routers[RIGHT].state
    assert isinstance(hastened, Backup)
    assert hastened.master_down_at == world.now + proof_of_life(INTERVAL)
    world.run(INTERVAL)
    world.tell(b, RIGHT, Heard(50, INTERVAL, rival))

    after = b.routers[RIGHT].state
    assert isinstance(after, Backup)
    assert (after.master_down_at, after.hastened_from) == (start.master_down_at, None)


def test_a_strangers_priority_0_hastens_nobody() -> None:
    """Only the Master that a member heard last can say that it leaves."""
    world = settled(two())
    b = world.gateways[1]
    before = b.routers[RIGHT].state

    world.tell(b, LEFT, Heard(0, INTERVAL, IPv4Address("192.0.1.77")))

    assert b.routers[RIGHT].state == before


def test_a_master_that_is_alone_in_its_lan_is_not_hastened() -> None:
    """`Hasten` is for Backups: a Master hears it like any other (it goes on as before)."""
    world = settled(two())
    a, b = world.gateways
    before = a.routers[RIGHT].state

    world.tell(a, LEFT, Heard(0, INTERVAL, address_of(b, LEFT)))

    assert a.routers[RIGHT].state == before


# ---------------------------------------------------------------------------------------------------------- the stance

RUNS = Stance(runs=True, priority=100, stopped_as=GroupState.UNKNOWN, tier=None, reason="link open")
FAULT = replace(RUNS, runs=False, priority=0, stopped_as=GroupState.FAULT, reason="eth1 has no carrier")
SYNC = SyncGroup("edge", LANS)


@pytest.mark.parametrize("stances", [{}, {LEFT: RUNS}, {LEFT: RUNS, RIGHT: LEAVING}, {LEFT: REMOVED, RIGHT: RUNS}])
def test_what_takes_nobody_along(stances: dict[GroupId, Stance]) -> None:
    """Members that run, are not known yet, go for good, or go with the gateway, leave the others as they are."""
    assert cause(SYNC, stances) is None


def test_what_is_said_of_members_that_could_run() -> None:
    """They are in Fault for the first that is out, and name it."""
    stance = cause(SYNC, {LEFT: FAULT, RIGHT: RUNS})

    assert stance is not None
    assert (stance.runs, stance.stopped_as) == (False, GroupState.FAULT)
    assert stance.reason == "sync group edge: VID 1: eth1 has no carrier"


def test_members_are_found_by_their_ids() -> None:
    """Every member leads to its sync group."""
    assert index([SYNC]) == {LEFT: SYNC, RIGHT: SYNC}


def test_a_member_alone_among_the_ready_says_nothing() -> None:
    """An event that changes nothing that matters to others is told to nobody."""
    routers = {lan: Router(group_on(lan, 100), IPv4Address("192.0.2.1"), synchronised=True) for lan in LANS}
    routers[LEFT].state = Master(0)
    world = World([Gateway("a", routers, SYNC)], Random(1))

    world.tell(world.gateways[0], LEFT, Reconfigure(group_on(LEFT, 100)))

    assert isinstance(routers[LEFT].state, Master)
    assert world.adverts == [(0, "a", LEFT, 100)]
