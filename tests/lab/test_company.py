"""Flows judged by their company."""

from typing import Any

from linkbalancer.lab.judge import judge
from tests.lab.reports import good_report


def balanced(**seen: Any) -> list[str]:
    """Judge a cut of link 1 in which a flow of a balanced application keeps its way over link 2."""
    report = good_report()
    report["applications"]["web"] = [[2, 3], [1]]
    report["manners"] = {"web": {"sticky": "flow", "good_for_ms": 0}}
    fault = report["faults"][0]
    for part in ("broken", "healed"):
        for number, one in enumerate(fault[part]["flows"]):
            one["conversation"] = number // 2
            one["orders"] = [[2, 3], [1]]
    fault["broken"]["flows"][0].update(seen)
    return judge(report)


def test_who_is_not_on_the_link_that_fails_loses_nothing() -> None:
    """Not one packet, of those that are dealt out over several."""
    assert balanced() == []
    assert balanced(lost=1) == ["cut l1: web out: 1 of 800 packets lost, though nothing on its way failed"]


def test_who_sends_seldom_is_counted_with_the_others() -> None:
    """Of seven packets chance takes three or none; of all that cross the link a fifth is lost."""
    report = good_report()
    report["interval_ms"] = 130.0
    fault = report["faults"][0]
    fault.update(fault="loss", links_left=report["vids"])
    fault["bounds"] = {"lossy": ["l1"], "lost_percent": [10, 30], "outage_ms": None, "healing_ms": None}
    fault["broken"]["masters"] = fault["healed"]["masters"]
    for number, one in enumerate(fault["broken"]["flows"]):
        one.update(after=one["before"], sent=10, lost=(0, 0, 0, 4, 4, 0)[number], outage_ms=0.0)
    assert judge(report) == []

    fault["broken"]["flows"][3]["lost"] = 10
    fault["broken"]["flows"][5]["lost"] = 0
    assert judge(report) == ["loss l1: all that cross l1 back: 50 % of its packets lost, 10 to 30 % are expected"]


def test_an_outage_is_judged_by_how_exactly_it_is_seen() -> None:
    """With a packet each 130 ms an outage of 600 ms may have been one of 500."""
    report = good_report()
    for one in report["faults"][0]["broken"]["flows"]:
        one["outage_ms"] = 600.0
    assert len(judge(report)) == 6

    assert judge({**report, "interval_ms": 130.0}) == []
