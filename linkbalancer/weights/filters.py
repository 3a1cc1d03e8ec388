"""Smoothing: how single readings become figures that a decision may rest on.

What a counter counted between two readings is all there was, so its rate over that interval is exact, and no burst is
missed between two looks. Rates are then averaged with weights that fade exponentially over `TIME_CONSTANT`: the one
filter that needs no memory beyond its value, is exact for intervals of any length (two readings weigh as much as the
one that they could have been), and never overshoots. What an average cannot show, the busiest moment, stands beside it
as a peak over `PEAK_WINDOW`.
"""

from collections import deque
from math import expm1
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant

TIME_CONSTANT: Final[Duration] = 5 * SECOND
"""After so long, 63 % of a lasting change are believed; after three times as long, 95 %."""

PEAK_WINDOW: Final[Duration] = 60 * SECOND
"""So long a peak is remembered."""


class Smoothed:
    """A moving average with exponentially fading weights; `value` is None before anything is known."""

    def __init__(self, time_constant: Duration = TIME_CONSTANT) -> None:
        self.value: float | None = None
        self._time_constant = time_constant

    def take(self, value: float, lasted: Duration) -> None:
        """Take in what was so for a while; the first is believed as it is."""
        if self.value is None:
            self.value = value
        else:
            self.value -= (value - self.value) * expm1(-lasted / self._time_constant)

    def forget(self) -> None:
        """Know nothing again."""
        self.value = None


class Peak:
    """The greatest of what was taken in over a window that moves with time."""

    def __init__(self, window: Duration = PEAK_WINDOW) -> None:
        self._window = window
        self._falling: deque[tuple[Instant, float]] = deque()

    def take(self, now: Instant, value: float) -> None:
        """Take in one more."""
        while self._falling and self._falling[-1][1] <= value:
            self._falling.pop()
        self._falling.append((now, value))
        while now - self._falling[0][0] >= self._window:
            self._falling.popleft()

    @property
    def value(self) -> float | None:
        """The greatest, as of the latest; None where nothing is known."""
        return self._falling[0][1] if self._falling else None

    def forget(self) -> None:
        """Know nothing again."""
        self._falling.clear()


class Rate:
    """How fast a counter counts, a second: smoothed, and the peak of single intervals."""

    def __init__(self, scale: int = 1) -> None:
        """Begin; each count stands for `scale`."""
        self._scale = scale
        self._last: tuple[Instant, int] | None = None
        self._smoothed, self._peak = Smoothed(), Peak()

    def take(self, now: Instant, count: int) -> None:
        """Take in a reading; a counter that ran backwards is another one, with which everything begins anew."""
        if self._last is None or count < self._last[1]:
            self.forget()
            self._last = now, count
            return
        lasted = now - self._last[0]
        if lasted <= 0:
            return
        rate = (count - self._last[1]) * self._scale * SECOND / lasted
        self._last = now, count
        self._smoothed.take(rate, lasted)
        self._peak.take(now, rate)

    @property
    def value(self) -> float | None:
        """The smoothed rate; None before two readings."""
        return self._smoothed.value

    @property
    def peak(self) -> float | None:
        """The rate of the busiest interval."""
        return self._peak.value

    def forget(self) -> None:
        """Know nothing again, not even the last reading."""
        self._last = None
        self._smoothed.forget()
        self._peak.forget()
