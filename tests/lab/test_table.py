"""The table of a drill."""

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from linkbalancer.lab.errors import LabError
from linkbalancer.lab.judge import judge
from linkbalancer.lab.table import PLAIN_WIDTH, console_for, matching, only, show_report
from tests.lab.reports import good_report


def shown(report: dict[str, Any]) -> str:
    """What is printed where there is no terminal."""
    stream = io.StringIO()
    show_report(report, console_for(stream))
    return stream.getvalue()


def test_the_table_is_plain_text_of_100_columns() -> None:
    """Without a terminal: no escape sequences, and nothing wider than PLAIN_WIDTH."""
    text = shown(good_report())

    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= PLAIN_WIDTH
    assert "all 1 faults are survived" in text


def test_a_line_says_where_an_application_went_and_what_it_cost() -> None:
    """Both directions share a line when they tell the same; losses are added up."""
    lines = [line.split() for line in shown(good_report()).splitlines()]

    assert ["cut", "l1", "web", "both", "2", "l2", "stays", "0", "0", "0", "ok"] in lines
    assert ["backup", "both", "3", "l1", "1", "l2", "3", "l1", "52", "130", "0"] in lines


def test_directions_that_differ_have_lines_of_their_own() -> None:
    """A fault of one direction shows as one."""
    report = good_report()
    for phase in ("broken", "healed"):
        report["faults"][0][phase]["flows"][5].update(lost=0, outage_ms=0.0)
    lines = [line.split()[:2] for line in shown(report).splitlines() if line.strip()]

    assert ["rest", "out"] in lines
    assert ["rest", "back"] in lines


def test_untouched_applications_share_a_line() -> None:
    """Where nothing happened to anybody, one line says so."""
    report = good_report()
    fault = report["faults"][0]
    fault["fault"] = "restart"
    for phase in ("broken", "healed"):
        for flow in fault[phase]["flows"]:
            flow.update(lost=0, outage_ms=0.0, before={"vid": 1, "link": "l1"}, after={"vid": 1, "link": "l1"})
    lines = [line.split() for line in shown(report).splitlines()]

    assert ["restart", "l1", "all", "both", "1", "l1", "stays", "0", "0", "0", "ok"] in lines


def test_failures_stand_below_the_table() -> None:
    """The fault is marked, and what failed is said in words."""
    report = good_report()
    report["faults"][0]["broken"]["flows"][4]["redirects"] = 3
    report["failures"] = judge(report)
    text = shown(report)

    assert "FAILED" in text
    assert "1 things are not as they must be" in text
    assert "cut l1: rest out: 3 ICMP redirects" in text


def test_lateness_is_told_where_something_failed() -> None:
    """By phase: what failed may be the computer's doing; where all went well nobody asks."""
    report = good_report()
    report["faults"][0]["broken"]["late_ms"] = {"b2": 131.1, "f2": 524.3}
    report["faults"][0]["healed"]["late_ms"] = {"b1": 65.5}
    assert "too busy" not in shown({**report, "failures": []})

    report["faults"][0]["broken"]["flows"][4]["redirects"] = 3
    text = shown({**report, "failures": judge(report)})
    assert "too busy for it:\n  cut l1: timers of 2 gateways were up to 524 ms late (f2)\n" in text
    assert "healed: timers" not in text


def test_an_exempt_fault_is_marked() -> None:
    """It is neither ok nor failed."""
    report = good_report()
    report["faults"][0]["exempt"] = True

    assert "exempt" in shown(report)


def several() -> dict[str, Any]:
    """A report of a cut and of three restarts, the third of which went wrong; a drain that nobody noticed."""
    report = good_report()
    cut = report["faults"][0]
    for target, kind in (("b1", "restart"), ("b2", "restart"), ("f1", "restart"), ("b1", "drain")):
        fault = copy.deepcopy(cut)
        fault.update(fault=kind, target=target, links_left=report["vids"])
        fault["broken"] = fault["healed"]
        for flow in fault["broken"]["flows"]:
            flow["before"] = flow["after"]
        report["faults"].append(fault)
    report["faults"][3]["healed"]["flows"][0].update(lost=7, outage_ms=35.0)
    report["failures"] = judge(report)
    return report


def test_faults_stand_in_parts_and_the_worst_first() -> None:
    """By what they happen to; what failed stands above, and what nobody noticed shares a line."""
    lines = [line.rstrip() for line in shown(several()).splitlines()]
    begins = ("links", "cut l1 ", "the service", "restart f1 ", "restart b1 and 1 more ", "by order", "drain b1 ")
    found = [[number for number, line in enumerate(lines) if line.startswith(begin)] for begin in begins]

    assert [1] * len(begins) == [len(places) for places in found]
    assert sorted(found) == found
    assert "FAILED" in next(line for line in lines if line.startswith("restart f1"))


def test_who_noticed_nothing_beside_others_has_no_name() -> None:
    """One line for all of them."""
    report = good_report()
    for phase in ("broken", "healed"):
        for flow in report["faults"][0][phase]["flows"][2:4]:
            flow.update(lost=0, outage_ms=0.0, before={"vid": 3, "link": "l1"}, after={"vid": 3, "link": "l1"})
    lines = [line.split() for line in shown(report).splitlines()]

    assert ["cut", "l1", "the", "others", "both", "stays", "0", "0", "0", "ok"] in lines


def test_a_long_silence_is_noticed_though_nothing_is_lost() -> None:
    """A TCP connection that stood still for seconds is no application that noticed nothing."""
    report = good_report()
    for flow in report["faults"][0]["broken"]["flows"][:2]:
        flow["outage_ms"] = 4000.0
    lines = [line.split() for line in shown(report).splitlines()]

    assert ["cut", "l1", "web", "both", "2", "l2", "stays", "0", "4000", "0", "ok"] in lines


def test_applications_that_stay_and_suffer_share_a_line() -> None:
    """The hosts' gateway is away for a moment: everybody loses a little, nobody moves."""
    report = good_report()
    for phase in ("broken", "healed"):
        for flow in report["faults"][0][phase]["flows"][2:]:
            flow.update(after=flow["before"])
    for flow in report["faults"][0]["healed"]["flows"][2:]:
        flow["before"] = flow["after"] = report["faults"][0]["broken"]["flows"][2]["before"]
    for flow in report["faults"][0]["broken"]["flows"][2:]:
        flow["before"] = flow["after"] = report["faults"][0]["broken"]["flows"][2]["before"]
    lines = [line.split() for line in shown(report).splitlines()]

    assert ["backup,", "rest", "both", "3", "l1", "stays", "104", "130", "0"] in lines


def crowded() -> dict[str, Any]:
    """The good report with forty sensors beside `rest`, to which the same happened but for a little."""
    report = good_report()
    report["applications"] |= {f"sensor-{number:02}": [[1], [2]] for number in range(40)}
    report["interval_ms"] = 130.0
    for phase in ("broken", "healed"):
        flows = report["faults"][0][phase]["flows"]
        for number in range(40):
            flows += [{**flow, "app": f"sensor-{number:02}"} for flow in flows[4:6]]
            for flow in flows[-2:]:
                flow["outage_ms"] += number
    return report


def test_many_applications_share_lines_by_what_happened_to_them() -> None:
    """A line of the fault's own, then those below it, the worst first; how many there are; 80 columns do."""
    stream = io.StringIO()
    show_report(crowded(), Console(file=stream, width=80, no_color=True))
    text = stream.getvalue()
    lines = [line.split() for line in text.splitlines()]

    assert max(map(len, text.splitlines())) <= 80
    place = lines.index(["cut", "l1", "ok"])
    assert lines[place + 1] == ["rest", "+40", "41", "both", "1", "l1", "1", "l2", "1", "l1", "2132", "169", "39"]
    assert lines[place + 2][:3] == ["backup", "1", "both"]
    assert lines[place + 3][:3] == ["web", "1", "both"]


def test_what_failed_alike_is_said_once() -> None:
    """With the number of the others; all of it is in the report."""
    report = crowded()
    for flow in report["faults"][0]["broken"]["flows"]:
        if flow["app"].startswith("sensor") and flow["direction"] == "out":
            flow["redirects"] = 2
    report["failures"] = judge(report)

    assert len(report["failures"]) == 40
    assert "  cut l1: sensor-00 out: 2 ICMP redirects (and 39 more like it)" in shown(report)


def test_the_lines_of_some_applications_alone() -> None:
    """By name or pattern; a name of nobody's is an error that says which there are."""
    report = {**crowded(), "splits": []}
    text = shown(only(report, ["sensor-0*", "web"]))

    assert "sensor-00" in text
    assert "web" in text
    assert "backup" not in text
    with pytest.raises(LabError, match="there is no application 'sensor'; there are backup, rest, sensor-00"):
        matching(report["applications"], ["sensor"])
