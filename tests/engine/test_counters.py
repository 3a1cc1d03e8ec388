"""What VRRP counts: every reason has its name, in the right place, and a successor goes on counting."""

import json
from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.engine.counters import (
    GROUP_NAMES,
    INTERFACE_NAMES,
    LAST_EVENTS,
    NEW_MASTER_REASONS,
    OF_GROUP,
    OF_INTERFACE,
    Counters,
    Step,
)
from linkbalancer.links import Family, GroupId, GroupState
from linkbalancer.vrrp import events
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.rejection import Rejection

ONE, TWO = GroupId(1), GroupId(1, Family.IPV6)
OTHER = IPv4Address("192.0.2.2")
INIT, BACKUP, MASTER = GroupState.INITIALISING, GroupState.BACKUP, GroupState.MASTER


def counters() -> Counters:
    """Return the counters of two groups on one device."""
    return Counters({ONE: "eth0", TWO: "eth0"})


def heard(priority: int) -> LastHeard:
    """Return the last advert of a Master."""
    return LastHeard(priority, OTHER, SECOND, 0)


def test_the_names_of_the_standards_are_all_there() -> None:
    """RFC 6527's and ietf-vrrp's, by interface and by group."""
    assert {"checksum_errors", "version_errors", "vrid_errors", "ip_ttl_errors"} <= set(INTERFACE_NAMES)
    assert {
        "master_transitions",
        "adv_rcvd",
        "adv_sent",
        "interval_errors",
        "priority_zero_rcvd",
        "priority_zero_sent",
        "invalid_type_rcvd",
        "address_list_errors",
        "packet_length_errors",
        "auth_type_invalid",
        "auth_type_mismatch",
        "auth_failures",
    } <= set(GROUP_NAMES)


@pytest.mark.parametrize("reason", Rejection)
def test_every_reason_is_counted_once(reason: Rejection) -> None:
    """With a group and, where it can be refused without, for its device alone."""
    for group in (ONE, None) if reason in OF_INTERFACE else (ONE,):
        counted = counters()
        counted.refused("eth0", group, reason)
        of_group = {name: count for name, count in counted.group(ONE).described().items() if count == 1}
        of_device = {name: count for name, count in counted.interfaces()["eth0"].items() if count}
        assert [*of_group.values(), *of_device.values()] == [1]
        assert not any(counted.group(TWO).counts.values())


def test_every_reason_has_a_place() -> None:
    """No reason can be met that nobody counts."""
    assert set(OF_GROUP) | set(OF_INTERFACE) == set(Rejection)


def test_adverts_are_counted_both_ways() -> None:
    """Those of priority 0 once more by themselves."""
    counted = counters()
    for priority in (100, 0, 0):
        counted.sent(ONE, priority)
    for priority in (100, 200, 0):
        counted.received(TWO, priority)
    assert (counted.group(ONE).counts["adv_sent"], counted.group(ONE).counts["priority_zero_sent"]) == (3, 2)
    assert (counted.group(TWO).counts["adv_rcvd"], counted.group(TWO).counts["priority_zero_rcvd"]) == (3, 1)


def test_a_strange_device_is_counted_too() -> None:
    """A device that no group is on any more can still have something in its queue."""
    counted = counters()
    counted.refused("eth7", None, Rejection.FRAGMENT)
    assert counted.interfaces()["eth7"]["fragments"] == 1


@pytest.mark.parametrize(
    ("step", "last", "name"),
    [
        (Step(events.Startup(100), INIT, BACKUP, None, 100), "none", "startup"),
        (Step(events.Startup(100), INIT, BACKUP, None, 100), "interface-down", "interface-up"),
        (Step(events.Startup(100), INIT, BACKUP, None, 100), "no-primary-ip", "primary-ip"),
        (Step(events.Startup(100), BACKUP, BACKUP, None, 100), "none", None),
        (Step(events.Startup(255), INIT, MASTER, heard(100), 255), "none", "owner-preempt"),
        (Step(events.Resume(100, 0), INIT, MASTER, None, 100), "none", "startup"),
        (Step(events.Shutdown(), MASTER, INIT, None, 100), "none", "shutdown"),
        (Step(events.Shutdown(), INIT, INIT, None, 100), "none", None),
        (Step(events.Shutdown(), MASTER, INIT, None, 100, carrier=False), "none", "interface-down"),
        (Step(events.SetPrimary(None), MASTER, INIT, None, 100, address=False), "none", "no-primary-ip"),
        (Step(events.SetPrimary(OTHER), MASTER, MASTER, None, 100), "none", None),
        (Step(events.Heard(200, SECOND, OTHER), MASTER, BACKUP, None, 100), "none", "higher-priority-backup"),
        (Step(events.Heard(50, SECOND, OTHER), BACKUP, BACKUP, None, 100), "none", "lower-priority-master"),
        (Step(events.Heard(0, SECOND, OTHER), BACKUP, BACKUP, None, 100), "none", None),
        (Step(events.Heard(50, SECOND, OTHER), MASTER, MASTER, None, 100), "none", None),
        (Step(events.Tick(), BACKUP, MASTER, None, 100), "none", "master-timeout"),
        (Step(events.Tick(), BACKUP, MASTER, heard(50), 100), "lower-priority-master", "preempt-hold-timeout"),
        (Step(events.Tick(), BACKUP, BACKUP, None, 100), "none", None),
        (Step(events.Claim(), BACKUP, MASTER, None, 100), "none", "claimed"),
        (Step(events.Resign(1), MASTER, BACKUP, None, 1), "none", "resigned"),
        (Step(events.SetPriority(1), BACKUP, BACKUP, None, 1), "none", None),
    ],
)
def test_the_last_event_has_a_name(step: Step, last: str, name: str | None) -> None:
    """What changed a state is named as ietf-vrrp does; what changed nothing leaves the last name."""
    assert step.name(last) == name
    assert name is None or name in LAST_EVENTS
    counted = counters()
    counted.group(ONE).last_event = last
    counted.moved(ONE, step)
    assert counted.group(ONE).last_event == name or (name is None and counted.group(ONE).last_event == last)


@pytest.mark.parametrize(
    ("event", "last", "reason"),
    [
        (events.Tick(), None, "no-response"),
        (events.Tick(), heard(200), "no-response"),
        (events.Tick(), heard(0), "priority"),
        (events.Tick(), heard(50), "preempted"),
        (events.Claim(), heard(50), "preempted"),
        (events.Startup(255), None, "priority"),
    ],
)
def test_why_it_became_master(event: events.Event, last: LastHeard | None, reason: str) -> None:
    """Over a living Master, after one that left, or after silence; counted, and told in RFC 6527's words."""
    counted = counters()
    counted.moved(ONE, Step(event, BACKUP, MASTER, last, 100))
    counted.moved(ONE, Step(events.Tick(), MASTER, MASTER, None, 100))
    described = counted.group(ONE).described()
    assert (described["master_transitions"], described["new_master_reason"]) == (1, reason)
    assert reason in NEW_MASTER_REASONS
    assert counted.group(TWO).described()["new_master_reason"] == "not-master"


def test_a_successor_goes_on_counting() -> None:
    """What is still configured is taken over; the rest is forgotten."""
    before = counters()
    before.refused("eth0", None, Rejection.VRID)
    before.moved(TWO, Step(events.Tick(), BACKUP, MASTER, None, 100))
    left = json.loads(json.dumps(before.dump()))
    after = Counters({TWO: "eth0", GroupId(9): "eth1"})
    after.recall({**left, "interfaces": {**left["interfaces"], "eth7": {"looped": 1}}})
    after.refused("eth0", None, Rejection.VRID)
    assert after.interfaces()["eth0"]["vrid_errors"] == 2
    assert set(after.interfaces()) == {"eth0", "eth1"}
    assert after.group(TWO).described() == {**before.group(TWO).described()}
    assert after.group(TWO).last_event == "master-timeout"
