"""The drill on real packets: the commands as people run them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.lab.judge import judge
from linkbalancer.lab.run import NAMESPACES, ROOT, Run, processes_in, runs
from tests.lab.example import EXAMPLE, varied

pytestmark = pytest.mark.lab

DRILL = [sys.executable, "-m", "linkbalancer", "drill"]
LAB = [sys.executable, "-m", "linkbalancer", "lab"]


def left_of(owner: int) -> list[str]:
    """Everything that runs of a process left: directories and namespaces."""
    names = [path.name for path in (*ROOT.glob(f"{owner}-*"), *NAMESPACES.glob(f"lb-{owner}-*"))]
    return sorted(names)


def await_run(owner: int, node: str) -> Run:
    """Wait until a process's run has a daemon on a node, and return the run."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for run in runs():
            if run.owner == owner and processes_in([run.namespace(node)]):
                return run
        time.sleep(0.05)
    raise AssertionError("no daemon came up")


@pytest.fixture
def drill() -> Iterator[subprocess.Popen[str]]:
    """A drill of one fault, just started."""
    words = [*DRILL, str(EXAMPLE), "--fault", "cut:l1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def test_a_short_drill_is_good(tmp_path: Path) -> None:
    """Link 1 cut and an agent killed: the report has the design's schema, nothing failed, nothing is left behind."""
    output = tmp_path / "report.json"
    words = [*DRILL, str(EXAMPLE), "--fault", "cut:l1", "--fault", "kill b1 app:web", "--output", str(output)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        table, progress = process.communicate(timeout=120)
    report = json.loads(output.read_text())

    assert process.returncode == 0, table + progress
    assert left_of(process.pid) == []
    assert (report["schema"], report["topology"]) == (1, "two-links")
    assert [fault["fault"] for fault in report["faults"]] == ["cut", "kill"]
    cut = report["faults"][0]
    assert cut["broken"]["masters"]["near"]["1"] == "b2"
    assert cut["broken"]["masters"]["far"]["1"] == "f2"
    backup = {flow["direction"]: flow for flow in cut["broken"]["flows"] if flow["app"] == "backup"}
    assert backup["out"]["before"].items() >= {"vid": 3, "link": "l1"}.items()
    assert backup["back"]["after"].items() >= {"vid": 1, "link": "l2"}.items()
    assert backup["out"]["lost"] > 0
    assert judge(report) == report["failures"] == []
    assert "[1/2] cut l1" in progress
    assert "backup" in table


def test_a_drill_that_is_asked_to_end_clears_everything(drill: subprocess.Popen[str]) -> None:
    """SIGTERM (as Ctrl-C) half-way: exit 130, and no namespace, process or file is left."""
    run = await_run(drill.pid, "f2")
    drill.send_signal(signal.SIGTERM)
    _, errors = drill.communicate(timeout=30)

    assert drill.returncode == 130
    assert "interrupted" in errors
    assert left_of(drill.pid) == []
    assert processes_in([run.namespace("f2")]) == []


def test_the_next_run_clears_what_a_killed_one_left(drill: subprocess.Popen[str]) -> None:
    """After kill -9 everything is still there; the next lab clears it, and a lab that lives beside it is left alone."""
    run = await_run(drill.pid, "f2")
    os.kill(drill.pid, signal.SIGKILL)
    drill.wait()
    assert left_of(drill.pid) != []

    first = json.loads(subprocess.run([*LAB, "up", str(EXAMPLE), "--json"], capture_output=True, check=True).stdout)
    try:
        assert left_of(drill.pid) == []
        assert processes_in([run.namespace("f2")]) == []
        second = json.loads(
            subprocess.run([*LAB, "up", str(EXAMPLE), "--json"], capture_output=True, check=True).stdout
        )
        subprocess.run([*LAB, "down", "--lab", second["lab"]], capture_output=True, check=True)
        assert not Path(second["directory"]).exists()
        assert processes_in([first["namespaces"]["b1"]]) != []
    finally:
        down = subprocess.run([*LAB, "down", "--lab", first["lab"]], capture_output=True, check=True)
    assert down.stdout.decode().split() == ["lab", first["lab"], "is", "gone"]
    assert not Path(first["directory"]).exists()
    assert not (NAMESPACES / first["namespaces"]["b1"]).exists()


def test_commands_run_on_a_node() -> None:
    """`lab exec NODE COMMAND` sits at the node: it sees the node's addresses; an unknown node is refused."""
    lab = json.loads(subprocess.run([*LAB, "up", str(EXAMPLE), "--json"], capture_output=True, check=True).stdout)
    try:
        words = [*LAB, "exec", "--lab", lab["lab"]]
        seen = subprocess.run([*words, "b2", "ip", "-br", "addr"], capture_output=True, check=True, text=True)
        assert "192.168.1.2/24" in seen.stdout
        refused = subprocess.run([*words, "b9", "true"], capture_output=True, check=False, text=True)
        assert (refused.returncode, refused.stderr) == (
            2,
            "linkbalancer: there is no node b9; there are b1, b2, f1, f2, near-host, far-host\n",
        )
        listed = subprocess.run([*LAB, "list"], capture_output=True, check=True, text=True)
        assert lab["lab"] in listed.stdout
    finally:
        subprocess.run([*LAB, "down", "--lab", lab["lab"]], capture_output=True, check=True)


def test_without_rights_one_sentence_says_what_is_missing() -> None:
    """Without CAP_NET_ADMIN: exit 2 and one line that names it."""
    words = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--", *DRILL, str(EXAMPLE)]
    refused = subprocess.run(words, capture_output=True, check=False, text=True)

    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "CAP_NET_ADMIN" in refused.stderr


def test_a_wrong_directory_is_refused(tmp_path: Path) -> None:
    """What is wrong with it is said; exit 2."""
    directory = varied(tmp_path / "copy", "b1/linkbalancer.yaml", "role: controller", "role: boss")
    refused = subprocess.run([*DRILL, str(directory)], capture_output=True, check=False, text=True)

    assert refused.returncode == 2
    assert "b1/linkbalancer.yaml:3:" in refused.stderr
