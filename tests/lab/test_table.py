"""The table of a drill."""

import io
from typing import Any

from linkbalancer.lab.judge import judge
from linkbalancer.lab.table import PLAIN_WIDTH, console_for, show_report
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


def test_an_exempt_fault_is_marked() -> None:
    """It is neither ok nor failed."""
    report = good_report()
    report["faults"][0]["exempt"] = True

    assert "exempt" in shown(report)
