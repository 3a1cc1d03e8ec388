"""What links have carried, on disk."""

import json
import os
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.load import load
from linkbalancer.config.model import Config
from linkbalancer.daemon import odometer
from linkbalancer.daemon.loop import Loop, Periodic
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import Measured, Started
from linkbalancer.engine.found import Found
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.wall import Wall
from tests.daemon.waiting import until

CARRIED = {"l1": {"1": [24_300, 5e9]}}


class Stage:
    """An odometer with a loop; what it complains of."""

    def __init__(self, directory: Path) -> None:
        self.loop = Loop()
        self.complaints: list[tuple[str, str]] = []
        self.one = odometer.Odometer(self.loop, directory, lambda: CARRIED, self.complain)

    def complain(self, what: str, why: str) -> None:
        """Take a complaint."""
        self.complaints.append((what, why))

    def turn(self) -> None:
        """Have it written, and wait until the child has ended."""
        self.one.turn(0)
        end = time.monotonic() + 30
        while self.one._errand.under_way:
            assert time.monotonic() < end
            self.loop.turn()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return one whose directory is there."""
    found = Stage(tmp_path)
    yield found
    found.one._errand.close()
    found.loop.forget()


CONFIG = """\
node: b1
role: controller
links:
  l1: {{device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true, weight: {0}}}
groups: {{1: {{device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}}}}
applications: apps.conf
"""
RULES = "App=* * * * * * [1] name=all\n"


def config(weight: str) -> Config:
    """Return a gateway's configuration."""
    return load("b1.yaml", {"b1.yaml": CONFIG.format(weight), "apps.conf": RULES}.__getitem__).config


def test_what_is_written_is_read_after_a_reboot(stage: Stage, tmp_path: Path) -> None:
    """All of it or nothing; what somebody has damaged is said, and nothing."""
    assert odometer.remembered(tmp_path, stage.complain) == {}
    stage.turn()
    assert odometer.remembered(tmp_path, stage.complain) == CARRIED
    assert [path.name for path in tmp_path.iterdir()] == [odometer.NAME]
    assert stage.complaints == []
    (tmp_path / odometer.NAME).write_text("{")
    assert odometer.remembered(tmp_path, stage.complain) == {}
    assert [what for what, _ in stage.complaints] == ["read what the links have carried this month"]


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    """Every time; the agent goes on."""
    stage = Stage(tmp_path / "gone")
    stage.turn()
    assert [what for what, _ in stage.complaints] == ["keep what the links have carried"]
    assert "No such file" in stage.complaints[0][1]
    stage.one._errand.close()
    stage.loop.forget()


def test_only_caps_have_it_counted(tmp_path: Path) -> None:
    """Nobody else pays for the child."""
    counted = []
    for weight in ("static", "{function: cost, cost: {price: 5}}", "{function: cost, cost: {cap: 1GB}}"):
        loop = Loop()
        one = odometer.begin_counting(loop, config(weight), tmp_path, lambda: CARRIED, lambda _what, _why: None)
        counted.append(any(isinstance(one, Periodic) for one in loop._sources))
        assert (one is not None) is counted[-1]
        loop.forget()
    assert counted == [False, False, True]


def test_who_writes_last_outlives_the_agent(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent ends at once; what it had counted is written by a child that is not ended with it."""

    def slowly(path: Path, text: str) -> None:
        time.sleep(0.3)
        path.write_text(text)

    monkeypatch.setattr(odometer, "replace_file", slowly)
    agent = os.fork()
    if agent == 0:
        try:
            stage.one.leave()
            time.sleep(0.1)
        finally:
            os._exit(0)
    os.waitpid(agent, 0)
    assert not (tmp_path / odometer.NAME).exists()
    until(lambda: odometer.remembered(tmp_path, stage.complain) == CARRIED, 10)
    assert stage.complaints == []


def test_an_agent_that_is_killed_loses_nothing_of_a_month() -> None:
    """Its snapshot has what was carried; what went over the link until its successor measures counts, at that rate."""
    text = CONFIG.format("{function: cost, cost: {cap: 1GB}}")
    loaded = load("b1.yaml", {"b1.yaml": text, "apps.conf": RULES}.__getitem__)

    def agent(boot: int, snapshot: dict[str, Any] | None) -> Agent:
        return Agent(loaded, {}, Random(1), {"all": 2}, session=boot, boot=boot, found=Found(snapshot=snapshot))

    busy = Measured("l1", Metrics(outward=Lane(rate=8e6)))
    first = agent(0, None)
    first.handle(0, Started())
    first.handle(0, MinuteBegan(Wall(date(2026, 3, 2), 600)))
    for second in range(11):
        first.handle(second * SECOND, busy)
    (carried,) = first.carried()["l1"].values()
    assert carried[1] == 10e6
    left = json.loads(json.dumps(first.snapshot(10 * SECOND)))
    successor = agent(12 * SECOND, left)
    successor.handle(12 * SECOND, Started())
    assert successor.carried() == first.carried()
    successor.handle(13 * SECOND, busy)
    (carried,) = successor.carried()["l1"].values()
    assert carried[1] == 13e6
