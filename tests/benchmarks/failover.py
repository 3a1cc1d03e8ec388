"""How long traffic between two sites stops when its link fails: with LVrrp, and with a script beside Keepalived."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.vrrp.timers import skew_time
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Series, Setting
from tests.benchmarks.linked import LinkedKeepalived, LinkedOurs, Maker, WatchingKeepalived
from tests.benchmarks.outages import AFTERMATH, sleep_until
from tests.benchmarks.sites import EVERY, FIRST, PRIORITIES, SUCCESSORS, Sites, built
from tests.interop.makers import Ours

INTERVALS_MS = (1000, 200)
PATIENCE_S = 60
FLOWS = ("there", "back")
NOISE_MS = 10
"""What the bound of a lost carrier leaves for everything but VRRP's skew and LVrrp's way over the link."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How the first link is lost, and with which gateways of Keepalived's, by the name of each figure."""

    name: str
    ports: tuple[str, ...]
    rivals: Mapping[str, Maker]

    def plug(self, sites: Sites, *, up: bool) -> None:
        """Lose the link, or give it back: by one message each, no program has to start."""
        for port in self.ports:
            sites.switch.set(port, up=up)


LOSSES = (
    # Both ends of one cable lose their carrier.
    Loss("carrier", ("b1-l", "f1-l"), {"failover carrier": LinkedKeepalived, "failover tracked": WatchingKeepalived}),
    # One of two converters in between fails: the near end sees it, and the far one hears nothing.
    Loss("one-end", ("b1-l",), {"failover one-end": LinkedKeepalived}),
    # The switch in between is down: nothing passes, and both ends keep their carrier.
    Loss("silent", ("l1",), {"failover silent": LinkedKeepalived}),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One repetition: the outages of loss and return, and (of ours) RTT and detect time before; in milliseconds."""

    outage: float
    way_back: float
    rtt: float
    detect: float


def jobs() -> list[Job]:
    """Return what can be measured of links."""
    return [_job(loss, interval_ms) for interval_ms in INTERVALS_MS for loss in LOSSES]


def _job(loss: Loss, interval_ms: int) -> Job:
    names = (*(f"{name} {interval_ms}ms" for name in loss.rivals), f"link-back {loss.name} {interval_ms}ms")
    return Job(names, lambda setting: _figures(loss, interval_ms, setting), alone=True)


def _figures(loss: Loss, interval_ms: int, setting: Setting) -> list[Figure]:
    """Measure one loss for all makers, side by side and at the same phases."""
    phases = setting.phases(f"{loss.name} {interval_ms}ms")
    makers: dict[str, Maker] = {"ours": LinkedOurs, **loss.rivals}

    def measured(name: str) -> list[Measured]:
        def build(files: Path) -> AbstractContextManager[Sites]:
            return _begun(makers[name], files, interval_ms)

        words = f"{loss.name} {interval_ms}ms {name if name == 'ours' else f'beside {name.rsplit(maxsplit=1)[-1]}'}"
        series = Series(
            words, build, lambda sites, phase: measure(sites, loss, phase), lambda one: f"{one.outage:.1f} ms"
        )
        return series.measured(setting, phases)

    with ThreadPoolExecutor(len(makers)) as pool:
        samples = dict(zip(makers, pool.map(measured, makers), strict=True))
    ours, terms = samples["ours"], _terms(loss, interval_ms, samples["ours"])
    goal, resolution = Goal(limit=terms["bound_ms"]), EVERY / MILLISECOND
    found = [
        Figure(f"{name} {interval_ms}ms", "ms", _outages(ours), _outages(samples[name]), resolution, goal, terms)
        for name in loss.rivals
    ]
    back = [tuple(one.way_back for one in samples[name]) for name in ("ours", next(iter(loss.rivals)))]
    return [*found, Figure(f"link-back {loss.name} {interval_ms}ms", "ms", back[0], back[1], resolution)]


def _outages(samples: Sequence[Measured]) -> tuple[float, ...]:
    return tuple(one.outage for one in samples)


def _terms(loss: Loss, interval_ms: int, ours: Sequence[Measured]) -> dict[str, float]:
    """Return what the bound is made of, and the bound: of a carrier that both ends lose, or of silence (design 9)."""
    skew = skew_time(PRIORITIES[SUCCESSORS[-1][-1]], interval_ms * MILLISECOND) / MILLISECOND
    rtt, detect = median(one.rtt for one in ours), median(one.detect for one in ours)
    bound = skew + 3 * rtt + NOISE_MS if loss.name == "carrier" else detect + interval_ms
    return {"skew_ms": round(skew, 1), "rtt_ms": round(rtt, 3), "detect_ms": detect, "bound_ms": round(bound, 1)}


@contextmanager
def _begun(maker: Maker, files: Path, interval_ms: int) -> Iterator[Sites]:
    """Build the place, start all gateways, and wait until the first link carries everything."""
    with built(maker, files, interval_ms) as sites:
        for gateway in sites.gateways.values():
            gateway.start()
        sites.await_masters(FIRST, PATIENCE_S)
        yield sites


def measure(sites: Sites, loss: Loss, phase: float) -> Measured:
    """Lose the first link at a phase (0 to 1) of the far Master's advert interval; return what it cost, all healed."""
    rtt, detect = _of_the_link(sites)
    sleep_until(sites.advert_of(FIRST[-1]) + round(phase * sites.interval))
    struck = time.monotonic_ns()
    loss.plug(sites, up=False)
    sites.await_masters(SUCCESSORS, PATIENCE_S)
    sleep_until(time.monotonic_ns() + AFTERMATH)
    outage = _worst(sites, struck)
    healed = time.monotonic_ns()
    loss.plug(sites, up=True)
    sites.await_masters(FIRST, PATIENCE_S)
    sleep_until(time.monotonic_ns() + AFTERMATH)
    return Measured(outage, _worst(sites, healed), rtt, detect)


def _of_the_link(sites: Sites) -> tuple[float, float]:
    """Return RTT and detect time of the first link in milliseconds, as ours say; zeros of Keepalived."""
    gateway = sites.gateways[FIRST[0]]
    if not isinstance(gateway, Ours):
        return 0.0, 0.0
    (link,) = gateway.status()["links"].values()
    return link["rtt_ms"], link["detect_ms"]


def _worst(sites: Sites, since: Instant) -> float:
    """Return the longer outage of both directions: they are whole again when both ends have moved."""
    longest = sites.traffic.longest(since, time.monotonic_ns())
    return max(longest[flow] for flow in FLOWS) / MILLISECOND
