"""The router's laws: what holds for any events, and what two routers always come to."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.links import GroupState
from linkbalancer.machine import Machine
from linkbalancer.vrrp.effects import (
    AnnounceAddresses,
    Changed,
    Effect,
    ExchangeAddresses,
    InstallAddresses,
    ReleaseAddresses,
    SendAdvert,
)
from linkbalancer.vrrp.events import (
    Claim,
    Event,
    Hasten,
    Heard,
    Promote,
    Reconfigure,
    Resign,
    Resume,
    SetPrimary,
    SetPriority,
    Shutdown,
    Startup,
    Tick,
    Withdraw,
)
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Initialize
from linkbalancer.vrrp.timers import master_down_interval, skew_time
from tests.vrrp.lan import Lan

LEFT, RIGHT = IPv4Address("192.0.2.9"), IPv4Address("192.0.2.10")
GROUP = Group(
    vid=1,
    device="eth0",
    virtual_ips=(IPv4Interface("192.0.2.251/24"),),
    priority=100,
    advert_interval=SECOND,
)

priorities = st.integers(1, 254)
addresses = st.sampled_from([LEFT, RIGHT, IPv4Address("192.0.2.200")])
intervals = st.sampled_from([10 * MILLISECOND, 50 * MILLISECOND, 100 * MILLISECOND])
groups = st.builds(
    lambda interval, *, preempt: replace(GROUP, advert_interval=interval, preempt=preempt),
    intervals,
    preempt=st.booleans(),
)
any_groups = st.builds(
    lambda group, version, priority, delay, *, yields: replace(
        group,
        version=version,
        advert_interval=SECOND if version == 2 else group.advert_interval,
        priority=priority,
        preempt_delay=delay,
        owner_yields=yields,
    ),
    groups,
    st.sampled_from([2, 3]),
    st.sampled_from([100, 255]),
    st.sampled_from([0, 200 * MILLISECOND]),
    yields=st.booleans(),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Startup, st.integers(0, 256), not_before=st.integers(0, SECOND)),
    st.builds(Reconfigure, any_groups),
    st.just(Promote("all may")),
    st.builds(Withdraw, st.just("another cannot"), intervals),
    st.just(Hasten()),
    st.builds(Resume, st.integers(0, 256), st.integers(0, 10 * SECOND)),
    st.just(Shutdown()),
    st.builds(Resign, priorities),
    st.builds(Heard, st.integers(0, 255), intervals, addresses),
    st.builds(SetPriority, st.integers(-1, 300)),
    st.builds(SetPrimary, st.none() | addresses),
    st.just(Claim()),
    st.just(Tick()),
)
gaps = st.integers(0, 300 * MILLISECOND)


def test_a_router_is_a_machine() -> None:
    """The router has the one shape of everything that decides."""
    machine: Machine[Event, Effect] = Router(GROUP, LEFT)

    assert machine.deadline() is None
    assert Router(GROUP, LEFT).group_state is GroupState.INITIALISING


@settings(max_examples=200)
@given(group=any_groups, synchronised=st.booleans(), story=st.lists(st.tuples(gaps, events), max_size=40))
def test_the_books_balance_after_any_events(
    *, group: Group, synchronised: bool, story: list[tuple[int, Event]]
) -> None:
    """Whatever happens, the kernel's addresses are what the state says, and a state change is told last and once."""
    router = Router(group, RIGHT, synchronised=synchronised)
    now, installed = 0, False
    for gap, event in story:
        now += gap
        before = router.group_state
        effects = router.handle(now, event)
        for effect in effects:
            assert not (isinstance(effect, ReleaseAddresses) and not installed), "released what was not there"
            assert not (isinstance(effect, AnnounceAddresses | ExchangeAddresses) and not installed), "nothing is there"
            installed = (installed or isinstance(effect, InstallAddresses)) and not isinstance(effect, ReleaseAddresses)
        changes = [effect for effect in effects if isinstance(effect, Changed)]
        assert installed == router.state.installed
        assert changes in ([], effects[-1:])
        assert (router.group_state is before) or changes[0].new == router.group_state.name.lower()
        assert router.group_state is not GroupState.MASTER or router.primary is not None


@settings(max_examples=200)
@given(group=any_groups, synchronised=st.booleans(), story=st.lists(st.tuples(gaps, events), max_size=20))
def test_a_tick_at_the_deadline_moves_it(*, group: Group, synchronised: bool, story: list[tuple[int, Event]]) -> None:
    """After the Tick that a router asked for, nothing more is due: it never spins."""
    router = Router(group, RIGHT, synchronised=synchronised)
    now = 0
    for gap, event in story:
        now += gap
        router.handle(now, event)
        if (due := router.deadline()) is not None:
            now = max(now, due)
            router.handle(now, Tick())
            after = router.deadline()
            assert after is None or after > now


@settings(max_examples=100)
@given(st.lists(st.integers(0, 30 * MILLISECOND), min_size=1, max_size=60))
@pytest.mark.rfc("RFC 9568 6.4.3")
def test_a_babbling_rival_is_answered_in_measure(pauses: list[int]) -> None:
    """Two answers to losing adverts are never less than 10 ms apart, and the advert timer runs on untouched."""
    router = Router(GROUP, RIGHT)
    router.handle(0, Resume(100, SECOND))
    now, answers = 0, []
    for pause in pauses:
        now += pause
        if SendAdvert(100) in router.handle(now, Heard(50, SECOND, LEFT)):
            answers.append(now)
    assert all(later - earlier >= 10 * MILLISECOND for earlier, later in pairwise(answers))
    assert answers[0] == pauses[0]
    assert (router.deadline() or 0) <= SECOND


def lan_of(groups: tuple[Group, Group], seed: int) -> Lan:
    """Make a LAN of two routers whose adverts take up to 2 ms."""
    routers = {address: Router(group, address) for address, group in zip((LEFT, RIGHT), groups, strict=True)}
    return Lan(routers, Random(seed), delay_max=2 * MILLISECOND)


def settle(lan: Lan) -> None:
    """Let pass the longest time in which two routers on a lossless LAN agree: Down_Interval and two intervals."""
    lan.run(lan.now)
    interval = max(router.group.advert_interval for router in lan.routers.values())
    slowest = min(router.priority for router in lan.routers.values())
    lan.run(lan.now + master_down_interval(slowest, interval) + 2 * interval)


disturbances = st.lists(
    st.tuples(
        st.integers(0, 500 * MILLISECOND),
        st.sampled_from([LEFT, RIGHT]),
        st.one_of(
            st.builds(Startup, priorities),
            st.builds(SetPriority, priorities),
            st.builds(Resign, priorities),
            st.just(Shutdown()),
            st.just(Claim()),
        ),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(
    groups=st.tuples(groups, groups),
    starts=st.tuples(priorities, priorities),
    story=disturbances,
    parted=st.booleans(),
    seed=st.integers(0, 2**32),
)
@pytest.mark.rfc("RFC 9568 6.4.3")
def test_two_routers_always_agree(
    *,
    groups: tuple[Group, Group],
    starts: tuple[int, int],
    story: list[tuple[int, IPv4Address, Event]],
    parted: bool,
    seed: int,
) -> None:
    """After any starts, stops, claims and partitions there is one Master within Down_Interval and two intervals."""
    lan = lan_of(groups, seed)
    lan.parted = parted
    for at, address, event in story:
        lan.post(at, address, event)
    lan.run(500 * MILLISECOND)
    lan.parted = False
    for address, priority in zip((LEFT, RIGHT), starts, strict=True):
        lan.post(lan.now, address, Startup(priority))

    settle(lan)

    [master] = lan.masters()
    assert lan.installed == {master}
    lan.run(lan.now + 500 * MILLISECOND)
    assert lan.masters() == [master]
    assert lan.installed == {master}


@settings(max_examples=60, deadline=None)
@given(st.tuples(groups, groups), st.tuples(priorities, priorities), st.integers(0, 2**32))
def test_the_better_router_wins_where_both_preempt(
    groups: tuple[Group, Group], starts: tuple[int, int], seed: int
) -> None:
    """When the better of two preempts, it ends as Master, whoever started first."""
    lan = lan_of((replace(groups[0], preempt=True), replace(groups[1], preempt=True)), seed)
    for address, priority in zip((LEFT, RIGHT), starts, strict=True):
        lan.post(lan.chance.randint(0, SECOND), address, Startup(priority))
    lan.run(SECOND)

    settle(lan)

    if starts[0] != starts[1]:
        assert lan.masters() == [LEFT if starts[0] > starts[1] else RIGHT]


@settings(max_examples=60, deadline=None)
@given(
    groups,
    st.tuples(priorities, priorities),
    st.sampled_from([Shutdown(), Resign(1)]),
    st.integers(0, 2**32),
)
def test_an_orderly_handover_leaves_no_gap(group: Group, starts: tuple[int, int], leave: Event, seed: int) -> None:
    """From the first Master on, through its leaving and the successor's coming, somebody has the addresses."""
    lan = lan_of((group, group), seed)
    for address, priority in zip((LEFT, RIGHT), starts, strict=True):
        lan.post(0, address, Startup(priority))
    settle(lan)
    [first] = lan.masters()
    lan.uncovered.clear()
    lan.post(lan.now + lan.chance.randint(0, 100 * MICROSECOND), first, leave)

    settle(lan)

    [second] = lan.masters()
    assert second != first
    assert lan.installed == {second}
    assert lan.uncovered == []


stalls = st.integers(0, 20 * SECOND)


@settings(max_examples=150)
@given(any_groups, stalls, st.integers(1, 254))
def test_no_take_over_without_listening_after_a_stall(group: Group, stall: int, priority: int) -> None:
    """A Backup that is ticked late takes over only when it has listened for an interval and its skew, and then does."""
    router = Router(replace(group, priority=priority), RIGHT)
    router.handle(0, Startup(priority))
    due = router.deadline() or 0
    router.handle(due + stall, Tick())
    if stall <= max(group.advert_interval // 4, 10 * MILLISECOND):
        assert router.group_state is GroupState.MASTER
        return
    assert router.group_state.name == "BACKUP"
    listening = group.advert_interval + skew_time(priority, group.advert_interval, group.version)
    assert router.deadline() == due + stall + listening
    router.handle(due + stall + listening, Tick())
    assert router.group_state.name == "MASTER"


@settings(max_examples=150)
@given(any_groups, stalls, st.integers(1, 254))
def test_a_stalled_master_listens_before_it_goes_on(group: Group, stall: int, priority: int) -> None:
    """Whenever a rival of priority 254 could be Master, nothing is sent before one of its adverts would be heard."""
    router = Router(replace(group, priority=priority), RIGHT)
    interval = group.advert_interval
    router.handle(0, Resume(priority, interval))
    effects = router.handle(interval + stall, Tick())

    if interval + stall >= master_down_interval(254, interval, group.version) and not router.owner:
        assert effects == []
        resumed = router.handle(router.deadline() or 0, Tick())
        assert (router.deadline() or 0) > interval + stall + 2 * interval
        assert resumed == [SendAdvert(router.priority), AnnounceAddresses()]
    elif not router.owner:
        assert effects == [SendAdvert(router.priority)]


@settings(max_examples=100, deadline=None)
@given(groups, st.tuples(priorities, priorities), st.integers(0, 2**32), st.integers(0, 6))
def test_a_stall_ends_with_one_master(group: Group, starts: tuple[int, int], seed: int, intervals_long: int) -> None:
    """One of two stands still, for however long, and goes on: one Master again, and its addresses are the only ones."""
    lan = lan_of((group, group), seed)
    for address, priority in zip((LEFT, RIGHT), starts, strict=True):
        lan.post(0, address, Startup(priority))
    settle(lan)
    [first] = lan.masters()
    asleep = lan.routers.pop(first)
    lan.run(lan.now + intervals_long * group.advert_interval + lan.chance.randint(0, group.advert_interval))
    lan.routers[first] = asleep

    settle(lan)
    settle(lan)

    [master] = lan.masters()
    assert lan.installed == {master}


MASTERS = tuple(Heard(priority, 100 * MILLISECOND, source) for priority in (90, 200, 220) for source in (RIGHT,))


@given(
    story=st.lists(
        st.tuples(
            st.integers(0, 400).map(lambda ms: ms * MILLISECOND),
            st.sampled_from([*MASTERS, MASTERS[1], MASTERS[1], Tick(), SetPriority(210), SetPriority(100), Shutdown()]),
        ),
        max_size=30,
    )
)
def test_a_repeated_advert_does_what_handling_it_again_does(story: list[tuple[int, Event]]) -> None:
    """Whenever anybody looks: nobody does between two events, as in life, but at the end."""
    short, long = Router(GROUP, LEFT), Router(GROUP, LEFT)
    now = 0
    for router in (short, long):
        router.handle(now, Startup(100, found=False))
    for wait, event in story:
        now += wait
        if isinstance(event, Heard) and short.is_repeated_by(event):
            short.repeat(now)
            assert long.handle(now, event) == []
        else:
            assert short.handle(now, event) == long.handle(now, event)
    assert (short.heard, short.state, short.deadline()) == (long.heard, long.state, long.deadline())


def test_what_was_repeated_is_known_whatever_is_set_after_it() -> None:
    """A state, or who was heard, that is put in from outside: the other of the two is as it was heard last."""
    for attribute in ("state", "heard"):
        router = Router(GROUP, LEFT)
        router.handle(0, Startup(100, found=False))
        router.handle(0, MASTERS[1])
        assert router.is_repeated_by(MASTERS[1])
        router.repeat(SECOND)
        if attribute == "state":
            router.state = Initialize()
            assert router.heard is not None
            assert router.heard.at == SECOND
        else:
            router.heard = None
            assert isinstance(router.state, Backup)
            assert router.state.master_down_at == SECOND + router.master_down_interval(100 * MILLISECOND)
