"""The one shape of everything that decides: input and time in, effects and a deadline out.

A machine reads no clock, opens no socket, draws no lot and writes no log. It is told `now`, it is handed its source
of chance, and what it wants done it returns as values. That is why the daemon, the simulator and the recordings in the
tests can run the very same machines.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from linkbalancer.clock import Instant

EventT_contra = TypeVar("EventT_contra", contravariant=True)
EffectT_co = TypeVar("EffectT_co", covariant=True)


class Machine(Protocol[EventT_contra, EffectT_co]):
    """A state machine without I/O, clock or chance of its own."""

    def handle(self, now: Instant, event: EventT_contra) -> Sequence[EffectT_co]:
        """Take one event; return, in order, what the world must do about it."""

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`, or None to wait for other events alone."""


class Chance(Protocol):
    """Where a machine's random draws come from: `random.Random(seed)` in the simulator, the system's in the daemon."""

    def randrange(self, start: int, stop: int, /) -> int:
        """Return an integer, uniformly drawn, with start <= it < stop."""

    def getrandbits(self, bits: int, /) -> int:
        """Return an integer of so many random bits."""
