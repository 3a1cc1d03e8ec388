"""The weight of a quick link: its round-trip time, and so much of its jitter."""

from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.weights.amounts import time_in_words
from linkbalancer.weights.view import View, falling


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """100 at a delay of `good` or less, 0 at `bad` or more; the delay is RTT + `jitter` x jitter.

    Unknown while no round-trip time is known. A jitter that is not known counts as none.
    """

    name: ClassVar[str] = "latency"

    good: Duration = 20 * MILLISECOND
    bad: Duration = 300 * MILLISECOND
    jitter: float = 2.0

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        rtt = view.metrics.rtt
        if rtt is None:
            return None
        return falling(rtt + self.jitter * (view.metrics.jitter or 0), self.good, self.bad)

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of."""
        known = (("rtt", view.metrics.rtt), ("jitter", view.metrics.jitter))
        return tuple(f"{name} {'unknown' if one is None else time_in_words(one)}" for name, one in known)
