"""Tests of a group whose VRRP a Keepalived runs."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.delegate import OBEYS, Delegate, Effect, KeepalivedSaid, Steer
from linkbalancer.links import GroupState
from linkbalancer.vrrp.effects import Changed
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
from linkbalancer.vrrp.states import Backup, Initialize, Master

INTERVAL = 200 * MILLISECOND
RIVAL = IPv4Address("192.0.2.2")


def group(priority: int = 150) -> Group:
    """Return the group of these tests."""
    return Group(
        vid=1,
        device="eth0",
        virtual_ips=(IPv4Interface("192.0.2.1/24"),),
        priority=priority,
        advert_interval=INTERVAL,
    )


def said(state: GroupState, priority: int | None = 100) -> KeepalivedSaid:
    """Return a word of Keepalived's."""
    return KeepalivedSaid(state, priority)


def running(state: GroupState, priority: int = 200) -> Delegate:
    """Return a delegate whose Keepalived has obeyed, and is in a state."""
    delegate = Delegate(group())
    delegate.handle(0, Startup(priority))
    delegate.handle(0, said(state, priority))
    return delegate


def heard(priority: int) -> Heard:
    """Return an advert of another router."""
    return Heard(priority, INTERVAL, RIVAL)


def test_it_begins_where_nothing_is_known() -> None:
    """Not running, and without a word of Keepalived's."""
    delegate = Delegate(group())

    assert (Initialize(), GroupState.UNKNOWN, None) == (delegate.state, delegate.group_state, delegate.asked())
    assert (150, None) == (delegate.priority, delegate.deadline())


@pytest.mark.parametrize("event", [Startup(200), Resume(200, 0)])
def test_a_start_steers(event: Event) -> None:
    """Keepalived is asked for the priority, once."""
    delegate = Delegate(group())

    assert [Steer(200)] == delegate.handle(0, event)
    assert [] == delegate.handle(0, SetPriority(200))
    assert Steer(200) == delegate.asked()


@pytest.mark.parametrize(
    ("state", "kind"), [(GroupState.MASTER, Master), (GroupState.BACKUP, Backup), (GroupState.STOPPED, Backup)]
)
def test_keepalived_says_who_is_master(state: GroupState, kind: type) -> None:
    """Its word is the group's state; what is not its Master waits."""
    delegate = running(state)

    assert (kind, state) == (type(delegate.state), delegate.group_state)
    assert 200 == delegate.said_priority


def test_a_change_is_told_once() -> None:
    """Only what another state comes of is a change."""
    delegate = running(GroupState.BACKUP)

    assert [Changed("backup", "master", "Keepalived says so")] == delegate.handle(1, said(GroupState.MASTER))
    assert [] == delegate.handle(2, said(GroupState.MASTER, 101))


def test_a_stop_is_a_fault() -> None:
    """Priority 0 is sent by a Keepalived in Fault; that fault is none of this gateway's."""
    delegate = running(GroupState.MASTER)

    assert [Steer(None)] == delegate.handle(1, Shutdown())
    assert Initialize() == delegate.state
    delegate.handle(2, said(GroupState.FAULT))
    assert GroupState.INITIALISING == delegate.group_state


def test_a_fault_that_stays_is_its_own() -> None:
    """Who does not leave a fault when told to has one of its own."""
    delegate = Delegate(group())
    delegate.handle(0, said(GroupState.FAULT))
    delegate.handle(0, Startup(200))

    assert GroupState.INITIALISING == delegate.group_state
    assert OBEYS == delegate.deadline()
    assert [Changed("initialising", "fault", "Keepalived stays in fault")] == delegate.handle(OBEYS, Tick())
    assert (GroupState.FAULT, None) == (delegate.group_state, delegate.deadline())


def test_a_fault_out_of_itself_is_one() -> None:
    """A device of Keepalived's own, or a script."""
    delegate = running(GroupState.MASTER)
    delegate.handle(1, said(GroupState.FAULT))

    assert GroupState.FAULT == delegate.group_state


def test_it_obeys_in_time() -> None:
    """Who leaves the fault has none, and nothing is due."""
    delegate = Delegate(group())
    delegate.handle(0, Startup(200))
    delegate.handle(1, said(GroupState.BACKUP))

    assert [] == delegate.handle(OBEYS, Tick())
    assert GroupState.BACKUP == delegate.group_state


def test_who_says_nothing_has_no_fault() -> None:
    """A Keepalived that was never heard may not be there at all."""
    delegate = Delegate(group())
    delegate.handle(0, Startup(200))

    assert [] == delegate.handle(OBEYS, Tick())
    assert (GroupState.UNKNOWN, None) == (delegate.group_state, delegate.deadline())


def test_a_mastership_is_given_up_by_a_fault() -> None:
    """The fault lasts until a successor is heard; then comes the lower priority."""
    delegate = running(GroupState.MASTER)

    assert [Steer(None)] == delegate.handle(0, Resign(40))
    assert [] == delegate.handle(1, SetPriority(30))
    assert [] == delegate.handle(2, heard(0))
    assert [Steer(30)] == delegate.handle(3, heard(90))


def test_without_a_successor_the_fault_ends() -> None:
    """After two intervals it is Backup again, and would be Master for want of one."""
    delegate = running(GroupState.MASTER)
    delegate.handle(0, Resign(40))

    assert 2 * INTERVAL == delegate.deadline()
    assert [Steer(40)] == delegate.handle(2 * INTERVAL, Tick())


def test_who_resigns_twice_resigns_once() -> None:
    """The second resignation changes the priority alone."""
    delegate = running(GroupState.MASTER)
    delegate.handle(0, Resign(40))

    assert [] == delegate.handle(1, Resign(1))
    assert [Steer(1)] == delegate.handle(2, heard(90))


def test_a_stop_ends_a_resignation() -> None:
    """Nothing is raised again while it does not run."""
    delegate = running(GroupState.MASTER)
    delegate.handle(0, Resign(40))

    assert [] == delegate.handle(1, Shutdown())
    assert [] == delegate.handle(2, heard(90))
    assert [] == delegate.handle(3, SetPriority(90))


def test_a_backup_only_takes_the_priority() -> None:
    """It has nothing to give up."""
    delegate = running(GroupState.BACKUP)

    assert [Steer(40)] == delegate.handle(0, Resign(40))


@pytest.mark.parametrize(
    "event",
    [Claim(), SetPrimary(None), Promote("because"), Withdraw("because"), Hasten()],
    ids=lambda one: type(one).__name__,
)
def test_what_it_cannot_is_left_out(event: Event) -> None:
    """Nobody can make Keepalived claim, and its address and sync groups are its own."""
    assert [] == running(GroupState.BACKUP).handle(0, event)


def test_a_group_may_be_configured_anew() -> None:
    """What comes of it comes with the next stance."""
    delegate = running(GroupState.BACKUP)

    assert [] == delegate.handle(0, Reconfigure(group(90)))
    assert 90 == delegate.group.priority


def test_a_priority_is_not_raised_while_it_is_about_to_take_over() -> None:
    """Keepalived would stop all its timers; as Master it takes the priority at once."""
    delegate = running(GroupState.BACKUP, 40)
    delegate.handle(0, heard(0))

    assert [] == delegate.handle(1, SetPriority(210))
    assert 210 == delegate.priority
    assert [Changed("backup", "master", "Keepalived says so"), Steer(210)] == delegate.handle(
        2, said(GroupState.MASTER)
    )


def test_an_advert_lets_a_priority_be_raised() -> None:
    """Its timer has begun anew."""
    delegate = running(GroupState.BACKUP, 40)
    delegate.handle(0, heard(0))
    delegate.handle(1, SetPriority(210))

    assert [Steer(210)] == delegate.handle(2, heard(100))


def test_silence_lets_a_priority_be_raised_in_the_end() -> None:
    """Nobody takes over, and nobody says so: then there is nothing to wait for."""
    delegate = running(GroupState.BACKUP, 40)
    delegate.handle(0, heard(100))

    assert [] == delegate.handle(2 * INTERVAL, SetPriority(210))
    assert [Steer(210)] == delegate.handle(4 * INTERVAL, Tick())
    assert delegate.heard is None


def test_a_lower_priority_never_waits() -> None:
    """It moves the timer away from now; and what was to be raised is no more."""
    delegate = running(GroupState.BACKUP, 100)
    delegate.handle(0, heard(0))
    delegate.handle(1, SetPriority(210))

    assert [Steer(40)] == delegate.handle(2, SetPriority(40))
    assert [] == delegate.handle(3, said(GroupState.BACKUP))


def test_who_was_heard_is_forgotten() -> None:
    """As long as the slowest Backup would wait."""
    delegate = running(GroupState.BACKUP)
    delegate.handle(0, heard(100))
    due = delegate.deadline()

    assert due is not None
    assert due > 3 * INTERVAL
    assert [] == delegate.handle(due, Tick())
    assert delegate.heard is None


def test_a_successor_goes_on() -> None:
    """It asks for nothing that was asked for before."""
    before = running(GroupState.MASTER)
    after = Delegate(group())
    after.recall(before.snapshot())

    assert (before.state, before.group_state, before.asked()) == (after.state, after.group_state, after.asked())
    assert [] == after.handle(SECOND, SetPriority(200))


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"priority": "many", "said": 6, "said_priority": None, "steered": None},
        {"priority": 100, "said": 99, "said_priority": None, "steered": None},
        {"priority": 1000, "said": 6, "said_priority": None, "steered": None},
        {"priority": 100, "said": 6, "said_priority": None, "steered": -1},
    ],
)
def test_what_makes_no_sense_is_not_recalled(found: dict[str, object]) -> None:
    """It must never stop a start."""
    delegate = Delegate(group())
    delegate.recall(found)

    assert (Initialize(), None) == (delegate.state, delegate.asked())


def changes(effects: list[Effect]) -> list[Effect]:
    """Return the changes among some effects."""
    return [effect for effect in effects if isinstance(effect, Changed)]


def test_a_new_master_forgets_the_old_one() -> None:
    """A Master has nobody above it."""
    delegate = running(GroupState.BACKUP)
    delegate.handle(0, heard(100))
    found = delegate.handle(1, said(GroupState.MASTER))

    assert [Changed("backup", "master", "Keepalived says so")] == changes(found)
    assert delegate.heard is None
