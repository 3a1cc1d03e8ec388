"""A real gateway whose operators want to be told: from the record to the receiver, and back into the history."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from linkbalancer.cli.client import ask
from linkbalancer.daemon.metrics import expose
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

NOTIFICATIONS = """\
notifications:
  pipe: {{fifo: {0}/pipe, names: {{1: VI_1}}, groups: [1]}}
  all: {{fifo: {0}/all, events: [group, sync-group, rival, priority], coalesce: false}}
  gone: {{webhook: "http://127.0.0.1:9/", timeout: 1s, retries: 0}}
"""


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway whose link has no far end: it stands by for its VIDs at the lowest priority."""
    with Namespace("told") as lone, Namespace("toldlan") as lan:
        lone.connect("eth0", lan, "lone")
        lone.connect("eth1", lan, "away")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1", "ip link set lo up")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path / "lone", **texts)
        with gateway.config.open("a") as file:
            file.write(NOTIFICATIONS.format(tmp_path))
        gateway.start()
        until(lambda: "event=ready" in gateway.lines(), 20)
        yield gateway
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.stop()


class Pipe:
    """Whoever reads a pipe."""

    def __init__(self, path: Path) -> None:
        until(path.exists)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.lines: list[str] = []

    def has(self, line: str) -> bool:
        """Return whether a line has come, by now."""
        with suppress(BlockingIOError):
            self.lines += os.read(self._fd, 65536).decode().splitlines()
        return line in self.lines

    def close(self) -> None:
        """Read no more."""
        os.close(self._fd)


def test_what_happens_is_told_remembered_and_counted(lone: Gateway, tmp_path: Path) -> None:
    """Keepalived's lines by its names; a try that failed is told too, by the history, the status and the metrics."""
    pipe, every = Pipe(tmp_path / "pipe"), Pipe(tmp_path / "all")
    until(lambda: pipe.has('INSTANCE "VI_1" MASTER 1'), 20)
    until(lambda: every.has('INSTANCE "1" MASTER 1') and every.has('INSTANCE "2" MASTER 1'), 20)
    assert not any('"2"' in line for line in pipe.lines)

    lone.namespace("ip link set eth0 down")
    until(lambda: pipe.has('INSTANCE "VI_1" FAULT 0'), 20)
    lone.namespace("ip link set eth0 up")
    until(lambda: not pipe.has("") and pipe.lines[-1] == 'INSTANCE "VI_1" MASTER 1', 20)
    until(lambda: lone.status()["notifications"]["pipe"]["delivered"] >= 3, 20)
    until(lambda: lone.status()["notifications"]["gone"]["given_up"], 20)
    known = lone.status()["notifications"]
    assert "Connection refused" in known["gone"]["last"]["text"]
    story = until(lambda: ask(lone.run_dir, "history", kind="notified", vid=1)["chains"])
    steps = ask(lone.run_dir, "history-show", id=story[-1]["id"])["steps"]
    told = [step for step in steps if step["kind"] == "notified"]
    causes = {step["id"]: step["kind"] for step in steps}
    assert any(causes.get(step["cause"]) == "vid" for step in told)
    assert any(step["sentence"].startswith("pipe told of VID 1 ") for step in told)
    families = {one.name: one for one in expose(lone.status()).collect()}
    samples = families["linkbalancer_notifications"].samples
    assert any(one.labels == {"notification": "pipe", "way": "fifo", "result": "delivered"} for one in samples)
    pipe.close()
    every.close()


def test_an_edit_replaces_the_notifier_alone(lone: Gateway, tmp_path: Path) -> None:
    """Nobody else; without a notification there is none, and with one again there is."""
    before = lone.pids()
    text = lone.config.read_text()
    lone.config.write_text(text.replace("names: {1: VI_1}", "names: {1: other}"))
    lone.reload()
    until(lambda: lone.pids().get("notifier") not in {None, before["notifier"]})
    after = lone.pids()
    assert {name for name in before if before[name] != after[name]} <= {"notifier", "zygote"}
    pipe = Pipe(tmp_path / "pipe")
    until(lambda: pipe.has('INSTANCE "other" MASTER 1'), 20)
    pipe.close()

    lone.config.write_text(text.partition("notifications:")[0])
    assert "removed: notifier" in " ".join(lone.reload()["lines"])
    until(lambda: "notifier" not in lone.pids())
    assert not (lone.run_dir / "notifier.sock").exists()
    lone.config.write_text(text)
    lone.reload()
    until(lambda: "notifier" in lone.pids())
    assert lone.pids()["agent"] == before["agent"]


def test_a_killed_notifier_comes_back_and_the_end_is_told(lone: Gateway, tmp_path: Path) -> None:
    """What waited is told by the next one; the service's end is told before it has ended."""
    until(lambda: lone.status()["groups"]["1"]["state"] == "master", 20)
    until(lambda: lone.status()["notifications"]["all"]["waiting"])
    lone.kill("notifier")
    until(lambda: "notifier" in lone.pids(), 20)
    every = Pipe(tmp_path / "all")
    until(lambda: every.has('INSTANCE "1" MASTER 1'), 20)
    assert lone.stop() == 0

    assert every.has('INSTANCE "1" STOP 0')
    assert every.has('INSTANCE "2" STOP 0')
    every.close()
