"""Every link dead at once: which faults there are, and on real packets what hosts see, by `on_probe_loss`."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.blackout import answering, blackouts
from linkbalancer.lab.directory import read_directory
from tests.lab.example import EXAMPLE

STOPPING = {
    "demote": (),
    "stop": ("b1", "b2", "f1", "f2"),
    "mixed": ("b1", "f2"),
    "far demotes": ("b1", "b2"),
}
"""By variant the gateways that stop; the others demote themselves."""


def variant(target: Path, stopping: tuple[str, ...]) -> Path:
    """Copy the example, with some gateways that stop."""
    shutil.copytree(EXAMPLE, target)
    for node in stopping:
        file = target / node / "linkbalancer.yaml"
        text = file.read_text()
        assert "on_probe_loss: demote" in text
        file.write_text(text.replace("on_probe_loss: demote", "on_probe_loss: stop"))
    return target


@pytest.mark.parametrize(
    ("name", "near", "far"),
    [
        ("demote", [1, 2, 3], [1, 2, 3]),
        ("stop", [], []),
        ("mixed", [1, 2], [1, 2, 3]),
        ("far demotes", [], [1, 2, 3]),
    ],
)
def test_where_one_gateway_is_demoted_hosts_have_a_gateway(
    tmp_path: Path, name: str, near: list[int], far: list[int]
) -> None:
    """VID 3 is at b1 and f1 alone: what the others do is nothing to it."""
    topology = read_directory(variant(tmp_path / "copy", STOPPING[name])).topology
    assert answering(topology) == {"near": near, "far": far}


def test_with_one_link_none_can_come_back_first() -> None:
    """The last of several does; a link alone is back or is not."""
    topology = read_directory(EXAMPLE).topology
    assert [fault.name for fault in blackouts(topology)] == ["blackout all links", "comeback l2"]
    alone = replace(topology, links=topology.links[:1])
    assert [fault.name for fault in blackouts(alone)] == ["blackout all links"]


def drilled(tmp_path: Path, name: str) -> dict[str, Any]:
    """Drill the darkness with a variant; return its report."""
    output = tmp_path / "report.json"
    words = [sys.executable, "-m", "linkbalancer", "drill", str(variant(tmp_path / "copy", STOPPING[name]))]
    words += ["--fault", "blackout", "--fault", "comeback", "--output", str(output)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(output.read_text())
    return report


@pytest.mark.lab
@pytest.mark.parametrize(
    "name", ["stop", "mixed", *(pytest.param(name, marks=pytest.mark.slow) for name in ("demote", "far demotes"))]
)
def test_hosts_see_what_on_probe_loss_says(tmp_path: Path, name: str) -> None:
    """Nobody is Master where all stop, one gateway is where one is demoted; one link back carries everything."""
    report = drilled(tmp_path, name)
    dark, back = report["faults"]
    for side in ("near", "far"):
        masters = dark["broken"]["masters"][side]
        assert [int(vid) for vid, master in masters.items() if master] == report["answering"][side]
        assert not any(set((master or "").split("+")) & set(STOPPING[name]) for master in masters.values())
    assert {flow["after"]["link"] for flow in dark["broken"]["flows"]} == {None}
    assert {flow["after"]["link"] for flow in back["broken"]["flows"]} == {"l2"}
