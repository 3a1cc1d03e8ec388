"""The verdict on a drill, from its report alone."""

from collections.abc import Callable
from typing import Any

import pytest

from linkbalancer.lab.judge import judge, name_of
from tests.lab.reports import good_report

Report = dict[str, Any]


def broken(report: Report) -> dict[str, Any]:
    """The first fault's broken phase."""
    found: dict[str, Any] = report["faults"][0]["broken"]
    return found


def healed(report: Report) -> dict[str, Any]:
    """The first fault's healed phase."""
    found: dict[str, Any] = report["faults"][0]["healed"]
    return found


def test_a_good_drill_has_no_failure() -> None:
    """The report of a drill in which everything is as it must be."""
    assert judge(good_report()) == []


SPOILS: list[tuple[Callable[[Report], Any], str]] = [
    (lambda r: broken(r).update(settled_ms=None, unsettled="b1 is not settled"), "did not settle: b1 is not settled"),
    (lambda r: broken(r).update(changes=["b1 changed VID 1 2 times"]), "changed after it had settled: b1"),
    (lambda r: broken(r)["masters"]["near"].update({"1": None}), "VID 1 has no Master on the near side"),
    (lambda r: broken(r)["masters"]["far"].update({"1": "f1+f2"}), "VID 1 has 2 Masters on the far side"),
    (lambda r: broken(r)["masters"]["far"].update({"2": "f1"}), "the Masters of VID 2, b2 and f1, share no link"),
    (lambda r: healed(r)["masters"]["far"].update({"3": None}), "healed: VID 3 has no Master on the far side"),
    (lambda r: broken(r)["flows"][2]["after"].update(vid=3), "backup out: it is on VID 3, but VID 1"),
    (lambda r: broken(r)["flows"][2]["after"].update(vid=None), "backup out: it is on VID none"),
    (lambda r: healed(r)["flows"][3]["after"].update(vid=1), "healed: backup back: it is on VID 1, but VID 3"),
    (lambda r: broken(r)["flows"][0]["after"].update(link=None), "web out: its packets cross no link"),
    (lambda r: broken(r)["flows"][0]["after"].update(link="l1"), "web out: its packets cross l1"),
    (lambda r: broken(r)["flows"][1].update(redirects=2), "web back: 2 ICMP redirects"),
    (lambda r: broken(r)["flows"][1].update(loops=1), "web back: 1 packets went round in a loop"),
    (lambda r: broken(r)["flows"][0].update(broken_connections=1), "web out: its TCP connection broke"),
    (
        lambda r: broken(r)["flows"][4].update(outage_ms=505.0),
        "rest out: an outage of 505 ms, over the limit of 500 ms",
    ),
    (
        lambda r: healed(r)["flows"][4].update(outage_ms=55.0),
        "healed: rest out: an outage of 55 ms, over the limit of 50",
    ),
]


@pytest.mark.parametrize(("spoil", "words"), SPOILS)
def test_each_thing_that_is_wrong_is_said(spoil: Callable[[Report], Any], words: str) -> None:
    """One thing spoiled makes one failure, in words, after the fault's name."""
    report = good_report()
    spoil(report)

    failures = judge(report)

    assert len(failures) == 1
    assert failures[0].startswith("cut l1")
    assert words in failures[0]


@pytest.mark.parametrize("kind", ["restart", "upgrade", "reload", "leave", "kill", "killall"])
def test_the_service_may_lose_nothing(kind: str) -> None:
    """What happens to the service alone may not cost a packet, however short the outage."""
    report = good_report()
    report["faults"][0]["fault"] = kind
    for flow in broken(report)["flows"]:
        flow["lost"] = 0
    assert judge(report) == []

    healed(report)["flows"][0]["lost"] = 1
    assert judge(report) == [f"{kind} l1, healed: web out: 1 of 800 packets lost, none may be"]


def test_other_faults_have_longer_limits() -> None:
    """What must be found by silence may take 1,500 ms."""
    for kind in ("silent", "oneway", "one-end", "node", "lan"):
        report = good_report()
        report["faults"][0]["fault"] = kind
        broken(report)["flows"][4]["outage_ms"] = 1499.0
        assert judge(report) == []
        broken(report)["flows"][4]["outage_ms"] = 1501.0
        assert len(judge(report)) == 1


def test_tcp_may_lose_what_it_sent_again_in_the_second_of_two_outages() -> None:
    """It waits for its timer then; UDP does not, and one outage alone is no reason."""
    report = good_report()
    report["faults"][0]["fault"] = "double"
    report["faults"][0]["bounds"] = {"outage_ms": 2000.0}
    flow = broken(report)["flows"][4]
    flow.update(protocol="tcp", outage_ms=3999.0)
    assert judge(report) == []
    flow["outage_ms"] = 4001.0
    assert judge(report) == ["double l1: rest out: an outage of 4001 ms, over the limit of 4000 ms"]
    flow.update(protocol="udp", outage_ms=2001.0)
    assert judge(report) == ["double l1: rest out: an outage of 2001 ms, over the limit of 2000 ms"]


LOSSY = {"outage_ms": None, "healing_ms": None, "lossy": ["l1"], "lost_percent": [10, 30], "moves": None, "spared": []}


def lossy_report() -> Report:
    """Link 1 loses a fifth of what crosses it, and nothing moves."""
    report = good_report()
    fault = report["faults"][0]
    fault.update(fault="loss", still=True, links_left=report["vids"], bounds=dict(LOSSY))
    fault["broken"]["masters"] = fault["healed"]["masters"]
    for flow in broken(report)["flows"]:
        bad = flow["before"]["link"] == "l1"
        flow.update(lost=160 if bad else 0, outage_ms=20.0 if bad else 0.0, after=flow["before"])
    for flow in healed(report)["flows"]:
        flow["before"] = flow["after"]
    return report


def test_a_bad_link_loses_its_share_and_no_more() -> None:
    """Neither more nor less, for then it would be no bad link; and it is left for no other."""
    assert judge(lossy_report()) == []

    for lost, share in ((400, 50), (8, 1)):
        report = lossy_report()
        broken(report)["flows"][4]["lost"] = lost
        assert judge(report) == [f"loss l1: rest out: {share} % of its packets lost, 10 to 30 % are expected"]
    report = lossy_report()
    broken(report)["flows"][4]["outage_ms"] = 501.0
    assert judge(report) == ["loss l1: rest out: an outage of 501 ms, over the limit of 500 ms"]
    report = lossy_report()
    broken(report)["moves"] = ["b1 changed VID 1 1 times"]
    assert judge(report) == ["loss l1: a mastership moved: b1 changed VID 1 1 times"]


def test_who_does_not_cross_a_bad_link_notices_nothing() -> None:
    """A flow over another link is judged as if nothing were broken; a TCP connection over the bad one by nothing."""
    report = lossy_report()
    broken(report)["flows"][0]["outage_ms"] = 51.0
    assert judge(report) == ["loss l1: web out: an outage of 51 ms, over the limit of 50 ms"]

    broken(report)["flows"][0].update(protocol="tcp", before={"vid": 1, "link": "l1"})
    assert judge(report) == []


def test_a_restless_link_moves_little() -> None:
    """So often and no more."""
    report = good_report()
    report["faults"][0].update(fault="flap", bounds={**LOSSY, "lossy": [], "moves": 4})
    for flow in broken(report)["flows"]:
        flow["outage_ms"] = 120.0
    broken(report)["most_moves"] = 4
    assert judge(report) == []

    broken(report)["most_moves"] = 5
    assert judge(report) == ["flap l1: a gateway changed its mastership of a VID 5 times, 4 are allowed"]


def test_two_faults_may_take_as_long_as_both() -> None:
    """The limit is the fault's own where it has one."""
    report = good_report()
    report["faults"][0].update(
        fault="double", target="cut l1 + cut l3", bounds={**LOSSY, "lossy": [], "outage_ms": 1000}
    )
    broken(report)["flows"][4]["outage_ms"] = 999.0
    assert judge(report) == []

    broken(report)["flows"][4]["outage_ms"] = 1001.0
    assert judge(report) == ["double cut l1 + cut l3: rest out: an outage of 1001 ms, over the limit of 1000 ms"]


def test_who_has_no_way_cannot_but_be_silent() -> None:
    """Neither while it lasts nor when the link comes back: that takes as long as the link."""
    report = good_report()
    report["applications"]["backup"] = [[3]]
    for phase in (broken(report), healed(report)):
        for flow in phase["flows"][2:4]:
            flow["outage_ms"] = 4000.0
    broken(report)["flows"][2]["after"] = {"vid": 3, "link": None}
    assert judge(report) == []


def test_the_hosts_side_of_a_split_is_judged_though_it_is_exempt() -> None:
    """Flows whose link is there by the fault's own limit, and all of them when the parts meet again."""
    report = good_report()
    fault = report["faults"][0]
    fault.update(fault="split", exempt=True)
    fault["bounds"] = {**LOSSY, "lossy": [], "outage_ms": 50, "healing_ms": 1500, "spared": [2]}
    for flow in broken(report)["flows"][2:]:
        flow["outage_ms"] = 4000.0
    for flow in healed(report)["flows"][2:]:
        flow["outage_ms"] = 1400.0
    assert judge(report) == []

    broken(report)["flows"][1].update(outage_ms=60.0, loops=2)
    healed(report)["flows"][5]["outage_ms"] = 1600.0
    assert judge(report) == [
        "split l1: web back: an outage of 60 ms, over the limit of 50 ms",
        "split l1: web back: 2 packets went round in a loop",
        "split l1, healed: rest back: an outage of 1600 ms, over the limit of 1500 ms",
    ]


def test_an_exempt_fault_is_reported_only() -> None:
    """Its broken phase is judged by nothing; healed, it must have settled."""
    report = good_report()
    report["faults"][0] |= {"fault": "stranger", "exempt": True, "removes": "ruleset"}
    broken(report)["settled_ms"] = None
    broken(report)["masters"]["near"]["1"] = None
    healed(report)["flows"][0]["outage_ms"] = 900.0
    assert judge(report) == []

    healed(report)["settled_ms"] = None
    assert judge(report) == ["stranger l1 ruleset, healed: it did not settle: None"]


def test_a_name_has_the_detail_that_tells_it_from_its_like() -> None:
    """Direction, way of cutting, process or what was removed."""
    assert name_of({"fault": "oneway", "target": "l1", "direction": "out"}) == "oneway l1 out"
    assert name_of({"fault": "kill", "target": "b1", "process": "agent"}) == "kill b1 agent"
    assert name_of({"fault": "cut", "target": "l1"}) == "cut l1"


def test_where_all_stays_still_no_mastership_moves() -> None:
    """A kill, a restart, an upgrade or most reloads may move no mastership anywhere; other faults may."""
    report = good_report()
    broken(report)["moves"] = ["f2 changed VID 1 2 times"]
    assert judge(report) == []

    report["faults"][0].update(fault="kill", target="b1", process="agent", still=True)
    for flow in broken(report)["flows"]:
        flow.update(lost=0, outage_ms=0.0)
    assert judge(report) == ["kill b1 agent: a mastership moved: f2 changed VID 1 2 times"]


def test_the_virtual_ips_answer_all_the_while() -> None:
    """Where nothing moves each echo request is answered; where something does, a few may be lost."""
    report = good_report()
    for flow in broken(report)["flows"]:
        flow.update(lost=0, outage_ms=0.0)
    broken(report)["virtual_ips"][0]["lost"] = 3
    report["faults"][0].update(fault="leave", target="b1")
    assert judge(report) == []

    report["faults"][0].update(fault="restart", still=True)
    assert judge(report) == [
        "restart b1: the virtual IP 192.168.1.251 left 3 of 400 echo requests unanswered",
    ]

    report["faults"][0].update(fault="reload", readdressed=[1])
    assert judge(report) == []


def test_flows_are_judged_by_the_rules_in_force() -> None:
    """While an edit lasts, an application may have other VIDs, or its flows be another's; healed, all is as before."""
    report = good_report()
    fault = report["faults"][0]
    fault.update(
        fault="reload",
        target="application-removed",
        links_left=report["vids"],
        applications={"web": [[2], [1]], "rest": [[2], [1]]},
        becomes={"backup": "rest"},
    )
    fault["broken"]["masters"] = fault["healed"]["masters"]
    for flow in broken(report)["flows"]:
        flow.update(lost=0, outage_ms=0.0, after={"vid": 2, "link": "l2"})
    assert judge(report) == []

    healed(report)["flows"][2]["after"] = {"vid": 2, "link": "l2"}
    assert judge(report) == [
        "reload application-removed, healed: backup out: it is on VID 2, but VID 3 has a link left and comes first"
    ]
