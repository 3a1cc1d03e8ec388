"""Gateways whose VRRP a real Keepalived runs: what happens to it, to our processes, and to the links."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.commands import ip_json
from linkbalancer.lab.keepalived import LabKeepalived
from linkbalancer.lab.lab import Lab, opened
from linkbalancer.lab.status import ask
from tests.daemon.waiting import until

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[2] / "conf/examples/beside-keepalived"
PATIENCE_S = 20


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Build the example, settled."""
    with opened(EXAMPLE) as lab:
        lab.start()
        until(lambda: masters(lab) == {"b1": {"1", "3"}, "b2": {"2"}, "f1": {"1", "3"}, "f2": {"2"}}, 30, "it settles")
        yield lab


def group(lab: Lab, node: str, vid: str) -> dict[str, Any]:
    """Return what a gateway says of a group."""
    status = ask(lab.services[node].run_dir)
    return {} if status is None else dict(status["groups"][vid])


def masters(lab: Lab) -> dict[str, set[str]]:
    """Return which groups each gateway says that it is Master of."""
    return {
        node: {vid for vid, one in (status["groups"] if status else {}).items() if one["state"] == "master"}
        for node, status in lab.statuses().items()
    }


def healthy(lab: Lab) -> bool:
    """Whether everything is where it belongs."""
    return masters(lab) == {"b1": {"1", "3"}, "b2": {"2"}, "f1": {"1", "3"}, "f2": {"2"}}


def keepalived(lab: Lab, node: str) -> LabKeepalived:
    """Return a gateway's Keepalived."""
    found = lab.services[node].keepalived
    assert found is not None
    return found


def addresses(lab: Lab, node: str) -> list[str]:
    """Return the addresses of a gateway's LAN device."""
    shown = ip_json(["address", "show", "dev", "eth0"], lab.run.namespace(node))
    return [one["local"] for device in shown for one in device["addr_info"]]


def transitions(lab: Lab) -> dict[tuple[str, str], int]:
    """Return how often each group has changed its state, by gateway."""
    return {
        (node, vid): one["transitions"]
        for node, status in lab.statuses().items()
        if status is not None
        for vid, one in status["groups"].items()
    }


def test_keepalived_has_the_addresses_and_we_the_tables(lab: Lab) -> None:
    """The far side's election decides; Keepalived obeys, with the priorities of LVrrp."""
    assert ("keepalived", "master", "l1") == tuple(group(lab, "b1", "1")[key] for key in ("mode", "state", "next_hop"))
    assert {"192.168.1.251", "192.168.1.253"} <= set(addresses(lab, "b1"))
    # Which of the two has to change its own depends on who was heard first.
    logs = [keepalived(lab, node).log for node in ("b1", "b2")]
    until(lambda: any("Changing effective priority" in log.read_text() for log in logs), PATIENCE_S)
    assert "checker" in lab.services["b1"].processes() or "app:checker" in lab.services["b1"].processes()


def test_a_reload_of_keepalived_moves_nothing(lab: Lab) -> None:
    """It says BACKUP_PRIORITY of a group that it is Master of: that is no state."""
    before = transitions(lab)
    log = keepalived(lab, "b1").log
    keepalived(lab, "b1").signal(signal.SIGHUP)
    until(lambda: "Reload complete" in log.read_text(), PATIENCE_S)

    until(lambda: healthy(lab), PATIENCE_S)
    assert before == transitions(lab)


@pytest.mark.parametrize("process", ["checker", "agent", "supervisor"])
def test_our_processes_come_back_and_move_nothing(lab: Lab, process: str) -> None:
    """The next one knows what the one before knew."""
    before = transitions(lab)
    pids = lab.services["b1"].processes()
    pid = pids.get(process) or pids[f"app:{process}"]
    os.kill(pid, signal.SIGKILL)

    def came_back() -> bool:
        now = lab.services["b1"].processes()
        new = now.get(process) or now.get(f"app:{process}")
        return new is not None and new != pid and ask(lab.services["b1"].run_dir) is not None

    until(came_back, PATIENCE_S, f"{process} is there again")
    until(lambda: healthy(lab), PATIENCE_S)
    assert before == transitions(lab)


def test_a_track_file_that_is_gone_comes_back(lab: Lab) -> None:
    """Within a second, and what it says is what was asked for."""
    file = lab.services["b1"].run_dir / "keepalived" / "1"
    before = file.read_text()
    file.unlink()

    until(lambda: file.exists() and file.read_text() == before, PATIENCE_S)
    until(lambda: healthy(lab), PATIENCE_S)


def test_a_keepalived_that_dies_gives_the_link_up(lab: Lab) -> None:
    """The far end goes with it to the other link; and all comes back with it, though its addresses never went."""
    victim = keepalived(lab, "b1")
    pid = victim.pid
    assert pid is not None
    victim.abandon()
    for one in {pid, *(int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())}:
        os.kill(one, signal.SIGKILL)

    until(lambda: group(lab, "b1", "1")["state"] == "stopped", PATIENCE_S, "its end is noticed")
    until(lambda: "1" in masters(lab)["b2"], PATIENCE_S, "the other near gateway takes over")
    victim.start()
    until(lambda: healthy(lab), 2 * PATIENCE_S, "all is as before")


def test_a_stop_of_keepalived_is_noticed_at_once(lab: Lab) -> None:
    """It says STOP."""
    victim = keepalived(lab, "b2")
    victim.stop()

    until(lambda: group(lab, "b2", "2")["state"] == "stopped", PATIENCE_S)
    until(lambda: "2" in masters(lab)["b1"], PATIENCE_S)
    victim.start()
    until(lambda: healthy(lab), 2 * PATIENCE_S)


def test_a_stop_of_ours_hands_the_masterships_over(lab: Lab) -> None:
    """Keepalived stays, in fault, until the service is there again."""
    lab.services["b1"].stop()

    until(lambda: {"1"} <= masters(lab)["b2"], PATIENCE_S)
    assert "192.168.1.251" not in addresses(lab, "b1")
    assert "-254\n" == (lab.services["b1"].run_dir / "keepalived" / "1").read_text()
    lab.services["b1"].start()
    until(lambda: healthy(lab), 2 * PATIENCE_S)


def test_a_drill_with_two_keepalived_gateways_is_good(tmp_path: Path) -> None:
    """A link cut, one silent, a gateway without power, a restart: both ends on one link, nothing over its limit."""
    report = tmp_path / "report.json"
    words = [sys.executable, "-m", "linkbalancer", "drill", str(EXAMPLE), "--output", str(report)]
    for fault in ("cut:l1", "silent:l1", "node:b1", "restart:b1"):
        words += ["--fault", fault]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    cut, *_others = json.loads(report.read_text())["faults"]
    assert {"near": "b2", "far": "f2"} == {side: masters["1"] for side, masters in cut["broken"]["masters"].items()}
