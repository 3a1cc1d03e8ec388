"""Trackers of a real gateway: real scripts, processes, files, routes and devices move real groups."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from linkbalancer.cli.client import ask
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import alive, until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

CONFIG = """\
node: f1
role: controlled
links:
  l1: {device: eth1, local: 10.1.0.2, peer: 10.1.0.1, insecure: true}
groups:
  1:
    device: eth0
    link: l1
    virtual_ips: [192.168.1.251/24]
    priority: 100
    advert_interval: 200ms
    track: {script: -10, file: fault, knob: 1, process: -20, route: 5, device: 40}
trackers:
  script: {script: [%(directory)s/script], interval: 200ms, timeout: 150ms, rise: 2, fall: 2, user: nobody}
  file: {file: there}
  knob: {file: knob, number: true}
  process: {process: sleep, command: "%(seconds)s", interval: 200ms}
  route: {route: 198.51.100.0/24, table: 77, via: 10.1.0.1, dev: eth1}
  device: {device: eth2, down_delay: 300ms}
applications: apps.conf
"""


class Tracking:
    """A gateway with one tracker of each kind."""

    def __init__(self, directory: Path, scripts: Path, gw: Namespace) -> None:
        """Write its files, all trackers good; `scripts` can be reached by everybody."""
        self.gw, self.seconds = gw, f"98765.{os.getpid()}"
        texts = dict.fromkeys(("node", "role", "local", "peer", "lan"), "")
        self.gateway = Gateway(gw, directory / "gw", **texts)
        self.directory, self.scripts = self.gateway.directory, scripts
        scripts.chmod(0o755)
        self.gateway.config.write_text(CONFIG % {"directory": scripts, "seconds": self.seconds})
        (self.directory / "apps.conf").write_text("App=* * * * * * [1] name=rest\n")
        self.script("echo fine")
        (self.directory / "there").touch()
        self.sleeper = self.sleep()

    def sleep(self) -> "subprocess.Popen[bytes]":
        """Start what the process tracker looks for."""
        return subprocess.Popen(["sleep", self.seconds])

    def script(self, text: str) -> None:
        """Replace the script, in one step."""
        new = self.scripts / "script.new"
        new.write_text(f"#!/bin/sh\n{text}\n")
        new.chmod(0o755)
        new.rename(self.scripts / "script")

    def tracker(self, name: str) -> dict[str, Any]:
        """Return what the status says of one."""
        return dict(self.gateway.status().get("trackers", {}).get(name, {}))

    def becomes(self, name: str, *, ok: bool, text: str = "", value: int | None = None) -> None:
        """Wait until one is so."""
        until(
            lambda: (
                (one := self.tracker(name))
                and one["ok"] is ok
                and text in one["text"]
                and (value is None or one["value"] == value)
            ),
            15,
            f"{name} becomes {ok} {text}",
        )

    def state(self) -> tuple[str, str]:
        """Return the group's state and reason."""
        group = self.gateway.status()["groups"]["1"]
        return group["state"], group["reason"]


@contextmanager
def built(directory: Path) -> Iterator[Tracking]:
    """Yield it, started, every tracker good."""
    places = Namespace("gw"), Namespace("far"), Namespace("lan")
    with TemporaryDirectory() as scripts, places[0] as gw, places[1] as far, places[2] as lan:
        gw.connect("eth0", lan, "eth0")
        gw.connect("eth1", far, "eth0")
        gw.connect("eth2", lan, "eth2")
        gw("ip addr add 192.168.1.1/24 dev eth0", "ip addr add 10.1.0.2/30 dev eth1")
        gw("ip route add 198.51.100.0/24 via 10.1.0.1 table 77")
        tracking = Tracking(directory, Path(scripts), gw)
        try:
            tracking.gateway.start()
            for name in ("script", "file", "knob", "process", "route", "device"):
                tracking.becomes(name, ok=True)
            yield tracking
            assert tracking.gateway.stop() == 0
        finally:
            tracking.gateway.kill_all()
            tracking.sleeper.kill()
            tracking.sleeper.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    """Yield one for all tests of the file; each leaves every tracker good."""
    with built(tmp_path_factory.mktemp("tracking")) as tracking:
        yield tracking


def adds(running: Tracking, name: str) -> int:
    """Return what a tracker adds to the group's priority."""
    return int(running.tracker(name)["groups"]["1"]["adds"])


def test_a_script_is_believed_after_so_many_results(running: Tracking) -> None:
    """Its last line is kept, and its weight follows."""
    running.becomes("script", ok=True, text="fine")
    assert adds(running, "script") == 0
    running.script("echo who am i: $(id -un) >&2; exit 3")
    running.becomes("script", ok=False, text="exit status 3: who am i: nobody")
    assert adds(running, "script") == -10
    running.script("kill -9 $$")
    running.becomes("script", ok=False, text="ended by SIGKILL")
    running.script("echo fine")
    running.becomes("script", ok=True, text="fine")


def test_a_script_that_hangs_is_ended_with_its_children_and_never_runs_twice(running: Tracking) -> None:
    """The one that it started, and that ignores the word to end, goes too."""
    pids = running.scripts / "pids"
    pids.mkdir()
    pids.chmod(0o777)
    deaf = f"trap : TERM; touch {pids}/$$; while :; do sleep 0.05; done"
    running.script(f"sh -c '{deaf}' & {deaf}")
    running.becomes("script", ok=False, text="not done within 150 ms")
    most = 0
    while len(list(pids.iterdir())) < 6:  # that is three runs, of which each had to be killed
        most = max(most, sum(alive(int(one.name)) for one in pids.iterdir()))
    assert most == 2
    running.script("echo fine")
    running.becomes("script", ok=True, text="fine")
    until(lambda: not any(alive(int(one.name)) for one in pids.iterdir()))


def test_a_script_that_floods_hurts_nobody(running: Tracking) -> None:
    """It is held back until its time is over; everything else goes on."""
    running.script("exec yes")
    running.becomes("script", ok=False, text="not done within")
    (running.directory / "there").unlink()
    running.becomes("file", ok=False)
    (running.directory / "there").touch()
    running.becomes("file", ok=True)
    running.script("echo fine")
    running.becomes("script", ok=True)


def test_a_file_that_is_gone_is_a_fault(running: Tracking) -> None:
    """Until it is there again; the state says why."""
    (running.directory / "there").unlink()
    until(lambda: running.state() == ("fault", "tracker file fails"))
    (running.directory / "there").touch()
    until(lambda: running.state()[0] != "fault")


def test_a_number_moves_the_priority(running: Tracking) -> None:
    """What is no number leaves it where it was."""
    knob = running.directory / "knob"
    knob.write_text("30\n")
    running.becomes("knob", ok=False, value=30)
    assert adds(running, "knob") == 30
    knob.write_text("thirty\n")
    running.becomes("knob", ok=False, text="no whole number", value=30)
    knob.write_text("-7\n")
    running.becomes("knob", ok=False, value=-7)
    knob.unlink()
    running.becomes("knob", ok=True, value=0)


def test_a_process_that_ends_is_missed(running: Tracking) -> None:
    """And found again."""
    running.sleeper.kill()
    running.sleeper.wait()
    running.becomes("process", ok=False, text="does not run")
    assert adds(running, "process") == -20
    running.sleeper = running.sleep()
    running.becomes("process", ok=True, text="runs")


def test_a_route_counts_by_its_way(running: Tracking) -> None:
    """Not there, there by another way, gone with its device: none of them is the one that was asked for."""
    assert adds(running, "route") == 5
    running.gw("ip route del 198.51.100.0/24 table 77")
    running.becomes("route", ok=False, text="is not there")
    running.gw("ip route add 198.51.100.0/24 via 192.168.1.9 table 77")
    running.becomes("route", ok=False, text="not as asked for")
    ways = "nexthop via 10.1.0.1 dev eth1 nexthop via 192.168.1.9 dev eth0"
    running.gw(f"ip route replace 198.51.100.0/24 table 77 {ways}")
    running.becomes("route", ok=True, text="via 10.1.0.1 on eth1, via 192.168.1.9 on eth0")
    running.gw("ip link set eth1 down")
    running.becomes("route", ok=False)
    running.gw("ip link set eth1 up", "ip route replace 198.51.100.0/24 via 10.1.0.1 table 77")
    running.becomes("route", ok=True)


def test_a_device_that_flaps_is_not_believed_at_once(running: Tracking) -> None:
    """Down for less than its delay is not down."""
    before = running.tracker("device")["since_ms"]
    running.gw("ip link set eth2 down", "ip link set eth2 up")
    running.gw("true")
    assert running.tracker("device")["ok"] is True
    assert running.tracker("device")["since_ms"] >= before
    running.gw("ip link set eth2 down")
    running.becomes("device", ok=False, text="has no carrier")
    assert adds(running, "device") == 0
    running.gw("ip link set eth2 up")
    running.becomes("device", ok=True, text="has carrier")


def test_a_killed_checker_changes_nothing(running: Tracking) -> None:
    """What failed still fails, what was good is; what its script had started is ended by the next one."""
    marker = running.scripts / "left"
    running.scripts.chmod(0o777)
    running.script(f"sh -c 'echo $$ >{marker}.new; mv {marker}.new {marker}; exec sleep 60' & sleep 60")
    running.becomes("script", ok=False)
    (running.directory / "there").unlink()
    until(lambda: running.state()[0] == "fault")
    marker.unlink(missing_ok=True)
    until(marker.exists)
    left, before = int(marker.read_text()), running.gateway.pids()["checker"]
    os.kill(before, signal.SIGKILL)
    until(lambda: running.gateway.pids().get("checker", before) != before, 20)
    until(lambda: running.gateway.status()["processes"].get("checker", before) != before, 20)
    assert running.state()[0] == "fault"
    assert running.tracker("script")["ok"] is False
    until(lambda: not alive(left))
    (running.directory / "there").touch()
    running.script("echo fine")
    running.becomes("script", ok=True)
    until(lambda: running.state()[0] != "fault")


def test_a_killed_agent_goes_on_from_what_was_believed(running: Tracking) -> None:
    """No fault in between, for want of a first result."""
    before = running.gateway.pids()["agent"]
    transitions = running.gateway.status()["groups"]["1"]["transitions"]
    os.kill(before, signal.SIGKILL)
    until(lambda: running.gateway.pids().get("agent", before) != before and running.gateway.status(), 20)
    assert running.gateway.status()["groups"]["1"]["transitions"] == transitions
    running.becomes("file", ok=True)


def test_the_history_tells_what_followed_from_what(running: Tracking) -> None:
    """A fault follows from its tracker."""
    (running.directory / "there").unlink()
    until(lambda: running.state()[0] == "fault")
    (running.directory / "there").touch()
    until(lambda: running.state()[0] != "fault")

    def chain() -> list[dict[str, Any]]:
        """Return the records of the newest chain that a tracker began."""
        run_dir = running.gateway.run_dir
        newest = ask(run_dir, "history", limit=50)["chains"][::-1]
        chains = (ask(run_dir, "history-show", id=one["id"])["steps"] for one in newest)
        return next((one for one in chains if "fails" in one[0]["text"] and len(one) > 1), [])

    first, then = until(chain, 10, "the fault is kept")[:2]
    assert (first["kind"], first["subject"], first["text"]) == ("tracker", "file", "tracker file fails: is not there")
    assert (then["kind"], then["text"]) == ("vid", "fault: tracker file fails")


def test_an_edited_tracker_replaces_the_checker_alone(running: Tracking) -> None:
    """The agent is told what it is now."""
    text, before = running.gateway.config.read_text(), running.gateway.pids()
    running.gateway.config.write_text(text.replace("timeout: 150ms", "timeout: 180ms"))
    try:
        assert running.gateway.reload()["lines"] == ["replaced: checker"]
        assert running.gateway.pids()["agent"] == before["agent"]
        running.becomes("script", ok=True)
    finally:
        running.gateway.config.write_text(text)
        running.gateway.reload()
