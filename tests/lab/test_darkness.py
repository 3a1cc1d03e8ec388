"""The verdict on hosts whose links are all dead."""

from typing import Any

import pytest

from linkbalancer.lab.judge import judge
from tests.lab.reports import good_report


def dark_report(kind: str = "blackout") -> dict[str, Any]:
    """All links dead: b1 and f1 demote themselves in VIDs 1 and 3, nobody stays in VID 2, and hosts are told so."""
    report = good_report()
    report |= {
        "answering": {"near": [1, 3], "far": [1, 3]},
        "host_gateways": {"near": "192.168.1.251", "far": "192.168.2.251"},
    }
    fault = report["faults"][0]
    fault |= {"fault": kind, "target": "all links" if kind == "blackout" else "l2"}
    if kind == "blackout":
        fault["links_left"] = {"1": [], "2": [], "3": []}
        for one in fault["broken"]["virtual_ips"]:
            if one["vid"] == 2:
                one |= {"lost": 400, "outage_ms": 4000.0, "silent_ms": 4000.0, "arp_silent_ms": 4000.0}
        fault["healed"]["opened_ms"] = {"l1": 1200.0, "l2": 1300.0}
    else:
        fault["broken"]["opened_ms"] = {"l2": 3700.0}
    for flow in fault["broken"]["flows"]:
        flow |= {"outage_ms": 4000.0, "unreachable": 1}
    return report


def virtual_ip(report: dict[str, Any], phase: str, vid: int) -> dict[str, Any]:
    """Return what was seen of a VID's near virtual IP."""
    found: dict[str, Any] = next(
        one for one in report["faults"][0][phase]["virtual_ips"] if (one["side"], one["vid"]) == ("near", vid)
    )
    return found


@pytest.mark.parametrize("kind", ["blackout", "comeback"])
def test_hosts_that_are_answered_and_refused_are_well(kind: str) -> None:
    """A gateway that says no where one is demoted, none where all stop."""
    assert judge(dark_report(kind)) == []


def test_who_is_demoted_must_answer_all_the_while() -> None:
    """Ping and ARP, but for the moment of a claim; also while everything comes back."""
    report = dark_report()
    virtual_ip(report, "broken", 1)["outage_ms"] = 60.0
    virtual_ip(report, "healed", 3)["arp_outage_ms"] = 75.0
    virtual_ip(report, "healed", 1)["outage_ms"] = 50.0
    end = "ms, though a gateway there is demoted"
    assert judge(report) == [
        f"blackout all links: the virtual IP 192.168.1.251 did not answer ping for 60 {end}",
        f"blackout all links, healed: the virtual IP 192.168.1.253 did not answer ARP for 75 {end}",
    ]


@pytest.mark.parametrize("how", ["silent_ms", "arp_silent_ms"])
def test_where_all_stop_nobody_may_answer_in_the_end(how: str) -> None:
    """Another router of the LAN would not know that it is its turn; once links are back, somebody must."""
    report = dark_report()
    virtual_ip(report, "broken", 2)[how] = 900.0
    virtual_ip(report, "healed", 2)[how] = 1.0
    assert judge(report) == [
        "blackout all links: the virtual IP 192.168.1.252 is still answered, though every gateway there stops"
    ]


def test_hosts_must_be_told_that_there_is_no_way() -> None:
    """Each side's host, once at least; not where nobody is its gateway."""
    report = dark_report()
    for flow in report["faults"][0]["broken"]["flows"]:
        flow["unreachable"] = int(flow["direction"] == "back")
    words = "blackout all links: the near host is not told that its packets have nowhere to go (ICMP unreachable)"
    assert judge(report) == [words]
    report["answering"]["near"] = []
    for vid in (1, 3):
        virtual_ip(report, "broken", vid).update(silent_ms=4000.0, arp_silent_ms=4000.0)
    assert judge(report) == []


@pytest.mark.parametrize(("kind", "phase"), [("blackout", "healed"), ("comeback", "broken")])
def test_an_open_link_takes_everything_within_a_second(kind: str, phase: str) -> None:
    """The time until it opens is LVrrp's, and known; from there on it counts."""
    report = dark_report(kind)
    opened = min(report["faults"][0][phase]["opened_ms"].values())
    report["faults"][0][phase]["flows"][0]["outage_ms"] = opened + 1000
    assert judge(report) == []
    report["faults"][0][phase]["flows"][0]["outage_ms"] = opened + 1001
    (said,) = judge(report)
    assert f"an outage of {opened + 1001:g} ms, over the limit of {opened + 1000:g} ms" in said


def test_a_connection_asks_again_by_its_own_clock() -> None:
    """Cut off and given one link back it may have just asked in vain, and waits as long again."""
    report = dark_report("comeback")
    flow = report["faults"][0]["broken"]["flows"][0]
    flow.update(protocol="tcp", outage_ms=9400.0)
    assert judge(report) == []
    flow["outage_ms"] = 9401.0
    (said,) = judge(report)
    assert "an outage of 9401 ms, over the limit of 9400 ms" in said


def test_an_application_of_one_link_waits_for_that_link() -> None:
    """Where another link is open sooner, that is nothing to it; while its own is dead it cannot but be silent."""
    report = dark_report()
    report["vids"]["3"] = ["l1"]
    report["applications"]["backup"] = [[3]]
    healed = report["faults"][0]["healed"]
    healed["opened_ms"] = {"l1": 3000.0, "l2": 1200.0}
    for flow in healed["flows"]:
        if flow["app"] == "backup":
            flow["outage_ms"] = 4000.0
    assert judge(report) == []
    healed["opened_ms"]["l1"] = 2900.0
    assert [line.partition(": ")[2] for line in judge(report)] == [
        f"backup {way}: an outage of 4000 ms, over the limit of 3900 ms" for way in ("out", "back")
    ]

    report = dark_report("comeback")
    report["applications"]["backup"] = [[3]]
    report["faults"][0]["links_left"]["3"] = []
    for flow in report["faults"][0]["broken"]["flows"]:
        if flow["app"] == "backup":
            flow.update(outage_ms=9000.0, after={"vid": 3, "link": None})
    assert judge(report) == []


def test_the_other_links_come_back_as_any_link() -> None:
    """Once one carries everything, the next one may cost no more than any healing."""
    report = dark_report("comeback")
    report["faults"][0]["healed"]["flows"][0]["outage_ms"] = 51.0
    (said,) = judge(report)
    assert "over the limit of 50 ms" in said
