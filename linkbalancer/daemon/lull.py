"""What can wait until packets go where they should: telling of it, and ending what cannot go there.

A gateway has few processors and may have a hundred processes of applications. What one of them tells at once, and the
agent and the recorder take in at once, holds up those that have not moved yet.
"""

from collections.abc import Callable

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.loop import boottime

EACH: Duration = 1 * MILLISECOND
LEAST: Duration = 5 * MILLISECOND
MOST: Duration = 100 * MILLISECOND
"""How long it waits: so long for each process that there is, within bounds."""


class Lull:
    """Things to be done in the order in which they came, a little later; a source of the loop.

    Args:
        processes: how many processes move at the same time.
    """

    def __init__(self, processes: int) -> None:
        self.length: Duration = min(max(LEAST, processes * EACH), MOST)
        self._waiting: list[Callable[[], None]] = []
        self._due: Instant | None = None

    def add(self, do: Callable[[], None]) -> None:
        """Have something done when the lull is over."""
        self._waiting.append(do)
        if self._due is None:
            self._due = boottime() + self.length

    def deadline(self) -> Instant | None:
        """Return when it is over (the loop asks)."""
        return self._due

    def expire(self, _now: Instant) -> None:
        """Do what has waited."""
        self.over()

    def over(self) -> None:
        """Do what has waited, now."""
        waiting, self._waiting, self._due = self._waiting, [], None
        for do in waiting:
            do()
