"""As many VIDs as links, spread evenly: one on each, on real packets too; and what a drill says where it is not so."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.judge import judge
from linkbalancer.lab.spreading import of_no_use, uneven
from linkbalancer.lab.status import Damage, disagreement
from linkbalancer.lab.topology import Topology
from tests.lab.example import EIGHT, EXAMPLE, THREE
from tests.lab.reports import good_report

PRICES = {3: (5, 0, 2), 8: (4, 7, 1, 6, 0, 3, 5, 2)}
"""What each link costs: the best one is neither the first nor the last, and no VID's best is that of its number."""

OF_PRICE = "{{function: cost, cost: {{price: {price}, dear: 10}}, spread: {spread}}}"


def spread(target: Path, example: Path, how: str = "even") -> Path:
    """Copy an example with its links weighed by price, and VID 1 to N alone where it has N links."""
    shutil.copytree(example, target)
    links = len(list(target.glob("b*")))
    rules = target / "apps.conf"
    rules.write_text(rules.read_text().replace("[4]  ", f"[{min(4, links)}]  "))
    for file in target.glob("*/linkbalancer.yaml"):
        text = re.sub(rf"^  [{links + 1}-9]: .*\n", "", file.read_text(), flags=re.MULTILINE)
        if file.parent.name[0] == "b":
            price = PRICES[links][int(file.parent.name[1]) - 1]
            weight = OF_PRICE.format(price=price, spread=how)
            text, count = re.subn(r"^(    )(key_file: .*)$", rf"\1\2\n\1weight: {weight}", text, flags=re.MULTILINE)
            assert 1 == count
        file.write_text(text)
    return target


def expected(topology: Topology, dead: Collection[str] = ()) -> dict[str, str]:
    """Return the link of each VID by the rule: the emptiest of those that live, and of these the cheapest."""
    prices = {
        f"l{number}": price for number, price in enumerate(PRICES[len(topology.links)], 1) if f"l{number}" not in dead
    }
    found: dict[str, str] = {}
    for vid in topology.vids:
        taken = list(found.values())
        found[str(vid)] = min(prices, key=lambda link: (taken.count(link), prices[link]))
    return found


@pytest.mark.parametrize("example", [THREE, EIGHT])
def test_only_where_all_are_spread_evenly_over_all_links_numbers_are_plain(tmp_path: Path, example: Path) -> None:
    """Not by configured priorities, not where a better link has more, not where one link weighs otherwise."""
    assert read_directory(spread(tmp_path / "even", example)).topology.even
    assert not read_directory(example).topology.even
    assert not read_directory(spread(tmp_path / "weighted", example, "weighted")).topology.even
    one = spread(tmp_path / "one", example) / "b2/linkbalancer.yaml"
    one.write_text(one.read_text().replace("spread: even", "spread: none"))
    assert not read_directory(tmp_path / "one").topology.even


def test_links_of_no_use_are_left_out() -> None:
    """Worth nothing, or suppressed for flapping; what is not weighed yet may be of use."""

    def status(settled: float | None, suppressed: float | None = None) -> dict[str, Any]:
        return {"weights": [{"settled": settled, "suppressed_for_ms": suppressed}]}

    links = {"l1": status(100.0), "l2": status(0.5), "l3": status(100.0, 5000.0), "l4": status(None), "l5": {}}
    assert {"l2", "l3"} == of_no_use([{"links": links}, None])


def test_give_or_take_one_is_even() -> None:
    """Two more is not, nor is a link without any where another has two; without links there is nothing to say."""
    assert uneven(["l1", "l2", "l1"], ["l1", "l2"]) is None
    assert uneven([], []) is None
    assert "the VIDs are spread unevenly: 0 on l1, 2 on l2, 1 on l3" == uneven(["l2", "l3", "l2"], ["l1", "l2", "l3"])


def statuses(masters: Mapping[str, str], suppressed: str = "") -> dict[str, dict[str, Any] | None]:
    """Everybody settled, each VID on a link."""

    def one(node: str) -> dict[str, Any]:
        name = f"l{node[1]}"
        weight = {"settled": 90.0, "suppressed_for_ms": 1000.0 if name == suppressed else None}
        return {
            "settled": True,
            "links": {name: {"open": True, "weights": [weight] if node[0] == "b" else []}},
            "groups": {vid: {"state": "master" if link == name else "backup"} for vid, link in masters.items()},
        }

    return {f"{side}{number}": one(f"{side}{number}") for side in "bf" for number in (1, 2, 3)}


def test_a_drill_waits_for_the_spread(tmp_path: Path) -> None:
    """It has not settled before; a link that is suppressed or dead need not take part."""
    topology = read_directory(spread(tmp_path / "copy", THREE)).topology
    crowd = {"1": "l2", "2": "l3", "3": "l2"}

    assert disagreement(topology, statuses({"1": "l2", "2": "l3", "3": "l1"}), Damage()) is None
    assert "the VIDs are spread unevenly: 0 on l1, 2 on l2, 1 on l3" == disagreement(
        topology, statuses(crowd), Damage()
    )
    assert disagreement(topology, statuses(crowd, suppressed="l1"), Damage()) is None
    assert disagreement(topology, statuses(crowd), Damage(frozenset({"l1"}))) is None
    assert disagreement(read_directory(EXAMPLE).topology, _two(), Damage()) is None


def _two() -> dict[str, dict[str, Any] | None]:
    found = statuses({"1": "l1", "2": "l1", "3": "l1"})
    return {node: one for node, one in found.items() if node[1] != "3"}


def test_a_drill_fails_by_the_spread() -> None:
    """Both sides are looked at, in every phase; links that are dead or of no use are not."""
    report = good_report()
    report["vids"]["3"] = ["l1", "l2"]
    report["faults"][0]["links_left"]["3"] = ["l2"]
    fault = report["faults"][0]
    fault["broken"]["masters"] = {
        side: dict.fromkeys("123", f"{side[0].replace('n', 'b')}2") for side in ("near", "far")
    }
    before = judge(report)
    report["even"] = True
    assert before == judge(report)

    for side in ("near", "far"):
        fault["healed"]["masters"][side] = dict.fromkeys("123", f"{side[0].replace('n', 'b')}1")
    plain = judge({**report, "even": False})
    told = [f"cut l1, healed: the VIDs are spread unevenly: 3 on l1, 0 on l2 ({side})" for side in ("near", "far")]
    assert told == [line for line in judge(report) if line not in plain]
    fault["healed"]["of_no_use"] = ["l2"]
    assert plain == judge(report)


def drilled(tmp_path: Path, example: Path, faults: Collection[str]) -> tuple[Topology, list[dict[str, Any]]]:
    """Drill an example with its VIDs spread evenly; it must be good. Return the faults' reports."""
    directory, output = spread(tmp_path / "copy", example), tmp_path / "report.json"
    options = [word for fault in faults for word in ("--fault", fault)]
    words = [sys.executable, "-m", "linkbalancer", "drill", str(directory), "--output", str(output), *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=480, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    report = json.loads(output.read_text())
    assert report["even"]
    return read_directory(directory).topology, report["faults"]


def links(phase: Mapping[str, Any], side: str) -> dict[str, str]:
    """Return the link of each VID's Master on a side."""
    return {vid: f"l{node[1]}" for vid, node in phase["masters"][side].items()}


@pytest.mark.lab
@pytest.mark.parametrize(
    ("example", "best", "faults"),
    [
        (THREE, "l2", ("cut:l1", "cut:l2", "node:b1", "restart:f1")),
        pytest.param(EIGHT, "l5", ("cut:l5", "silent:l1", "lone", "restart:b1"), marks=pytest.mark.slow),
    ],
    ids=["three", "eight"],
)
def test_as_many_vids_as_links_are_one_on_each(
    tmp_path: Path, example: Path, best: str, faults: tuple[str, ...]
) -> None:
    """All healthy; where links fail each VID goes where the rule has it, and all are back with their link."""
    topology, found = drilled(tmp_path, example, faults)
    at_rest = expected(topology)
    assert best == at_rest["1"]
    assert len(topology.links) == len(set(at_rest.values()))
    for fault in found:
        dead = {link.name for link in topology.links} - {link for left in fault["links_left"].values() for link in left}
        for side in ("near", "far"):
            assert expected(topology, dead) == links(fault["broken"], side), fault["target"]
            assert at_rest == links(fault["healed"], side), fault["target"]
