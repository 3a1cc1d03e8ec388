"""Sync groups in stories: Keepalived's bugs with them as a list, and what holds after any story of two gateways."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupId, GroupState
from linkbalancer.vrrp.events import Claim, Heard, Resign, Resume, SetPriority
from tests.engine.twolans import INTERVAL, LANS, LEFT, RIGHT, SETTLING, World, cut, only, settled, two

# ------------------------------------------------------------------------------------------- Keepalived's list of bugs


def test_1532_nobody_stays_in_fault_after_a_recovery() -> None:
    """Both legs lost in one order and back in another: the group comes back with the last one."""
    world = settled(two())
    a = world.gateways[0]
    for lan, carrier in ((LEFT, False), (RIGHT, False), (LEFT, True), (RIGHT, True)):
        cut(world, a, lan, carrier=carrier)
        world.run(INTERVAL)
    world.run(SETTLING)

    assert world.masters() == only("a")


def test_2685_no_count_drifts() -> None:
    """A fault said ten times is one fault, and taken back once it is gone."""
    world = settled(two())
    a = world.gateways[0]
    for _ in range(10):
        cut(world, a, LEFT, carrier=False)
        cut(world, a, RIGHT, carrier=False)
        cut(world, a, RIGHT, carrier=True)
    cut(world, a, LEFT, carrier=True)
    world.run(SETTLING)

    assert world.masters() == only("a")


def test_2715_a_member_that_is_added_does_not_demote_the_group() -> None:
    """A group that goes on as Master takes a member that begins along when that one's own timer has run out."""
    world = two()
    a = world.gateways[0]
    world.tell(a, LEFT, Resume(200, INTERVAL))
    world.start(a)

    world.run(SETTLING)

    assert world.masters() == only("a")
    assert [entry for entry in world.changes if entry[2] == LEFT] == [(0, "a", LEFT, "master")]


def test_an_added_member_that_follows_another_master_does() -> None:
    """Master of one LAN and Backup of the other for ever is what a sync group is there to prevent."""
    world = two()
    a = world.gateways[0]
    world.tell(a, LEFT, Resume(200, INTERVAL))
    world.start(a)

    world.tell(a, RIGHT, Heard(250, INTERVAL, IPv4Address("192.0.2.9")))

    assert a.masters() == set()


def test_285_every_new_master_announces() -> None:
    """A member that is pulled along sends its advert first, has its addresses, and announces them."""
    world = settled(two())
    b = world.gateways[1]
    cut(world, world.gateways[0], LEFT, carrier=False)
    before = world.now
    world.run(SETTLING)

    assert b.announced == b.installed == set(LANS)
    assert {lan for at, name, lan, priority in world.adverts if at > before and (name, priority) == ("b", 100)} == {
        *LANS
    }


def test_2190_both_are_not_backup_for_ever() -> None:
    """A partition of one LAN alone, either one, healed: one gateway is Master of both LANs again."""
    for lan in LANS:
        world = settled(two())
        for one in world.gateways:
            one.heard[lan] = False
        world.run(SETTLING)
        for one in world.gateways:
            one.heard[lan] = True
        world.run(SETTLING)

        assert world.masters() == only("a")


def test_1143_a_link_that_flaps_at_boot() -> None:
    """Carriers that come and go while everything starts leave no trace."""
    world = two()
    for round_ in range(6):
        for one in world.gateways:
            cut(world, one, LANS[round_ % 2], carrier=round_ % 3 != 0)
            world.run(13 * MILLISECOND)
    for one in world.gateways:
        for lan in LANS:
            cut(world, one, lan, carrier=True)
    world.run(SETTLING)

    assert world.masters() == only("a")


@pytest.mark.parametrize(
    ("first", "second", "last"),
    [
        ((200, 100), (100, 200), ((1, 1), (2, 2))),
        ((100, 200), (200, 100), ((1, 1), (2, 2))),
        ((100, 100), (100, 100), ((1, 2), (2, 1))),
        ((255, 100), (100, 255), ((1, 1), (2, 2))),
    ],
)
def test_mixed_orders_do_not_ping_pong(
    first: tuple[int, int], second: tuple[int, int], last: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """Each wins on one LAN and loses on the other: they meet once, and then one waits longer than the other."""
    world = settled(two(first, second, last=last))
    [master] = world.masters()[LEFT]
    assert world.masters() == only(master)

    before = len(world.changes)
    world.run(10 * SETTLING)
    assert len(world.changes) == before


# ------------------------------------------------------------------------------------------------------------ the laws

legs = st.tuples(st.sampled_from([0, 1]), st.sampled_from(LANS))
steps = st.one_of(
    st.tuples(st.just("carrier"), legs, st.booleans()),
    st.tuples(st.just("deaf"), legs, st.booleans()),
    st.tuples(st.just("running"), legs, st.booleans()),
    st.tuples(st.just("priority"), legs, st.integers(1, 254)),
    st.tuples(st.just("claim"), legs, st.none()),
    st.tuples(st.just("resign"), legs, st.none()),
)
stories = st.lists(st.tuples(st.integers(0, 3 * INTERVAL), steps), max_size=15)
priorities = st.sampled_from([1, 50, 100, 200, 254])


def do(world: World, kind: str, leg: tuple[int, GroupId], value: object) -> None:
    """Let one thing of a story happen."""
    which, lan = leg
    one = world.gateways[which]
    router = one.routers[lan]
    match kind:
        case "carrier":
            cut(world, one, lan, carrier=bool(value))
        case "deaf":
            one.heard[lan] = bool(value)
        case "running":
            one.running = bool(value)
            world.start(one)
        case "priority":
            assert isinstance(value, int)
            world.tell(one, lan, SetPriority(value))
        case "claim":
            world.tell(one, lan, Claim())
        case _:
            world.tell(one, lan, Resign(router.priority))


def check(world: World) -> None:
    """Hold what is true at every instant: the members of a gateway are Master together, if they run."""
    for one in world.gateways:
        assert one.masters() in (set(), set(LANS)), world.now
        assert one.masters() <= one.installed


@pytest.mark.thorough
@settings(max_examples=250, deadline=None)
@given(
    first=st.tuples(priorities, priorities),
    second=st.tuples(priorities, priorities),
    crossed=st.booleans(),
    preempt=st.booleans(),
    story=stories,
    seed=st.integers(0, 2**32),
)
def test_after_any_story_one_gateway_has_it_all(
    *,
    first: tuple[int, int],
    second: tuple[int, int],
    crossed: bool,
    preempt: bool,
    story: list[tuple[int, tuple[str, tuple[int, GroupId], object]]],
    seed: int,
) -> None:
    """Once all is well again, exactly one is Master of all members, for good; nobody is stuck; it has announced."""
    last = ((1, 2), (2, 1)) if crossed else ((1, 1), (2, 2))
    world = two(first, second, last=last, preempt=preempt, seed=seed)
    for one in world.gateways:
        world.start(one)
    for pause, (kind, leg, value) in story:
        world.run(pause)
        do(world, kind, leg, value)
        check(world)
    for one in world.gateways:
        one.running = True
        for lan in LANS:
            one.heard[lan] = one.carrier[lan] = True
        world.start(one)
    world.run(3 * SETTLING)

    check(world)
    masters = world.masters()
    assert len(masters[LEFT]) == 1
    assert masters == only(masters[LEFT][0])
    winner, loser = sorted(world.gateways, key=lambda one: one.name != masters[LEFT][0])
    assert winner.installed == winner.announced == set(LANS)
    assert loser.installed == set()
    assert not any(router.group_state is GroupState.INITIALISING for router in loser.routers.values())
    before = len(world.changes)
    world.run(3 * SETTLING)
    assert len(world.changes) == before
