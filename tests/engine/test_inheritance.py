"""A VID's exact state, handed over and taken up."""

import json
from dataclasses import fields, replace
from ipaddress import ip_interface
from typing import Any

import pytest

from linkbalancer.engine import inheritance
from linkbalancer.engine.adoption import Adoption
from linkbalancer.engine.events import DeviceChanged, Leave, Retire
from linkbalancer.engine.found import Found
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, ViaLink
from linkbalancer.sim.shape import LAN_DEVICE, Shape, lan_address, loaded
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.effects import ExchangeAddresses, InstallAddresses, SendAdvert
from linkbalancer.vrrp.events import Resume
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup, Initialize, Master, State
from tests.engine.bench import MS, STOP, Bench


def succeeded(bench: Bench) -> Bench:
    """Return the successor of an agent, at the same instant."""
    snapshot = json.loads(json.dumps(bench.agent.snapshot(bench.now, live=True)))
    successor = Bench(
        STOP if bench.agent.config.links["l1"].on_probe_loss == "stop" else Shape(secret=False),
        now=bench.now,
        found=Found(snapshot=snapshot, live=True),
    )
    successor.start()
    return successor


def states(bench: Bench) -> dict[GroupId, Any]:
    """Return what goes over."""
    return {group: inheritance.take(membership) for group, membership in bench.agent.memberships.items()}


def test_every_state_goes_over() -> None:
    """Stopped, holding, Backup and Master, with every timer, what is heard, and whether it works."""
    for shape in (STOP, Shape(secret=False)):
        bench = Bench(shape)
        bench.start()
        bench.hear(2, 200)
        assert states(succeeded(bench)).keys() == states(bench).keys()
        bench.do(Retire(frozenset({GroupId(1)}), frozenset()))
        assert states(succeeded(bench)).keys() == states(bench).keys()
        bench = Bench(shape)
        bench.start()
        for ms in (10, 700, 200, 3000):
            bench.wait(ms)
            assert states(succeeded(bench)) == states(bench)
            assert succeeded(bench).agent.status(bench.now)["groups"] == bench.agent.status(bench.now)["groups"]


def membership(mode: str = "member") -> Membership:
    """Return VID 1 of gateway b1, with an address to advertise from."""
    group = loaded(Shape(), "b1").config.groups[GroupId(1)]
    built = Membership.of(GroupId(1), group.model_copy(update={"mode": mode}), 0)
    if isinstance(built.router, Router):
        built.router.primary = lan_address(NEAR, 1)
    return built


def state_of(state: State) -> dict[str, Any]:
    """Return a router's state as it is handed over."""
    built = membership()
    assert isinstance(built.router, Router)
    built.router.state = state
    return dict(inheritance.take(built)["router"]["state"])


def left(**changes: object) -> dict[str, Any]:
    """Return a Master's state with some fields changed."""
    bench = Bench()
    bench.start()
    bench.wait(5000)
    return {**inheritance.take(bench.agent.memberships[GroupId(1)]), **changes}


def test_a_state_that_lacks_anything_is_none() -> None:
    """A predecessor of another version must not keep its successor from starting."""
    whole = left()
    for name in whole:
        found = {key: value for key, value in whole.items() if key != name}
        assert inheritance.restore(5000 * MS, found, membership()) is None
    assert inheritance.restore(5000 * MS, left(patience=float("inf")), membership()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"device": "eth9"},
        {"router": None},
        {"router": {}},
        {"router": {"state": {"state": "asleep"}, "priority": 1, "heard": None}},
        {"router": {"state": {"state": "master", "advert_at": 1}, "priority": 999, "heard": None}},
        {"observed": [1]},
        {"mac": "xx"},
        {"group": 1},
        {"group": {}},
    ],
)
def test_what_makes_no_sense_is_not_taken_up(changes: dict[str, object]) -> None:
    """Nothing is touched then, and the start is that of an agent without a predecessor."""
    fresh, untouched = membership(), membership()
    assert inheritance.restore(0, left(**changes), fresh) is None
    assert inheritance.take(fresh) == inheritance.take(untouched)


def test_timers_never_run_longer() -> None:
    """What was announced is not announced again; an interval that became shorter holds at once."""
    assert inheritance.restore(0, left(), membership()) == [InstallAddresses()]
    fresh = membership()
    master = state_of(Master(10**15, 10**15))
    router = {"state": master, "priority": 7, "heard": [9, "192.0.2.7", 200 * MS, 10**15]}
    inheritance.restore(0, left(router=router), fresh)
    assert fresh.router is not None
    assert fresh.router.deadline() == 200 * MS
    for state in (Backup(10**15, 200 * MS, holding=True, preempt_at=10**15, not_before=10**9), Initialize(10**15)):
        fresh = membership()
        inheritance.restore(0, left(router={**router, "state": state_of(state), "heard": None}), fresh)
        assert fresh.router is not None
        deadline = fresh.router.deadline()
        assert deadline is not None
        assert deadline < 10**10


@pytest.mark.parametrize(
    "state",
    [
        Initialize(90 * MS),
        replace(
            Backup(150 * MS, 100 * MS, holding=True, following=True, not_before=20 * MS),
            hastened_from=300 * MS,
            hastened_at=-5 * MS,
            ready=True,
            listened=True,
        ),
        Master(50 * MS, 60 * MS, 40 * MS, -300 * MS, -100 * MS, doubtful=True),
    ],
)
def test_nothing_of_a_state_is_left_behind(state: State) -> None:
    """A Master that doubts itself, an owner that is contested, a Backup in haste: the successor is no less careful."""
    before, after = membership(), membership()
    assert isinstance(before.router, Router)
    before.router.state = state
    changed = {one.name for one in fields(state) if getattr(state, one.name) != one.default}
    assert changed | {"preempt_at"} >= {one.name for one in fields(state)}, "a field that proves nothing"

    assert inheritance.restore(0, json.loads(json.dumps(inheritance.take(before))), after) == []

    assert isinstance(after.router, Router)
    assert after.router.state == state


def test_a_master_takes_up_new_values_at_once() -> None:
    """One advert with what is new, addresses that are new are installed and announced, and those that went removed."""
    predecessor = left()
    ips = [*predecessor["group"]["virtual_ips"], "192.168.1.77/24"]
    was = {**predecessor["group"], "virtual_ips": ips[1:], "advert_interval": 400 * MS, "elsewhere": [[ips[1], "eth3"]]}
    fresh = membership()

    effects = inheritance.restore(0, {**predecessor, "group": was}, fresh)

    assert effects == [
        SendAdvert(predecessor["router"]["priority"]),
        ExchangeAddresses((("eth0", (ip_interface(ips[0]),)),), (("eth3", (ip_interface(ips[1]),)),), announce=True),
        InstallAddresses(),
    ]
    assert fresh.router is not None
    assert fresh.router.group == fresh.group
    assert fresh.router.deadline() == fresh.group.advert_interval


def test_a_backup_takes_up_new_values() -> None:
    """Its timer goes on, moved by the difference; whom it follows, since when it would preempt, stay as they were."""
    predecessor = left(installed=False)
    backup = Backup(350 * MS, 100 * MS, following=True, preempt_at=10 * MS, ready=True)
    predecessor["router"] = {"state": state_of(backup), "priority": 128, "heard": None}
    was = {**predecessor["group"], "version": 2, "advert_interval": 10**9, "preempt_delay": 30 * MS}
    fresh = membership()

    assert inheritance.restore(0, {**predecessor, "group": was}, fresh) == []
    assert fresh.router is not None
    state = fresh.router.state
    assert isinstance(state, Backup)
    assert (state.master_interval, state.following, state.ready) == (100 * MS, True, True)
    assert state.preempt_at == -20 * MS


def test_an_owner_goes_on_as_one() -> None:
    """The configured priority says whose the addresses are."""
    predecessor = left()
    was = {**predecessor["group"], "priority": 255}
    router = {**predecessor["router"], "priority": 255}
    fresh = membership()

    effects = inheritance.restore(0, {**predecessor, "group": was, "router": router}, fresh)

    assert effects == [SendAdvert(150), InstallAddresses()]
    assert isinstance(fresh.router, Router)
    assert not fresh.router.owner


def test_a_group_that_is_only_observed_from_now_on_has_no_router() -> None:
    """And one that was only observed before begins as any other."""
    observing = membership("observe")
    assert inheritance.restore(0, left(), observing) == []
    assert not observing.installed
    assert inheritance.restore(0, inheritance.take(observing), membership()) is None
    assert inheritance.restore(0, inheritance.take(observing), membership("observe")) == []


def test_without_an_address_to_speak_from_nothing_is_taken_up() -> None:
    """The device has lost its address meanwhile: the mastership cannot go on."""
    fresh = membership()
    assert isinstance(fresh.router, Router)
    fresh.router.primary = None
    assert inheritance.restore(0, left(), fresh) is None


def test_an_inheritance_that_fails_falls_back_to_the_masterships() -> None:
    """Whoever was Master resumes; doubt is only where nobody living told."""
    bench = Bench()
    bench.start()
    bench.wait(5000)
    snapshot = bench.agent.snapshot(bench.now, live=True)
    snapshot["live"]["1"]["device"] = "eth9"
    found = Found(next_hops={1: ViaLink("eth1", lan_address(NEAR, 2))}, snapshot=snapshot, live=True)
    assert isinstance(Adoption(found).go_on(bench.now, membership()), Resume)
    assert Adoption(found).doubt(7) == 0
    assert Adoption(replace(found, live=False)).doubt(7) == 7
    assert Adoption(replace(found, live=False)).changed_at(5) == 5
    assert Adoption(replace(found, snapshot=None)).changed_at(5) == 5


def test_a_deaf_leg_and_an_orderly_leave_go_over_too() -> None:
    """A device without carrier and a gateway that is leaving: nothing of it is forgotten."""
    bench = Bench()
    bench.start()
    bench.wait(5000)
    bench.do(DeviceChanged(LAN_DEVICE, carrier=False, primary=None))
    assert succeeded(bench).agent.memberships[GroupId(1)].group.vid == 1
    bench.do(Leave())
    assert states(bench)[GroupId(1)]["installed"] is False
