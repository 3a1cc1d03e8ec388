"""The simulator's time: a heap of what happens when. Nothing here waits, and nothing happens between two entries."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TypeAlias

from linkbalancer.clock import Duration, Instant

Action: TypeAlias = Callable[[], None]

AT_ONCE_MAX = 2_000
"""How many entries one instant may have; more means that a machine names a deadline and does not meet it."""


class Standstill(Exception):  # noqa: N818 - it names what happened
    """Time does not pass any more."""


class Agenda:
    """Virtual time. `now` is the instant of the entry that runs; entries of one instant run in the order of arrival."""

    def __init__(self) -> None:
        self.now: Instant = 0
        self._heap: list[tuple[Instant, int, Action]] = []
        self._arrivals = 0
        self._at_once = 0

    def after(self, delay: Duration, action: Action) -> None:
        """Have something happen `delay` from now (never negative)."""
        assert delay >= 0, "nothing happens in the past"
        self._arrivals += 1
        heappush(self._heap, (self.now + delay, self._arrivals, action))

    def step(self, until: Instant) -> bool:
        """Do the next entry that is due by `until`; return False, with `now` at `until`, when there is none.

        Raises:
            Standstill: the present instant has too many entries.
        """
        if not self._heap or self._heap[0][0] > until:
            self.now = max(self.now, until)
            return False
        due, _, action = heappop(self._heap)
        self._at_once = self._at_once + 1 if due == self.now else 0
        if self._at_once > AT_ONCE_MAX:
            raise Standstill(f"more than {AT_ONCE_MAX} entries at {self.now} ns")
        self.now = due
        action()
        return True
