"""A link that loses packets, on real wires: the application leaves it at all four gateways, and VRRP does not."""

from pathlib import Path

import pytest

from linkbalancer.lab.impairments import lose, repair
from linkbalancer.lab.lab import Lab, opened
from tests.daemon.waiting import until
from tests.lab.example import varied

pytestmark = pytest.mark.lab

PATIENCE_S = 90
SLA = "sla=loss<5%,back:5s"


def places(lab: Lab, name: str) -> set[int | None]:
    """Return the VIDs that gateways have an application on."""
    return {status["applications"][name]["vid"] for status in lab.statuses().values() if status is not None}


def masters(lab: Lab) -> dict[str, list[str]]:
    """Return the VIDs that each gateway is Master of."""
    return {
        node: [vid for vid, group in status["groups"].items() if group["master"] == "self"]
        for node, status in lab.statuses().items()
        if status is not None
    }


def test_an_application_leaves_a_link_that_loses_packets_and_comes_back(tmp_path: Path) -> None:
    """VID 1 stays on link 1; who asks for nothing stays with it; gateways beside it know why."""
    example = varied(tmp_path / "strict", "apps.conf", "[1 2]  name=voip", f"[1 2]  name=voip {SLA}")
    with opened(example) as lab:
        lab.start()
        # Whoever is up first is Master of all, until the better ones outrank him.
        before = {"b1": ["1", "3"], "f1": ["1", "3"], "b2": ["2"], "f2": ["2"]}
        until(lambda: masters(lab) == before and places(lab, "voip") == places(lab, "rest") == {1}, PATIENCE_S)
        link = next(one for one in lab.topology.segments if {port.node for port in one.ports} == {"b1", "f1"})
        lose(lab.network, link, ["b1", "f1"], 20)
        until(lambda: places(lab, "voip") == {2}, PATIENCE_S)

        assert places(lab, "rest") == {1}
        assert masters(lab) == before
        reasons = {status["applications"]["voip"]["reason"] for status in lab.statuses().values() if status is not None}
        assert all(reason.startswith("VID 1: breaks its sla: loss ") for reason in reasons)

        repair(lab.network, link)
        until(lambda: places(lab, "voip") == {1}, PATIENCE_S)
        assert masters(lab) == before
