"""Three links, one of them across other routers, and eight: drills on real packets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.commands import ip, ip_json
from linkbalancer.lab.impairments import swap
from linkbalancer.lab.lab import Lab, opened
from tests.daemon.waiting import until
from tests.lab.example import EIGHT, THREE, varied
from tests.lab.rehearsing import rehearsed

pytestmark = pytest.mark.lab

PATIENCE_S = 30
TELLING = [
    *("silent l3 beyond r1", "loss l1 20% out", "slow", "one-end l1 at f1"),
    *("swap", "neighbour b1", "double cut l1 + cut l2"),
]


def masters(fault: dict[str, Any], vid: str) -> tuple[str, str]:
    """Return the Masters of a VID while a fault lasted, near and far."""
    found = fault["broken"]["masters"]
    return found["near"][vid], found["far"][vid]


def after(fault: dict[str, Any], app: str) -> set[tuple[int | None, str | None]]:
    """Return where an application's two flows were while a fault lasted."""
    flows = [flow["after"] for flow in fault["broken"]["flows"] if flow["app"] == app]
    return {(flow["vid"], flow["link"]) for flow in flows}


def test_three_links_survive_what_tells_them_from_two(tmp_path: Path) -> None:
    """A wire between other people's routers, loss, a full link, changed plugs, a wrong neighbour, two links at once."""
    options = [word for fault in TELLING for word in ("--fault", fault)]
    faults = {fault["fault"]: fault for fault in rehearsed(THREE, tmp_path / "report.json", *options)["faults"]}

    assert {"silent", "loss", "slow", "one-end", "swap", "neighbour", "double"} == set(faults)
    assert ("b1", "f1") == masters(faults["silent"], "3")
    assert {(1, "l1")} == after(faults["loss"], "voip") == after(faults["slow"], "voip")
    assert ("b2", "f2") == masters(faults["one-end"], "1")
    assert all(("b3", "f3") == masters(faults[kind], vid) for kind in ("swap", "double") for vid in ("1", "2", "3"))
    assert {(4, None)} == after(faults["double"], "private")
    assert {(2, "l3")} == after(faults["double"], "web")


def test_eight_links_start_and_lose_one_and_two(tmp_path: Path) -> None:
    """Sixteen gateways settle; each VID goes to the next link that is left, and nobody else notices."""
    words = ["--fault", "cut:l1", "--fault", "double cut l1 + cut l2"]
    report = rehearsed(EIGHT, tmp_path / "report.json", *words)
    one, two = report["faults"]

    assert {str(number): (f"b{number}", f"f{number}") for number in range(2, 9)} | {"1": ("b2", "f2")} == {
        vid: masters(one, vid) for vid in report["vids"]
    }
    assert ("b3", "f3") == masters(two, "1") == masters(two, "2") == masters(two, "3")
    assert {(1, "l3")} == after(two, "voip")


@pytest.mark.slow
@pytest.mark.parametrize("example", [THREE, EIGHT], ids=["three", "eight"])
def test_every_fault_of_many_links_is_survived(example: Path, tmp_path: Path) -> None:
    """The whole repertoire."""
    report = rehearsed(example, tmp_path / "report.json", limit_s=1800)

    assert len(report["faults"]) > 60


@pytest.fixture
def alike(tmp_path: Path) -> Iterator[Lab]:
    """Build three links of which two have the same addresses, so that a probe finds somebody at the wrong end too."""
    directory = varied(tmp_path / "copy", "b2/linkbalancer.yaml", "10.2.0.", "10.1.0.", THREE)
    far = directory / "f2/linkbalancer.yaml"
    far.write_text(far.read_text().replace("10.2.0.", "10.1.0."))
    with opened(directory) as lab:
        lab.start()
        until(
            lambda: opens(lab) == dict.fromkeys(["b1", "b2", "b3", "f1", "f2", "f3"], True),
            PATIENCE_S,
            "all links open",
        )
        yield lab


def link(lab: Lab, node: str) -> dict[str, Any]:
    """Return what a gateway says of its link."""
    status = lab.statuses()[node]
    return {} if status is None else dict(status["links"][f"l{node[1]}"])


def opens(lab: Lab) -> dict[str, bool]:
    """Return whether each gateway's link is open."""
    return {node: link(lab, node).get("open", False) for node in lab.topology.gateways}


@pytest.mark.slow
def test_a_probe_that_another_pair_answers_is_a_fault_of_its_own(alike: Lab) -> None:
    """Both near gateways say what is wrong, no such link opens, the third has every VID; plugged right all is well."""
    first, second, _third = alike.topology.links
    swap(alike.network, (first, "b1"), (second, "b2"))
    told = {
        "b1": "miswired: this is link l1, the other end says l2",
        "b2": "miswired: this is link l2, the other end says l1",
    }
    until(lambda: {node: link(alike, node)["fault"] for node in told} == told, PATIENCE_S, "both say so")
    until(lambda: masters_now(alike, "b3") == {"1", "2", "3"}, PATIENCE_S, "the third link has what it may have")
    assert [False, False] == [link(alike, node)["open"] for node in told]

    swap(alike.network, (first, "b2"), (second, "b1"))
    until(lambda: all(opens(alike).values()), PATIENCE_S, "all links open again")
    until(lambda: link(alike, "b1")["fault"] is None, PATIENCE_S, "the fault is over")


def masters_now(lab: Lab, node: str) -> set[str]:
    """Return the VIDs that a gateway says it is Master of."""
    status = lab.statuses()[node]
    return set() if status is None else {vid for vid, one in status["groups"].items() if one["state"] == "master"}


@pytest.mark.slow
def test_the_route_to_a_far_end_comes_back(tmp_path: Path) -> None:
    """Somebody removes it: it is there again before the link is missed; without `via`, and reloaded, it is gone."""
    with opened(varied(tmp_path / "copy", "topology.yaml", "lans:", "lans:", THREE)) as lab:
        lab.start()
        until(lambda: all(opens(lab).values()), PATIENCE_S, "all links open")
        since = link(lab, "b3")["since_ms"]
        ip(["route del 10.3.9.2/32"], lab.run.namespace("b3"))
        until(lambda: routes(lab) == ["10.3.0.254"], PATIENCE_S, "the route is back")
        assert link(lab, "b3")["open"]
        assert link(lab, "b3")["since_ms"] >= since
        said = lab.services["b3"].log.read_text()
        assert "route to 10.3.9.2" in said.partition("removed by somebody else")[2]

        config = lab.directory.config_path("b3")
        config.write_text(config.read_text().replace("    via: 10.3.0.254", "    #"))
        lab.services["b3"].reload()
        until(lambda: routes(lab) == [], PATIENCE_S, "the route is gone")


def routes(lab: Lab) -> list[str]:
    """Return the next hops of our own routes in the main table of b3."""
    shown = ip_json(["route", "show", "proto", "112"], lab.run.namespace("b3"))
    return [route["gateway"] for route in shown if route["dst"] == "10.3.9.2"]
