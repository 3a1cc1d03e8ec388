"""The local wall clock to the minute: the one thing that prices and data caps go by, handed in and never read here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

DAY_MINUTES: Final = 24 * 60
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, order=True)
class Wall:
    """A local date, and the minute of its day, 0..1439."""

    day: date
    minute: int

    @property
    def weekday(self) -> int:
        """Return 0 for Monday to 6 for Sunday."""
        return self.day.weekday()

    def period(self, resets: int) -> int:
        """Return the number of the billing month that begins on day `resets` (1..28) of each month."""
        month = self.day.year * 12 + self.day.month - 1
        return month if self.day.day >= resets else month - 1


@dataclass(frozen=True, slots=True)
class Hours:
    """From one minute of the day up to another; past midnight where the end is not after the start."""

    start: int = 0
    end: int = DAY_MINUTES

    def __contains__(self, minute: int) -> bool:
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of the week, 0 (Monday) to 6."""

    numbers: frozenset[int] = frozenset(range(7))

    def __contains__(self, number: int) -> bool:
        return number in self.numbers

    def __str__(self) -> str:
        return ",".join(_runs(sorted(self.numbers)))


EVERY_DAY: Final = Days()
ALL_DAY: Final = Hours()


def _runs(numbers: Iterable[int]) -> Iterable[str]:
    """Yield `mon-fri` for days in a row, each other day alone."""
    run: list[int] = []
    for number in (*numbers, None):
        if run and (number is None or number != run[-1] + 1):
            yield DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}"
            run = []
        if number is not None:
            run.append(number)
