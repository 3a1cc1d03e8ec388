"""Two hundred applications, some balanced, some that keep or end what runs, some translated: on real packets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.example import CAMPUS, varied
from tests.lab.rehearsing import rehearsed

pytestmark = pytest.mark.lab

FAULTS = ["cut:l1", "drain b1 link", "kill b1 supervisor"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Rehearse a handful of faults; nothing fails."""
    options = [word for fault in FAULTS for word in ("--fault", fault)]
    return rehearsed(CAMPUS, tmp_path_factory.mktemp("campus") / "report.json", *options)


def flows(report: dict[str, Any], target: str, app: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the flows of an application while a link was cut, and when it was mended."""
    fault = next(fault for fault in report["faults"] if (fault["fault"], fault["target"]) == ("cut", target))
    for broken, healed in zip(fault["broken"]["flows"], fault["healed"]["flows"], strict=True):
        if broken["app"] == app:
            yield broken, healed


def ways(report: dict[str, Any], target: str, app: str) -> set[tuple[int, int, int]]:
    """Return the VIDs that flows of an application were on: before a link was cut, meanwhile, afterwards."""
    return {
        (broken["before"]["vid"], broken["after"]["vid"], healed["after"]["vid"])
        for broken, healed in flows(report, target, app)
    }


def test_everybody_sends_and_nobody_is_overloaded(report: dict[str, Any]) -> None:
    """Two hundred applications, at most four thousand packets a second; the report says how exact outages are."""
    told = report["faults"][0]["broken"]["flows"]

    assert len({flow["app"] for flow in told}) == 200
    assert len(told) / report["interval_ms"] <= 4
    assert min(flow["sent"] for flow in told) > 10


def test_only_the_flows_of_a_dead_vid_move(report: dict[str, Any]) -> None:
    """By flow they stay where they went, by host they come back; the others lose nothing."""
    assert ways(report, "l1", "dns") == {(1, 4, 4), (4, 4, 4)}
    assert ways(report, "l1", "calls") == {(1, 4, 1), (4, 4, 4)}
    for app in ("web", "dns", "calls", "storage"):
        for broken, _ in flows(report, "l1", app):
            assert broken["before"]["vid"] == 1 or not broken["lost"]
    assert {one["result"] for one in report["splits"]} <= {"as wanted", "too few to tell"}
    assert {one["astray"] for one in report["splits"]} == {0}


def test_running_flows_are_handed_over_as_their_applications_say(report: dict[str, Any]) -> None:
    """What is kept stays when its first VID is back, what moves goes back, what is told to end begins anew."""
    assert ways(report, "l1", "vpn") == {(1, 2, 2)} == ways(report, "l1", "ssh")
    assert ways(report, "l1", "room-01") == {(1, 2, 1)}
    assert any(broken["broken_connections"] for broken, _ in flows(report, "l1", "database"))
    assert not any(one["broken_connections"] for pair in flows(report, "l1", "ssh") for one in pair)


def test_translated_flows_go_on_where_they_can(tmp_path: Path) -> None:
    """Datagrams from another address; a connection breaks and is made anew, and is kept there if it says so."""
    report = rehearsed(CAMPUS, tmp_path / "report.json", "--fault", "cut:l3")
    assert ways(report, "l3", "sensor-01") == {(3, 2, 3)} == ways(report, "l3", "updates")
    assert ways(report, "l3", "till") == {(3, 2, 2)}
    assert any(broken["broken_connections"] for broken, _ in flows(report, "l3", "till"))
    assert not any(healed["broken_connections"] for _, healed in flows(report, "l3", "till"))


@pytest.mark.slow
def test_a_fixed_source_is_survived_as_well(tmp_path: Path) -> None:
    """SNAT to an address in place of masquerade."""
    path = varied(tmp_path / "copy", "b3/linkbalancer.yaml", "nat: masquerade", "nat: {snat: 10.3.0.1}", CAMPUS)

    assert len(rehearsed(path, tmp_path / "report.json", "--fault", "cut:l3")["faults"]) == 1
