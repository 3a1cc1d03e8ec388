"""Whose turn it is to be measured, what is told of it, and a real daemon whose link is full."""

import errno
import socket
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.config.load import Loaded, load
from linkbalancer.daemon import measuring as module
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.measuring import Measuring, begin_measuring, turn_every
from linkbalancer.engine.events import Event, Measured
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.host.meter import Meter
from linkbalancer.links import DeviceName
from linkbalancer.weights.gauge import Reading
from linkbalancer.weights.metrics import Lane, Metrics
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace


class FakeMeter:
    """Devices that each send 1,000 bytes between two looks; one that is `broken` refuses everything."""

    def __init__(self, shaped: Collection[DeviceName] = ()) -> None:
        self.shaped = shaped
        self.looks: list[tuple[DeviceName, ...]] = []
        self.broken: OSError | None = None
        self.gone: set[DeviceName] = set()

    def read(self, devices: Collection[DeviceName]) -> Mapping[DeviceName, Reading | None]:
        """Count a look."""
        if self.broken is not None:
            raise self.broken
        self.looks.append(tuple(devices))
        counted = {device: 1000 * sum(device in look for look in self.looks) for device in devices}
        return {
            device: None if device in self.gone else Reading(index=1, received=0, sent=count, dropped=0)
            for device, count in counted.items()
        }


def test_who_weighs_by_the_hour_is_told_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once and every minute; where nothing is weighed nobody is."""
    monkeypatch.setattr(module, "Meter", FakeMeter)
    told: list[Event] = []
    loop = Loop()
    weighed = configured(1, ", weight: cost").config
    begin_measuring(loop, weighed, lambda _now, events: told.extend(events), lambda _what, _why: None)
    (first,) = told
    assert isinstance(first, MinuteBegan)
    here = time.localtime()
    assert abs((first.wall.day - date(here.tm_year, here.tm_mon, here.tm_mday)).days) <= 1
    assert 0 <= first.wall.minute < 24 * 60
    begin_measuring(Loop(), configured(1).config, lambda _now, events: told.extend(events), lambda _what, _why: None)
    assert told == [first]


class Stage:
    """A `Measuring` with a clock."""

    def __init__(self, links: int = 1, more: str = "") -> None:
        self.now: Instant = 10**12
        self.meter = FakeMeter()
        self.told: list[Measured] = []
        self.complaints: list[tuple[str, str]] = []
        self.measuring = Measuring(
            cast("Meter", self.meter),
            lambda: self.now,
            configured(links, more).config,
            self.take,
            lambda operation, why: self.complaints.append((operation, why)),
        )

    def take(self, _now: Instant, events: Iterable[Event]) -> None:
        """Keep what is told."""
        self.told += [event for event in events if isinstance(event, Measured)]

    def turn(self, after_ms: int) -> list[Measured]:
        """Let time pass, then have a turn; return what was told."""
        self.now += after_ms * MILLISECOND
        self.told = []
        self.measuring.turn(self.now)
        return self.told


def configured(links: int, more: str = "") -> Loaded:
    """Return the configuration of a gateway with so many links."""
    lines = [
        f"  l{n}: {{device: eth{n}, local: 10.{n}.0.1, peer: 10.{n}.0.2, insecure: true{more}}}"
        for n in range(1, links + 1)
    ]
    text = "node: b1\nrole: controller\nlinks:\n" + "\n".join(lines)
    text += "\ngroups:\n  1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24], advert_interval: 200ms}\n"
    text += "applications: apps.conf\n"
    return load("gateway.yaml", {"gateway.yaml": text, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__)


def test_a_link_is_measured_once_an_interval() -> None:
    """However often its turn could have come; the rate is that between two looks."""
    stage = Stage()
    (first,) = stage.turn(0)
    assert first == Measured("l1", Metrics())
    assert [stage.turn(200) for _turn in range(4)] == [[], [], [], []]
    (second,) = stage.turn(200)
    assert second.metrics.outward == Lane(rate=8000, drops=0)
    assert second.peaks.outward == 8000


def test_links_take_turns() -> None:
    """Sixty of them are spread over the second: a quarter of them at one go, each once a second."""
    stage = Stage(60)
    told = [[one.link for one in stage.turn(250)] for _turn in range(9)]
    assert {len(turn) for turn in told[1:]} == {15}
    assert told[1:5] == told[5:]
    assert len({link for turn in told[1:5] for link in turn}) == 60


def test_after_a_pause_nothing_is_made_up_for() -> None:
    """Each link is measured once, and the rate is that of the pause."""
    stage = Stage(2)
    stage.turn(1000)
    stage.turn(1000)
    told = stage.turn(10_000)
    assert [one.link for one in told] == ["l1", "l2"]
    assert stage.turn(1) == []
    assert 800 <= (told[0].metrics.outward.rate or 0) <= 8000


def test_each_link_has_its_own_interval() -> None:
    """And turns come when devices are looked at (here every 50 ms), four times an interval, or as often as is asked."""
    for more, milliseconds in (("", 250), (", metrics_every: 60s", 15_000), (", metrics_every: 100ms", 50)):
        assert turn_every(configured(2, more).config) == milliseconds * MILLISECOND
    slow = configured(1, ", probe: {interval: [2s, 3s]}, metrics_every: 110ms").config
    assert turn_every(slow.model_copy(update={"groups": {}})) == 110 * MILLISECOND
    stage = Stage(1, ", metrics_every: 10s")
    assert [len(stage.turn(1000)) for _turn in range(11)] == [1, *[0] * 8, 1, 0]


def test_what_the_kernel_refuses_is_said_and_not_known() -> None:
    """And measuring begins anew when it no longer does."""
    stage = Stage(1, ", capacity: 1Mbit")
    stage.turn(0)
    stage.turn(1000)
    stage.meter.broken = OSError(errno.ENOBUFS, "No buffer space available")
    capacity = Lane(capacity=1_000_000)
    assert stage.turn(1000) == [Measured("l1", Metrics(outward=capacity, inward=capacity))]
    assert stage.complaints == [("measure the links", "No buffer space available")]
    stage.meter.broken = None
    assert stage.turn(1000)[0].metrics.outward.rate is None
    assert stage.turn(1000)[0].metrics.outward.rate == 8000


def test_a_device_that_is_gone_is_not_known() -> None:
    """The other links go on."""
    stage = Stage(2)
    stage.turn(1000)
    stage.turn(1000)
    stage.meter.gone = {"eth1"}
    one, other = stage.turn(1000)
    assert one == Measured("l1", Metrics())
    assert other.metrics.outward.rate == 8000


def test_without_links_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor ever looked at."""
    monkeypatch.setattr(module, "Meter", lambda _unasked: pytest.fail("a meter was opened"))
    alone = "node: r1\nrole: standalone\ngroups:\n  1: {device: eth0, virtual_ips: [192.0.2.251/24]}\n"
    config = load("gateway.yaml", {"gateway.yaml": alone}.__getitem__).config
    loop = Loop()
    begin_measuring(loop, config, lambda _now, _events: None, lambda _operation, _why: None)
    assert loop.next_deadline(cast("Any", None)) is None
    loop.forget()


@contextmanager
def flooded(space: Namespace, address: str) -> Iterator[None]:
    """Send as fast as it goes, for as long as the block lasts."""
    over = threading.Event()
    with space.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.settimeout(0.01)

    def flood() -> None:
        while not over.wait(0.001):
            for _packet in range(4):
                try:
                    sender.sendto(bytes(1000), (address, 9))
                except OSError:  # the queue is full
                    break

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sender.close()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway whose link goes through a queue of 8 Mbit/s; its peer does not speak."""
    with Namespace("near") as near, Namespace("far") as far:
        near.connect("eth1", far, "eth1")
        near("ip link add eth0 type ifb", "ip link set eth0 up")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 10.1.0.2/24 dev eth1")
        near("tc qdisc add dev eth1 root tbf rate 8mbit burst 10kb limit 30kb")
        one = Gateway(
            near, tmp_path / "b1", node="b1", role="controller", local="10.1.0.1", peer="10.1.0.2", lan="192.0.2"
        )
        one.config.write_text(one.config.read_text().replace("l1.key,", "l1.key, capacity: [8Mbit, 100Mbit],"))
        one.start()
        until(lambda: bool(one.status()), 20)
        yield one
        one.stop()


@pytest.mark.lab
def test_a_real_daemon_sees_that_its_link_is_full(gateway: Gateway) -> None:
    """Rate, share, backlog and drops of what leaves; then the device is made again, and all begins anew."""

    def lane(way: str = "out") -> dict[str, Any]:
        return dict(gateway.status()["links"]["l1"]["metrics"][way])

    until(lambda: lane()["rate_bps"] is not None, 10)
    assert lane()["used"] < 0.1
    with flooded(gateway.namespace, "10.1.0.2"):
        until(lambda: lane()["used"] > 0.9 and lane()["drops_per_s"] > 100, 30)
        full = lane()
    assert full["capacity_bps"] == 8_000_000
    assert full["used"] < 1.1
    assert full["backlog_bytes"] > 10_000
    assert full["peak_bps"] > 7_500_000
    assert lane("in")["capacity_bps"] == 100_000_000
    gateway.namespace("ip link del eth1")
    until(lambda: lane()["rate_bps"] is None, 10)
    assert lane()["peak_bps"] is None
    gateway.namespace("ip link add eth1 type ifb", "ip link set eth1 up")
    until(lambda: lane()["rate_bps"] is not None, 10)
    assert lane()["peak_bps"] < 1_000_000
