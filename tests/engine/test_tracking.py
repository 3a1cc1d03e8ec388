"""What trackers do to groups."""

from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.load import load
from linkbalancer.engine.effects import Record, SendAdvert
from linkbalancer.engine.tracking import Checked, Tracking
from linkbalancer.health.influence import Influence
from linkbalancer.health.report import Part, Report, Reports
from linkbalancer.links import Family, GroupId
from tests.engine.alone import Alone, said
from tests.engine.bench import of_type

ONE, TWO, SIX = GroupId(1), GroupId(2), GroupId(1, Family.IPV6)


def tracking() -> Tracking:
    """Return two groups: `up` weighs on both, `gw` is a fault of the first."""
    return Tracking({ONE: {"up": Influence(-50), "gw": Influence(None)}, SIX: {"up": Influence(20)}})


def told(*, whole: bool = False, **reports: bool | None) -> Checked:
    """Return what the checker says of some trackers."""
    return Checked(
        Reports(
            {name: Report("script", ok=ok, since=SECOND, text="said so") for name, ok in reports.items()}, whole=whole
        )
    )


def test_weights_and_faults_follow_what_is_believed() -> None:
    """Each group by what it tracks; a group that tracks nothing stays as it is."""
    some = tracking()
    some.take(told(up=False, gw=True))
    assert (some.base(ONE, 100), some.base(SIX, 100), some.base(TWO, 100)) == (50, 100, 100)
    assert some.fault(ONE) is None
    some.take(told(up=True, gw=False))
    assert (some.base(ONE, 100), some.base(SIX, 100)) == (100, 120)
    assert some.fault(ONE) == "tracker gw fails"
    assert some.fault(TWO) is None


def test_until_the_first_result_only_a_fault_counts() -> None:
    """Nothing is known since the start: weights wait, a group that may not run without it does not."""
    some = tracking()
    assert some.base(ONE, 100) == 100
    assert some.fault(ONE) == "tracker gw is not known yet"
    assert some.fault(SIX) is None


def test_a_fault_of_something_good_says_so() -> None:
    """`reverse` turns a fault round."""
    some = Tracking({ONE: {"spare": Influence(None, reverse=True)}})
    some.take(told(spare=True))
    assert some.fault(ONE) == "tracker spare is good"


def test_unknown_changes_nothing() -> None:
    """A checker that begins anew has no result yet: what was believed stands, with its time."""
    some = tracking()
    some.take(told(up=False, gw=True))
    assert some.take(told(up=None, gw=None)) == ([], set())
    assert some.base(ONE, 100) == 50
    assert some.fault(ONE) is None
    assert some.trackers["up"].since == SECOND


def test_a_tracker_of_another_kind_is_another_tracker() -> None:
    """After an edit the old one's belief is not the new one's."""
    some = tracking()
    some.take(told(gw=True))
    some.take(Checked(Reports({"gw": Report("file", ok=None, since=0)})))
    assert some.fault(ONE) == "tracker gw is not known yet"


def test_only_what_matters_is_told_and_touches() -> None:
    """New words alone are neither a record nor news for a group."""
    some = tracking()
    records, touched = some.take(told(up=True))
    assert [(one.kind, one.subject, one.text) for one in records] == [("tracker", "up", "tracker up is good: said so")]
    assert touched == {ONE, SIX}
    assert some.take(Checked(Reports({"up": Report("script", ok=True, since=SECOND, text="still fine")}))) == (
        [],
        set(),
    )
    assert some.trackers["up"].text == "still fine"
    records, touched = some.take(told(gw=False))
    assert touched == {ONE}
    assert records[0].text == "tracker gw fails: said so"
    assert some.take(told(stranger=None)) == ([], set())


def test_a_number_is_news() -> None:
    """Its weight is multiplied by it."""
    some = Tracking({ONE: {"knob": Influence(-1)}})
    for value, base in ((30, 70), (31, 69), (0, 100), (-300, 254)):
        report = Report("file", ok=value == 0, since=1, value=value)
        records, touched = some.take(Checked(Reports({"knob": report})))
        assert touched == {ONE}
        assert dict(records[0].fields)["value"] == value
        assert some.base(ONE, 100) == base


def test_the_priority_is_clamped() -> None:
    """From 1, or the lowest that the role allows, to 254; the owner's is never moved."""
    some = Tracking({ONE: {"up": Influence(-253)}})
    some.take(told(up=False))
    assert some.base(ONE, 100) == 1
    assert some.base(ONE, 100, lowest=2) == 2
    assert some.base(ONE, 255) == 255


def test_what_is_configured_no_longer_is_forgotten() -> None:
    """When all is told; what a group still uses stays as believed."""
    some = tracking()
    some.take(told(up=True, gw=True, old=True))
    some.take(told(whole=True, up=True))
    assert set(some.trackers) == {"up", "gw"}


def test_a_gateway_answers_or_not() -> None:
    """Of a static group."""
    some = Tracking({})
    assert some.works(TWO) is None
    assert some.gateway(0, TWO, None) == {}
    address = IPv4Address("203.0.113.1")
    assert some.gateway(0, TWO, address)["gateway"]["text"] == "not probed yet"
    parts = (Part("arp 203.0.113.1", ok=False, text="no answer"),)
    report = Report("gateway", ok=False, since=5, text="0 of 1", parts=parts)
    records, touched = some.take(Checked(Reports(gateways={"2": report})))
    assert touched == {TWO}
    assert (records[0].kind, records[0].subject) == ("gateway", "VID 2")
    assert records[0].text == "its gateway does not answer: 0 of 1"
    assert some.works(TWO) is False
    assert some.gateway(5 + SECOND, TWO, address)["gateway"] == {
        "address": "203.0.113.1",
        "answers": False,
        "since_ms": 1000,
        "text": "0 of 1",
        "probes": [{"probe": "arp 203.0.113.1", "ok": False, "text": "no answer"}],
    }
    assert some.take(Checked(Reports(gateways={"2": Report("gateway", ok=None, since=9)}))) == ([], set())
    assert some.works(TWO) is False


def test_a_successor_goes_on_from_what_was_believed() -> None:
    """So that no group is in Fault until the checker has spoken again."""
    some = tracking()
    some.take(told(up=False, gw=True))
    some.take(Checked(Reports(gateways={"2": Report("gateway", ok=True, since=5)})))
    other = tracking()
    other.recall(some.take_snapshot())
    assert other == some
    assert other.reports() == some.reports()


@pytest.mark.parametrize("left", [None, 5, {}, {"trackers": {"a": 1}, "gateways": {}, "whole": True}])
def test_a_snapshot_that_makes_no_sense_is_none(left: object) -> None:
    """It must never stop a start."""
    some = tracking()
    some.recall(left)
    assert some == tracking()


def test_the_status_says_what_each_does_where() -> None:
    """Also of one that the checker has not spoken of."""
    some = tracking()
    some.take(told(up=False))
    shown = some.describe(3 * SECOND)
    assert shown["up"] == {
        "kind": "script",
        "ok": False,
        "value": None,
        "since_ms": 2000,
        "text": "said so",
        "groups": {
            "1": {"influence": "-50", "adds": -50, "fault": False},
            "1/ipv6": {"influence": "+20", "adds": 0, "fault": False},
        },
    }
    assert shown["gw"]["ok"] is None
    assert shown["gw"]["groups"]["1"] == {"influence": "fault", "adds": 0, "fault": True}


TRACKED = """\
node: r1
role: standalone
groups:
  1: {device: eth0, virtual_ips: [192.0.2.251/24], priority: 150, advert_interval: 200ms, track: {up: -60, gw: fault}}
trackers: {up: {device: eth9}, gw: {file: x}}
applications: apps.conf
"""


def master() -> Alone:
    """Return a gateway that has become Master, with every tracker good."""
    bench = Alone(load("a.yaml", {"a.yaml": TRACKED, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__))
    bench.start()
    bench.do(told(up=True, gw=True))
    bench.wait(800)
    assert bench.group(1)["state"] == "master"
    return bench


def test_a_group_waits_for_the_first_result_of_what_it_may_not_run_without() -> None:
    """And says so."""
    bench = Alone(load("a.yaml", {"a.yaml": TRACKED, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__))
    bench.start()
    bench.wait(2000)
    assert (bench.group(1)["state"], bench.group(1)["reason"]) == ("fault", "tracker gw is not known yet")


def test_a_weight_moves_what_a_master_advertises() -> None:
    """At once, and back."""
    bench = master()
    bench.do(told(up=False))
    assert bench.group(1)["priority"] == 90
    assert bench.agent.status(bench.now)["trackers"]["up"]["groups"]["1"]["adds"] == -60
    assert [said(one).advertisement.priority for one in of_type(bench.wait(400), SendAdvert)][-1] == 90
    bench.do(told(up=True))
    assert bench.group(1)["priority"] == 150


def test_a_fault_has_a_master_resign_and_follows_from_its_tracker() -> None:
    """Priority 0; the record says which tracker it was."""
    bench = master()
    effects = bench.do(told(gw=False))
    assert [said(one).advertisement.priority for one in of_type(effects, SendAdvert)] == [0]
    records = {one.kind: one for one in of_type(effects, Record)}
    assert records["vid"].text == "fault: tracker gw fails"
    assert records["vid"].cause == records["tracker"].number
    bench.do(told(gw=True))
    assert bench.group(1)["state"] == "backup"


def test_new_words_alone_cost_nothing() -> None:
    """A script may say something else each time."""
    bench = master()
    report = Report("script", ok=True, since=SECOND, text="another word")
    assert bench.do(Checked(Reports({"up": report}))) == []
