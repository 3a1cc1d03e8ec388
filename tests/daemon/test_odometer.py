"""What links have carried, on disk."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.config.load import load
from linkbalancer.config.model import Config
from linkbalancer.daemon import odometer
from linkbalancer.daemon.loop import Loop, Periodic

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


def config(weight: str) -> Config:
    """Return a gateway's configuration."""
    text = (
        "node: b1\nrole: controller\nlinks:\n"
        f"  l1: {{device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true, weight: {weight}}}\n"
        "groups: {1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}}\napplications: apps.conf\n"
    )
    return load("b1.yaml", {"b1.yaml": text, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__).config


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
        odometer.begin_counting(loop, config(weight), tmp_path, lambda: CARRIED, lambda _what, _why: None)
        counted.append(any(isinstance(one, Periodic) for one in loop._sources))
        loop.forget()
    assert counted == [False, False, True]
