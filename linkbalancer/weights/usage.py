"""How much a link has carried since a billing month began, reckoned from its rates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from linkbalancer.clock import SECOND, Instant
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.wall import Wall

GAP_MAX: Final = 60 * SECOND
"""A rate says nothing of a longer time than this."""


@dataclass(frozen=True, slots=True)
class Month:
    """Bytes carried in one billing month."""

    period: int
    carried: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """The billing months in course, by the day of the month on which each begins, and when rates were last heard."""

    months: Mapping[int, Month] = field(default_factory=dict)
    at: Instant | None = None

    def measured(self, now: Instant, metrics: Metrics) -> "Usage":
        """Return it with what was carried since rates were last heard, both ways.

        An unknown direction counts as none.
        """
        rate = sum(one for one in (metrics.outward.rate, metrics.inward.rate) if one is not None)
        elapsed = 0 if self.at is None else min(max(now - self.at, 0), GAP_MAX)
        carried = rate / 8 * elapsed / SECOND
        months = {day: replace(one, carried=one.carried + carried) for day, one in self.months.items()}
        return Usage(months, now)

    def dated(self, wall: Wall, resets: Iterable[int]) -> "Usage":
        """Return it for just these days of the month; a month that is over begins again at nothing.

        A clock that was set back does not begin one: what is counted is kept until a later month comes.
        """
        months = {}
        for day in resets:
            period, one = wall.period(day), self.months.get(day)
            months[day] = one if one is not None and one.period >= period else Month(period)
        return Usage(months, self.at)

    @property
    def used(self) -> dict[int, float]:
        """Bytes by the day on which the month begins."""
        return {day: one.carried for day, one in self.months.items()}
