"""How long traffic stops when a gateway does: the same faults, at the same phases, for both makers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from tests.benchmarks.crossing import LANS, Crossing
from tests.benchmarks.figures import Goal

MASTER, BACKUP = "g1", "g2"
THROUGH, VIRTUAL = ("there", "back"), ("virtual",)
AFTERMATH: Duration = 700 * MILLISECOND
"""How much longer an outage may begin after all looks well: neighbours that wait to be resolved (baseline, trap ii)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the Master; `successor` whether the other takes over, `heal` how it comes back (None: by itself).

    `flows` is what the outage is measured by; `returns` whether the way back is a figure of its own.
    """

    name: str
    strike: Callable[[Crossing], None]
    heal: Callable[[Crossing], None] | None
    successor: bool
    flows: tuple[str, ...]
    returns: bool = False
    goals: Mapping[int, Goal] = field(default_factory=dict)


def _legs(crossing: Crossing, *devices: str, up: bool) -> None:
    for device in devices:
        crossing.switch.set(f"{MASTER}-{device}", up=up)


def _die(crossing: Crossing) -> None:
    _legs(crossing, *LANS, up=False)
    crossing.gateways[MASTER].kill()


def _boot(crossing: Crossing) -> None:
    crossing.reboot(MASTER)
    _legs(crossing, *LANS, up=True)
    crossing.gateways[MASTER].start()


def _lose_carrier(crossing: Crossing) -> None:
    _legs(crossing, "eth0", up=False)


def _gain_carrier(crossing: Crossing) -> None:
    _legs(crossing, "eth0", up=True)


def _stop(crossing: Crossing) -> None:
    crossing.gateways[MASTER].stop()


def _start(crossing: Crossing) -> None:
    crossing.gateways[MASTER].start()


def _kill_and_start(crossing: Crossing) -> None:
    crossing.gateways[MASTER].kill()
    crossing.gateways[MASTER].start()


def _restart(crossing: Crossing) -> None:
    crossing.gateways[MASTER].restart()


_SMALL = {10: Goal(margin=15)}
"""At 10 ms the noise of a virtual machine is larger than the figure."""
_TAKE_OVER = {1000: Goal(1.05), 100: Goal(1.05)} | _SMALL
_LINK_LOSS = {1000: Goal(0.3), 100: Goal(0.3)} | _SMALL
_NO_GAP = {1000: Goal(0.05), 100: Goal(0.1)} | _SMALL
"""The virtual IP answers all the time: nothing but the machine's own noise is left of the peer's gap."""
FAULTS = {
    fault.name: fault
    for fault in (
        Fault("death", _die, _boot, successor=True, flows=THROUGH, returns=True, goals=_TAKE_OVER),
        Fault("carrier", _lose_carrier, _gain_carrier, successor=True, flows=THROUGH, returns=True, goals=_LINK_LOSS),
        Fault("stop", _stop, _start, successor=True, flows=VIRTUAL, goals=_NO_GAP),
        Fault("restart", _restart, None, successor=False, flows=VIRTUAL, goals=_NO_GAP),
        Fault("kill-start", _kill_and_start, None, successor=False, flows=VIRTUAL, goals=_NO_GAP),
    )
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One repetition: the outage, and the outage of the way back (None where that is no figure), in milliseconds."""

    outage: float
    way_back: float | None


def begin(crossing: Crossing) -> None:
    """Start both gateways and wait until the better one is Master."""
    for gateway in crossing.gateways.values():
        gateway.start()
    crossing.await_master(MASTER, _patience(crossing))


def measure(crossing: Crossing, fault: Fault, phase: float) -> Measured:
    """Strike at a phase (0 to 1) of the Master's advert interval; return what it cost, with all healed again."""
    patience = _patience(crossing)
    at = crossing.advert_of(f"{MASTER}-eth0") + round(phase * crossing.interval)
    sleep_until(at)
    struck = time.monotonic_ns()
    fault.strike(crossing)
    crossing.await_master(BACKUP if fault.successor else MASTER, patience)
    sleep_until(time.monotonic_ns() + AFTERMATH)
    outage = _worst(crossing, fault.flows, struck)
    way_back = None
    if fault.heal is not None:
        healed = time.monotonic_ns()
        fault.heal(crossing)
        crossing.await_master(MASTER, patience)
        sleep_until(time.monotonic_ns() + AFTERMATH)
        way_back = _worst(crossing, THROUGH, healed)
    return Measured(outage, way_back if fault.returns else None)


def _worst(crossing: Crossing, flows: tuple[str, ...], since: Instant) -> float:
    longest = crossing.traffic.longest(since, time.monotonic_ns())
    return max(longest[flow] for flow in flows) / MILLISECOND


def _patience(crossing: Crossing) -> float:
    return 20 + 8 * crossing.interval / SECOND


def sleep_until(at: Instant) -> None:
    """Sleep, and be awake when the instant comes."""
    left = at - time.monotonic_ns()
    if left > 2 * MILLISECOND:
        time.sleep((left - MILLISECOND) / SECOND)
    while time.monotonic_ns() < at:  # the last millisecond awake: a sleep would end anywhere in the next
        pass
