"""What counting costs: a packet of a known flow among a thousand applications that are counted, and reading it all."""

import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.nftables import counts, load
from linkbalancer.drivers.nftables.counts import Plan
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Setting
from tests.benchmarks.steering import SENDER, Frames, Place, place
from tests.drivers.frames import frame, open_packet_socket
from tests.drivers.nftables.rules import LAYOUT

APPLICATIONS = 1000
FLOWS = 3
NAMES = ("count established 1000-applications", "count others 1000-applications", "count read 1000-applications")
_FIRST = int(IPv4Address("198.18.0.0"))
_UDP = 17


def jobs() -> list[Job]:
    """Return what can be measured."""
    return [Job(NAMES, run, alone=True)]


def run(setting: Setting) -> list[Figure]:
    """Measure with and without, turn by turn."""
    setting.tell(f"count: {APPLICATIONS} applications")
    with place() as here:
        ids, frames = begin(here)
        taken = compared(here, frames, setting.repeat, {"none": lambda: None, **ours(ids)})
        load.load(counts.made(plan(ids)))
        here.cost(frames, known=True)
        reads = [_read(here) for _ in range(setting.repeat)]
    return [
        Figure(NAMES[0], "ns", taken["all"], taken["none"], 1.0, Goal(1.25), beside="not counted"),
        Figure(NAMES[1], "ns", taken["others"], taken["none"], 1.0, Goal(1.15), beside="not counted"),
        Figure(NAMES[2], "ms", tuple(reads), (), 0.1, Goal(limit=100)),
    ]


def begin(here: Place) -> tuple[frozenset[int], Frames]:
    """Steer a thousand applications, and know some flows of each."""
    rules = [Rule(one + 1, f"a{one}", _selector(one)) for one in range(APPLICATIONS)]
    ids = {rule.application: number for number, rule in enumerate(rules, 2)}
    load.prepare(LAYOUT, here.netlink)
    MapWriter(LAYOUT.marks, here.netlink).steer(dict.fromkeys(ids.values(), 1))
    load.install(LAYOUT, Classifier(rules), ids, here.netlink)
    source = IPv4Address("192.0.2.100")
    packets = [
        Packet(source, IPv4Address(_FIRST + one), _UDP, 5000 + flow, 7000)
        for flow in range(FLOWS)
        for one in range(APPLICATIONS)
    ]
    frames = Frames([frame(one, here.target, SENDER) for one in packets])
    here.cost(frames, known=False)
    return frozenset(ids.values()), frames


def _selector(one: int) -> Selector:
    address = Interval(_FIRST + one, _FIRST + one)
    return Selector(family=4, destination=(address,), destination_port=(Interval(7000, 7000),), protocols=(_UDP,))


def plan(ids: frozenset[int]) -> Plan:
    """Return a plan by which these are counted."""
    return Plan(LAYOUT.marks, LAYOUT.link_devices, (), ids, counts.room(APPLICATIONS, len(LAYOUT.vids)))


def ours(ids: frozenset[int]) -> dict[str, Callable[[], None]]:
    """Return what has all of them counted, and what has one counted that nobody uses."""
    return {
        "all": lambda: load.load(counts.made(plan(ids))),
        "others": lambda: load.load(counts.made(plan(frozenset({60_000})))),
    }


def compared(
    here: Place, frames: Frames, repeat: int, variants: dict[str, Callable[[], None]]
) -> dict[str, tuple[float, ...]]:
    """Return what a packet costs with each of them, measured turn by turn; each begins with no table of counters."""
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeat):
        for name, make in variants.items():
            with suppress(DriverError):
                counts.remove(here.netlink)
            make()
            here.cost(frames, known=True)
            taken[name].append(_spent(here, frames))
    return {name: tuple(samples) for name, samples in taken.items()}


def _spent(here: Place, frames: Frames) -> float:
    """Return what a frame takes of the processor: the kernel does it all within the call that sends."""
    with here.lan.entered(), open_packet_socket("eth0") as thrower:
        began = time.thread_time_ns()
        frames.send(thrower.fileno())
        return (time.thread_time_ns() - began) / len(frames)


def _read(here: Place) -> float:
    """Return milliseconds of this process's time for reading everything; all of it must be there."""
    began = time.process_time()
    found = counts.read(here.netlink)
    took = (time.process_time() - began) * 1000
    assert len(found.sets[counts.OUT]) == APPLICATIONS
    return took
