"""How a simulated network weighs its links, and what must come of it.

What a weight, a share of it and a priority are is reckoned here once more, as docs/weights.md has it, and not asked of
the engine: a judge that asked the engine would believe whatever it says.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration
from linkbalancer.weights.metrics import Lane, Metrics

GOOD_MS, BAD_MS = 2, 14
"""Delays of so little and so much are worth 100 and 0; none here makes a link so long that its detect time grows."""
LOSS_MAX: Final = 0.1
"""A loss of so much is worth 0."""
BEST: Final = 100e6
"""So many bits a second are worth 100."""
BUSY: Final = 0.8
"""Up to such a load a VID is not driven away by what it brought."""
SMOOTHING: Final[Duration] = 5 * SECOND
"""The time constant by which rates are believed; whatever turns back within it may be a consequence."""
TURNS_MAX: Final = 5
"""A weight that turned back so often stands still."""
TRIP_MAX: Final[Duration] = 6 * MILLISECOND

LATENCY = f"latency: {{good: {GOOD_MS}ms, bad: {BAD_MS}ms, jitter: 0}}"
LOSS = f"loss: {{bad: {LOSS_MAX:.0%}}}"
BANDWIDTH = "available-bandwidth: {best: 100Mbit}"
FUNCTIONS: Final = {
    "latency": LATENCY,
    "loss": LOSS,
    "available-bandwidth": BANDWIDTH,
    "composite": f"{LATENCY}, {LOSS}, {BANDWIDTH}, composite: {{latency: 1, loss: 2, available-bandwidth: 1}}",
    "expression": "expression: 'if(loss > 8%, 0.5, min(scale(rtt, 14ms, 2ms), 100 * free / 100Mbit))'",
}
"""The functions that are drawn, each with its parameters."""
BY_RTT: Final = frozenset({"latency", "composite", "expression"})
"""Those of them that LVrrp's own measure of the round trip goes into."""
BY_LOAD: Final = frozenset({"available-bandwidth", "composite", "expression"})
"""Those whose VIDs hold still for half a hold time more each."""
STEPS: Final = ((0, 10), (20, 60), (40, 100), (60, 140), (80, 200))
MAPPINGS: Final = ("linear", "logarithmic", "steps")
SPREADS: Final = ("none", "even", "weighted")
DAMPING: Final = "{half_life: 4s, suppress: 2, reuse: 1, longest: 10s}"
DAMPED: Final[Duration] = 10 * SECOND
"""So long a link that flapped is of no use at most."""


Choice: TypeAlias = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is true of a link: how long a datagram takes, the share that is lost, bits a second that fit and that run.

    `rate_in` and `capacity_in`: towards the near end, where that is another one; all else is the same in both
    directions. The loss is what hosts say that they measure: nothing is lost by it here.
    """

    trip: Duration = MILLISECOND
    loss: float = 0.0
    capacity: float = BEST
    rate: float = 0.0
    capacity_in: float | None = None
    rate_in: float | None = None

    @property
    def lanes(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Rate and capacity, to the far end and from there."""
        capacity_in = self.capacity if self.capacity_in is None else self.capacity_in
        return (self.rate, self.capacity), (self.rate if self.rate_in is None else self.rate_in, capacity_in)

    @property
    def free(self) -> float:
        """What runs beside all that runs already, in the direction that has less room."""
        return min(max(capacity - rate, 0.0) for rate, capacity in self.lanes)

    @property
    def metrics(self) -> Metrics:
        """What the hosts at its ends measure; the round trip they leave to LVrrp's own timestamps."""
        outward, inward = (
            Lane(rate=rate, capacity=capacity, loss=self.loss, backlog=0.0, drops=0.0) for rate, capacity in self.lanes
        )
        return Metrics(outward=outward, inward=inward, loss=self.loss)

    def worse(self, other: "Figures") -> "Figures":
        """Return the worse of two in everything."""
        return self._chosen(other, max, min)

    def better(self, other: "Figures") -> "Figures":
        """Return the better of two in everything."""
        return self._chosen(other, min, max)

    def _chosen(self, other: "Figures", less: Choice, more: Choice) -> "Figures":
        (rate, capacity), (rate_in, capacity_in) = (
            (less(one[0], another[0]), more(one[1], another[1]))
            for one, another in zip(self.lanes, other.lanes, strict=True)
        )
        trip, loss = round(less(self.trip, other.trip)), less(self.loss, other.loss)
        return Figures(
            trip,
            loss,
            capacity,
            rate,
            None if capacity_in == capacity else capacity_in,
            None if rate_in == rate else rate_in,
        )

    def longer(self, by: Duration) -> "Figures":
        """Return the like with a longer way."""
        return replace(self, trip=max(0, self.trip + by))

    def busier(self, by: float) -> "Figures":
        """Return the like with so many bits a second more each way, and as much more of its loss."""
        (rate, _), (rate_in, _) = self.lanes
        loss = max(self.loss + by / BEST * LOSS_MAX, 0.0)
        return replace(self, loss=loss, rate=max(rate + by, 0.0), rate_in=max(rate_in + by, 0.0))

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        (rate, capacity), (rate_in, capacity_in) = self.lanes
        lanes = f"{rate / 1e6:.1f} of {capacity / 1e6:.0f} Mbit/s"
        if (rate, capacity) != (rate_in, capacity_in):
            lanes += f" out, {rate_in / 1e6:.1f} of {capacity_in / 1e6:.0f} in"
        return f"{self.trip // MICROSECOND} us one way, loss {self.loss:.1%}, {lanes}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How all near gateways weigh their links."""

    function: str = "latency"
    hysteresis: int = 5
    hold_ms: int = 1000
    mapping: str = "linear"
    spread: str = "none"
    damping: bool = False

    @property
    def text(self) -> str:
        """The value of `weight` in a configuration."""
        mapping = f"{{kind: steps, steps: {dict(STEPS)}}}" if self.mapping == "steps" else self.mapping
        return (
            f"{{function: {self.function}, {FUNCTIONS[self.function]}, hysteresis: {self.hysteresis}, "
            f"hold: {self.hold_ms}ms, mapping: {mapping}, spread: {self.spread}, "
            f"damping: {DAMPING if self.damping else '{active: false}'}}}"
        )

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        rest = f"spread {self.spread}, damping {'on' if self.damping else 'off'}"
        return f"{self.function}, hysteresis {self.hysteresis}, hold {self.hold_ms} ms, {self.mapping}, {rest}"

    def hold(self, place: int) -> Duration:
        """Return how long a weight of the VID in that place of a link's stands before it may change again."""
        half_holds = 2 + (place if self.function in BY_LOAD else 0)
        return self.hold_ms * MILLISECOND * half_holds // 2

    def least(self, turns: int) -> float:
        """Return by how much a weight changes at least that turned back so often of late."""
        return self.hysteresis << turns if turns < TURNS_MAX else math.inf

    @property
    def changes_max(self) -> int:
        """How often a weight changes at most while nothing else does: by so much or more, and half as often each time.

        Between two turns it goes one way, and not beyond 0 or 100.
        """
        return 2 * 100 // self.hysteresis + TURNS_MAX + 1

    def turns(self, place: int, before: int, stood: Duration) -> int:
        """Return how many turns of a weight that has stood so long are not forgotten yet."""
        return max(before - stood // (max(self.hold(place), SMOOTHING) << (TURNS_MAX + 1)), 0)

    def weight(self, figures: Figures, *, mastered: bool, masters: int) -> float:
        """Return what a link is worth for a VID that the far end masters on it, or not, among so many."""
        rtt, loss = 2 * figures.trip / MILLISECOND, figures.loss
        quick = _line(rtt, GOOD_MS, BAD_MS)
        clean = _line(loss, 0.0, LOSS_MAX)
        match self.function:
            case "latency":
                return quick
            case "loss":
                return clean
            case "available-bandwidth":
                return _room(figures, mastered=mastered, masters=masters)
            case "composite":
                room = _room(figures, mastered=mastered, masters=masters)
                return math.prod((quick, clean, clean, room)) ** (1 / 4)
            case _:
                return 0.5 if loss > 0.08 else min(quick, 100 * min(figures.free / BEST, 1.0))

    def share(self, weight: float, before: int) -> float:
        """Return what is left of a weight where the link masters so many of the VIDs that come first."""
        if self.spread == "none":
            return weight
        if self.spread == "weighted" or weight < 1:
            return weight / (before + 1)
        high, below = 100 / (before + 1), 100 / (before + 2)
        low = below + 0.2 * (high - below)
        return low + (high - low) * weight / 100

    def priority(self, weight: float) -> int:
        """Return the far priority that a weight comes to."""
        match self.mapping:
            case "linear":
                return 2 + int(252 * weight / 100)
            case "logarithmic":
                return 2 + min(int(252 * (math.log1p(weight) / math.log1p(100))), 252)
            case _:
                return max(priority for step, priority in STEPS if step <= weight)


def _line(value: float, good: float, bad: float) -> float:
    return 100 * max(0.0, min(1.0, (bad - value) / (bad - good)))


def _room(figures: Figures, *, mastered: bool, masters: int) -> float:
    free = min(
        capacity if mastered and (masters == 1 or rate <= BUSY * capacity) else max(capacity - rate, 0.0)
        for rate, capacity in figures.lanes
    )
    return 1 + 99 * min(free / BEST, 1.0)
