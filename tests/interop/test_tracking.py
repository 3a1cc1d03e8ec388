"""Trackers beside a Debian Keepalived: the same fault and the same weight move one group between the two makers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.daemon.waiting import until
from tests.interop.makers import Keepalived, Ours, Part
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

INTERVAL_MS = 500
TRACKING = {"uplink": -120, "gw": "fault"}
TRACKERS = {"uplink": {"device": "eth1"}, "gw": {"file": "there"}}


@dataclass(frozen=True, slots=True)
class Pair:
    """Ours at priority 200, with trackers, and Keepalived at 100, on one LAN."""

    ours: Ours
    theirs: Keepalived
    mine: Part
    other: Part

    def is_at(self, ours: str, theirs: str, within_s: float = 20) -> float:
        """Wait until each says what it is; return how long that took."""
        began = time.monotonic()
        until(lambda: (self.ours.state(self.mine), self.theirs.state(self.other)) == (ours, theirs), within_s)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Yield both, ours being Master."""
    directory = tmp_path_factory.mktemp("tracking")
    with ExitStack() as stack:
        one, other, upstream = (stack.enter_context(Namespace(name)) for name in ("ours", "theirs", "upstream"))
        one.connect("eth0", other, "eth0")
        one.connect("eth1", upstream, "eth0")
        one("ip address add 192.0.2.1/24 dev eth0")
        other("ip address add 192.0.2.2/24 dev eth0")
        parts = [
            Part(
                vid=1,
                virtual=("192.0.2.251/24",),
                source=f"192.0.2.{number}",
                peer=f"192.0.2.{3 - number}",
                priority=priority,
                interval_ms=INTERVAL_MS,
            )
            for number, priority in ((1, 200), (2, 100))
        ]
        ours, theirs = Ours(one, directory / "ours"), Keepalived(other, directory / "theirs")
        ours.configure(parts[:1])
        theirs.configure(parts[1:])
        file = directory / "ours" / "linkbalancer.yaml"
        config = yaml.safe_load(file.read_text())
        config["trackers"] = TRACKERS
        config["groups"][1]["track"] = TRACKING
        file.write_text(yaml.safe_dump(config))
        (directory / "ours" / "there").touch()
        for gateway in (ours, theirs):
            stack.callback(gateway.wait)
            stack.callback(gateway.stop)
            gateway.start()
        found = Pair(ours, theirs, *parts)
        found.is_at("master", "backup")
        yield found


def test_a_fault_hands_over_within_a_skew_time(pair: Pair) -> None:
    """Keepalived is told by priority 0: it waits for no master-down interval. Back, ours preempts."""
    gone = pair.ours.directory / "there"
    gone.unlink()
    took = pair.is_at("fault", "master")
    assert took < 2 * INTERVAL_MS / 1000 + 1, "three intervals and more would be its silence"
    gone.touch()
    pair.is_at("master", "backup")
    assert pair.theirs.complaints() == []


def test_a_weight_lets_keepalived_preempt(pair: Pair) -> None:
    """200 less 120 is less than its 100; it takes over, ours follows, and comes back with its uplink."""
    pair.ours.namespace("ip link set eth1 down")
    pair.is_at("backup", "master")
    pair.ours.namespace("ip link set eth1 up")
    pair.is_at("master", "backup")
    assert pair.theirs.complaints() == []


def test_a_killed_checker_moves_no_mastership(pair: Pair) -> None:
    """What it had said stands, for Keepalived too."""
    pids = {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in pair.ours.namespace.pids()}
    os.kill(pids["lb:checker"], signal.SIGKILL)
    for _ in range(30):
        assert (pair.ours.state(pair.mine), pair.theirs.state(pair.other)) == ("master", "backup")
        time.sleep(0.1)
