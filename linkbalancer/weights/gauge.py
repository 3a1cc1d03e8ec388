"""The gauge of one link: readings of its device go in, and how busy it is in each direction comes out."""

from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import Duration, Instant
from linkbalancer.weights.filters import Rate, Smoothed
from linkbalancer.weights.metrics import Lane, Metrics

BITS: Final = 8
"""Of the bytes that devices count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A device as it is at an instant.

    `index` tells it from another one of the same name, `received` and `sent` are bytes, `dropped` the packets that it
    or its queue did not send, `backlog` the bytes that wait in its queue (None: it has none), `speed` what its hardware
    says that it can do, in bits per second (None: nobody says).
    """

    index: int
    received: int
    sent: int
    dropped: int
    backlog: int | None = None
    speed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What is configured of a link: bits per second that leave, and that come in."""

    outward: int
    inward: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """The busiest interval of late in each direction, in bits per second."""

    outward: float | None = None
    inward: float | None = None


class Gauge:
    """What one end measures of a link at its own device; a configured capacity is believed before the device's."""

    def __init__(self, capacity: Capacity | None = None) -> None:
        self._configured = capacity
        self._sent, self._received, self._dropped = Rate(BITS), Rate(BITS), Rate()
        self._backlog = Smoothed()
        self._last: Reading | None = None
        self._at: Instant = 0

    def take(self, now: Instant, reading: Reading | None) -> None:
        """Take in a reading; without one, or with that of another device, what was known is forgotten."""
        if reading is None or self._last is None or reading.index != self._last.index:
            for one in (self._sent, self._received, self._dropped, self._backlog):
                one.forget()
        lasted, self._at, self._last = now - self._at, now, reading
        if reading is None:
            return
        self._sent.take(now, reading.sent)
        self._received.take(now, reading.received)
        self._dropped.take(now, reading.dropped)
        self._wait(reading.backlog, lasted)

    def _wait(self, backlog: int | None, lasted: Duration) -> None:
        if backlog is None:
            self._backlog.forget()
        else:
            self._backlog.take(backlog, lasted)

    @property
    def metrics(self) -> Metrics:
        """What is known of both directions; drops and backlog are the sender's to know."""
        outward, inward = self._capacity()
        return Metrics(
            outward=Lane(
                rate=self._sent.value, capacity=outward, backlog=self._backlog.value, drops=self._dropped.value
            ),
            inward=Lane(rate=self._received.value, capacity=inward),
        )

    @property
    def peaks(self) -> Peaks:
        """The busiest intervals."""
        return Peaks(outward=self._sent.peak, inward=self._received.peak)

    def _capacity(self) -> tuple[float | None, float | None]:
        if self._configured is not None:
            return float(self._configured.outward), float(self._configured.inward)
        speed = None if self._last is None or self._last.speed is None else float(self._last.speed)
        return speed, speed
