"""Four gateways with `firewall: iptables` in the drill: a link is cut, and applications follow on real packets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.example import varied

pytestmark = pytest.mark.lab

NODES = ("b1", "b2", "f1", "f2")


def test_applications_follow_a_cut_link_and_come_back(tmp_path: Path) -> None:
    """As with nftables: VID 1 moves to link 2 at both ends, and what had link 1 alone goes to its next VID."""
    example = varied(tmp_path / "chains", "b1/linkbalancer.yaml", "role: controller", "role: controller")
    for node in NODES:
        with (example / node / "linkbalancer.yaml").open("a") as file:
            file.write("\nfirewall: iptables\n")
    output = tmp_path / "report.json"
    words = [sys.executable, "-m", "linkbalancer", "drill", str(example), "--fault", "cut:l1", "--output", str(output)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (cut,) = json.loads(output.read_text())["faults"]
    assert cut["broken"]["masters"]["near"]["1"] == "b2"
    assert cut["broken"]["masters"]["far"]["1"] == "f2"
    flows = {(flow["app"], flow["direction"]): flow for flow in cut["broken"]["flows"]}
    assert flows["backup", "out"]["before"].items() >= {"vid": 3, "link": "l1"}.items()
    for way in ("out", "back"):
        assert flows["backup", way]["after"].items() >= {"vid": 1, "link": "l2"}.items()
        assert flows["voip", way]["after"].items() >= {"vid": 1, "link": "l2"}.items()
