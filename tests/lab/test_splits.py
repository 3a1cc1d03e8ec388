"""Balanced applications' conversations beside the shares that were asked for."""

from typing import Any

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.flows import choose_flows
from linkbalancer.lab.judge import judge
from linkbalancer.lab.splits import in_words, splits
from linkbalancer.lab.whereabouts import Path
from tests.lab.example import CAMPUS
from tests.lab.reports import good_report


def found(forced: int | None = None) -> list[dict[str, Any]]:
    """Return the splits of the campus when each flow is where its slot says, or all on one VID."""
    directory = read_directory(CAMPUS)
    flows = choose_flows(directory.topology, directory.rules)
    paths = {flow.number: Path(forced or (flow.orders[0][0] if flow.orders else 1), "l1") for flow in flows}
    return splits(flows, paths, directory.rules.applications, directory.topology.vids)


def test_a_fair_deal_is_as_wanted() -> None:
    """Flows are counted, or hosts, or pairs of hosts; nobody is astray."""
    seen = {one["app"]: one for one in found()}

    assert set(seen) == {"web", "dns", "calls", "storage"}
    assert seen["web"]["wanted"] == {"1": 0.75, "4": 0.25}
    assert sum(seen["calls"]["dealt"].values()) == 8
    assert {one["astray"] for one in seen.values()} == {0}
    assert "off" not in {one["result"] for one in seen.values()}
    assert in_words(seen["dns"]).endswith("(50 % wanted)")
    assert judge({**good_report(), "splits": list(seen.values())}) == []


def test_flows_that_are_not_where_their_slot_says_are_told() -> None:
    """All on one VID is a fault."""
    told = judge({**good_report(), "splits": found(forced=1)})

    assert any(line.startswith("at rest: web: ") and "not where their slot says" in line for line in told)


def test_an_uneven_deal_is_told() -> None:
    """It is rarer than once in a thousand fair ones."""
    one = {**found()[0], "result": "off", "dealt": {"1": 1, "4": 15}}

    (told,) = judge({**good_report(), "splits": [one]})

    assert told.startswith("at rest: web: its flows are not dealt as 1*3+4 asks for: 1 of 16 by VID 1 (75 % wanted)")
