"""How long the supervisor waits for what."""

from dataclasses import dataclass

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.engine.supervision import AGENT, ASIDE, CANDIDATE, NOTIFIER, ZYGOTE, Word

CALM = ASIDE | {ZYGOTE, CANDIDATE}
"""Who says less often that it is alive: neither adverts nor applications stand still while it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the supervisor waits for what, and how often a child may die.

    `birth`: from fork to the first word (it covers imports and loading a large classifier). `silence`: between two
    beats; `calm`: of those that no packet depends on. `leave`, `obey`: until an asked child has ended (`leave`: it
    hands over masterships first; `farewell`: it tells that the service ends). `death`: until a killed child is gone.
    Restarts: the first one at once, then after `delay` doubling up to `delay_max`; `health` of life resets that.
    `deaths` of them within `window`: the child is left down for `rest`.
    """

    birth: Duration = 60 * SECOND
    silence: Duration = 2 * SECOND
    calm: Duration = 15 * SECOND
    leave: Duration = 6 * SECOND
    obey: Duration = 1 * SECOND
    farewell: Duration = 3 * SECOND
    death: Duration = 10 * SECOND
    delay: Duration = 100 * MILLISECOND
    delay_max: Duration = 5 * SECOND
    health: Duration = 10 * SECOND
    deaths: int = 10
    window: Duration = 60 * SECOND
    rest: Duration = 30 * SECOND

    def between_beats(self, name: str) -> Duration:
        """Return how long a child may be silent."""
        return self.calm if name in CALM else self.silence

    def for_end(self, name: str) -> tuple[Word, Duration]:
        """Return what a child is told that is wanted no more, and how long its end may take."""
        if name == AGENT:
            return Word.LEAVE, self.leave
        return Word.END, self.farewell if name == NOTIFIER else self.obey
