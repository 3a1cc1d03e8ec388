"""The judge of handovers: what each manner promises, and what is let pass where nobody can remember."""

from typing import Any

import pytest

from linkbalancer.lab.judge import judge
from tests.lab.reports import flow, good_report, phase

MASTERS = {"1": ("b1", "f1"), "2": ("b2", "f2"), "3": ("b1", "f1")}
BROKEN = {"1": ("b2", "f2"), "2": ("b2", "f2"), "3": ("b1", "f1")}
FIRST, SECOND = (1, "l1"), (2, "l2")


def placed(vid: int, link: str, due: int | None = None, since_ms: float = 60_000.0) -> dict[str, Any]:
    """Where a flow runs; `due` is its application's VID where it is another."""
    own = {} if due is None else {"application_vid": due}
    return {"vid": vid, "link": link, "gateway": "b2", "since_ms": since_ms, **own}


def report_of(
    manner: dict[str, Any], before: dict[str, Any], after: dict[str, Any], *, protocol: str = "udp", **seen: Any
) -> dict[str, Any]:
    """Return a report of link 1 cut and mended; in the healing one application goes from `before` to `after`."""
    report = good_report()
    report["applications"] = {"ssh": [[3], [2]], "web": [[2], [1]]}
    report["manners"] = {"ssh": manner}
    fault = report["faults"][0]
    quiet = [flow("web", way, SECOND, SECOND) for way in ("out", "back")]
    for name, masters in (("broken", BROKEN), ("healed", MASTERS)):
        own = [flow("ssh", way, SECOND, SECOND) for way in ("out", "back")]
        for one in own:
            stays = name == "broken"
            one.update(protocol=protocol, conversation=0, before=before, after=before if stays else after)
            if not stays:
                one.update(seen)
        for one in quiet:
            one["conversation"] = 1
        fault[name] = {**phase(masters, [*own, *quiet]), "watched_ms": 9000.0}
    return report


ON_2, ON_3 = placed(2, "l2"), placed(3, "l1")
STAYING = placed(2, "l2", 3)
KEEP = {"failover": "keep", "failback": "keep", "good_for_ms": 0}
RESET = {"failover": "reset", "failback": "reset", "good_for_ms": 0}
DRAIN = {"failover": "drain", "failback": "drain", "stay_ms": 5000, "good_for_ms": 0}


@pytest.mark.parametrize(
    ("manner", "after"),
    [
        ({}, ON_3),
        (KEEP, STAYING),
        (DRAIN, placed(2, "l2", 3, since_ms=4000.0)),
        (DRAIN, placed(3, "l1", since_ms=9000.0)),
    ],
    ids=["moves", "is kept", "drains", "has drained"],
)
def test_flows_are_where_their_application_promises(manner: dict[str, Any], after: dict[str, Any]) -> None:
    """A VID is back that comes first: flows follow, stay, or stay for a time."""
    assert judge(report_of(manner, ON_2, after)) == []


@pytest.mark.parametrize(
    ("manner", "after", "words"),
    [
        ({}, ON_2, "it is on VID 2, but VID 3 has a link left and comes first"),
        (KEEP, ON_3, "it left VID 2, which works: its handover is keep"),
        (DRAIN, placed(3, "l1", since_ms=1000.0), "it left VID 2, which works: its handover is drain"),
        (DRAIN, placed(2, "l2", 3, since_ms=8000.0), "it stays on VID 2 for 8000 ms, though its handover is drain"),
        (RESET, STAYING, "it stays on VID 2 for 60000 ms, though its handover is reset"),
    ],
)
def test_flows_that_are_elsewhere_are_told(manner: dict[str, Any], after: dict[str, Any], words: str) -> None:
    """Of each way, once."""
    found = judge(report_of(manner, ON_2, after))

    assert found == [f"cut l1, healed: ssh {way}: {words}" for way in ("out", "back")]


def test_who_is_reset_must_be_told() -> None:
    """A connection that is told to end may break and lose; one that is not told is a fault."""
    assert judge(report_of(RESET, ON_2, ON_3, protocol="tcp", broken_connections=1, outage_ms=900.0)) == []
    assert judge(report_of(RESET, ON_2, ON_3)) == [
        "cut l1, healed: ssh out: it took another VID, and nobody told it to end"
    ]


def test_a_connection_may_break_only_where_it_is_told_or_translated() -> None:
    """A way that translates gives it another address."""
    report = report_of({}, ON_2, ON_3, protocol="tcp", broken_connections=1)
    words = "cut l1, healed: ssh {}: its TCP connection broke"
    assert judge(report) == [words.format("out"), words.format("back")]

    assert judge({**report, "translated": ["l1"]}) == []


def test_a_gateway_that_did_not_see_a_flow_may_have_it_follow() -> None:
    """The hosts' gateway has moved meanwhile."""
    assert judge(report_of(KEEP, ON_2, {**ON_3, "gateway": "b1"})) == []


def test_a_vid_is_waited_for() -> None:
    """With good-for an application may stay where it is until the other VID has worked for so long; then no more."""
    manner = {**KEEP, "good_for_ms": 8000.0}
    waiting = report_of(manner, ON_2, ON_2)
    assert judge(waiting) == []

    waiting["manners"]["ssh"]["good_for_ms"] = 1000.0
    assert "VID 3 has a link left and comes first" in judge(waiting)[0]


def dealt(before: int, after: int, sticky: str = "flow") -> list[str]:
    """Judge, healed, an application that is dealt over VID 2 and VID 3, and whose flow's slot takes VID 3 first."""
    links = {2: "l2", 3: "l1"}
    report = report_of({"sticky": sticky, "good_for_ms": 0}, placed(before, links[before]), placed(after, links[after]))
    report["applications"]["ssh"] = [[3, 2], [1]]
    for part in ("broken", "healed"):
        for one in report["faults"][0][part]["flows"]:
            one["orders"] = [[3, 2], [1]]
    return judge(report)


def test_a_dealt_flow_stays_or_goes_back_to_its_slot() -> None:
    """By flow nobody moves; by host what is back comes back."""
    assert dealt(2, 2) == []
    assert dealt(2, 3, "src") == []
    assert dealt(2, 3)[0].endswith("ssh out: it left VID 2, which works, for VID 3")
    assert dealt(2, 2, "src")[0].endswith("ssh out: it is on VID 2, but its slot takes VID 3")


def test_a_fault_of_the_service_alone_loses_nothing_but_what_is_ended() -> None:
    """It has no limit of time to be compared with."""
    report = report_of(RESET, ON_2, ON_3, lost=3, unreachable=1)
    report["faults"][0]["fault"] = "restart"
    report["faults"][0]["broken"] = report["faults"][0]["healed"]
    report["faults"][0]["links_left"] = report["vids"]
    assert judge(report) == []

    report["manners"] = {}
    assert "restart l1: ssh out: 3 of 800 packets lost, none may be" in judge(report)
