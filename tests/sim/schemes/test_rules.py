"""The rules of schemes one and two, row by row."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import GroupState
from linkbalancer.sim.schemes.one import Symmetric
from linkbalancer.sim.schemes.two import STEP, Controlled, Controller
from linkbalancer.vrrp.events import Resign, Shutdown, Startup, Tick
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.router import Router

EVERY_STATE = tuple(GroupState)


def router(*, master: bool, priority: int = 100) -> Router:
    """Return a router that is Master, or Backup."""
    address = IPv4Interface("192.168.1.101/24")
    group = Group(vid=1, device="eth0", virtual_ips=(address,), priority=priority, advert_interval=200 * MILLISECOND)
    made = Router(group, IPv4Address("192.168.1.1"))
    made.handle(0, Startup(priority))
    if master:
        made.handle(made.deadline() or 0, Tick())
    return made


@pytest.mark.parametrize("peer", EVERY_STATE)
def test_scheme_one_makes_a_master_backup_whose_peer_is_backup_or_faulty(peer: GroupState) -> None:
    """Either end does, at its present priority; and there is no rule by which anybody becomes Master."""
    follows = peer in {GroupState.BACKUP, GroupState.FAULT}

    assert ((Resign(100),) if follows else ()) == Symmetric().judge(router(master=True), peer)
    assert () == Symmetric().judge(router(master=False), peer)


def test_scheme_one_tells_its_peer_and_runs_always() -> None:
    """The source's 2.1; and a link that is silent stops nothing."""
    told = {state for state in EVERY_STATE if Symmetric().tells(state)}

    assert {GroupState.BACKUP, GroupState.FAULT} == told
    assert Symmetric().runs(is_open=False)


@pytest.mark.parametrize("peer", EVERY_STATE)
def test_scheme_two_steps_the_controllers_priority_towards_its_peer(peer: GroupState) -> None:
    """Rule 1 a step down, rule 2 a step up, a restart each; nothing where both are Master, or neither is."""
    is_master = peer is GroupState.MASTER

    down, up = Controller().judge(router(master=True), peer), Controller().judge(router(master=False), peer)
    assert (() if is_master else (Shutdown(), Startup(100 - STEP))) == down
    assert ((Shutdown(), Startup(100 + STEP)) if is_master else ()) == up


@pytest.mark.parametrize(("master", "priority", "bound"), [(True, 5, 1), (False, 250, 254)])
def test_scheme_two_stays_within_what_a_priority_can_be(*, master: bool, priority: int, bound: int) -> None:
    """However often it steps."""
    peer = GroupState.BACKUP if master else GroupState.MASTER

    assert (Shutdown(), Startup(bound)) == Controller().judge(router(master=master, priority=priority), peer)


@pytest.mark.parametrize("peer", EVERY_STATE)
def test_scheme_two_has_the_controlled_end_heed_nothing_but_a_fault(peer: GroupState) -> None:
    """Rule 3: a Master restarts while its controller is faulty."""
    restarts = (Shutdown(), Startup(100)) if peer is GroupState.FAULT else ()

    assert restarts == Controlled().judge(router(master=True), peer)
    assert () == Controlled().judge(router(master=False), peer)


def test_scheme_two_runs_while_the_link_is_open_and_only_one_end_asks() -> None:
    """The source's 3.2 and 3.5."""
    for rules in (Controller(), Controlled()):
        assert (True, False) == (rules.runs(is_open=True), rules.runs(is_open=False))
    assert (True, False) == (Controller().probes, Controlled().probes)
    assert [GroupState.FAULT] == [state for state in EVERY_STATE if Controller().tells(state)]
    assert not any(map(Controlled().tells, EVERY_STATE))
