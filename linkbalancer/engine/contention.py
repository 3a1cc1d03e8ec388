"""How soon what others took away is put back: at once, but in a fight once a second, and said so.

What is taken away once is back before anybody misses it. Where another program takes the same thing away again and
again (a daemon that believes it to be its own to tidy), two programs at full speed would keep the kernel, and each
other, busy for ever: then it is put back at a pace, an alarm says who fights over what, and the status shows it until
nobody has touched the thing for a while.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, in_words

FREE: Final = 5
"""So often within `WINDOW` the same thing is put back at once; the next time it is a fight."""

WINDOW: Duration = 10 * SECOND

PACE: Duration = 1 * SECOND
"""How long a fighter has what he wants before it is put back."""

CALM: Duration = 60 * SECOND
"""So long untouched, and a fight is over."""

BREATH: Duration = 5 * MILLISECOND
"""How long after a look the next one may come at the earliest, whatever is taken away: a storm is mended in waves."""

THINGS_MAX: Final = 1000
"""Things that are remembered; of more, the one untouched for longest is forgotten."""


@dataclass(slots=True)
class _Thing:
    """What was taken away lately: when, by whom last, and since when it is fought over."""

    times: deque[Instant] = field(default_factory=lambda: deque(maxlen=FREE + 1))
    by: str = ""
    count: int = 0
    since: Instant | None = None


@dataclass(frozen=True, slots=True)
class Fight:
    """A fight: over what, with whom, since when, and how often it was taken away."""

    what: str
    by: str
    since: Instant
    count: int

    def sentence(self, now: Instant) -> str:
        """Say it, and what to do."""
        return (
            f"{self.by} takes away {self.what} again and again ({self.count} times in {in_words(now - self.since)}): "
            f"it is put back once in {in_words(PACE)} only; have the other program leave it alone (docs/self-heal.md)"
        )


class Contention:
    """What others took away, and how often."""

    def __init__(self) -> None:
        self._things: dict[str, _Thing] = {}
        self._looked: Instant | None = None

    def touched(self, now: Instant, what: str, by: str) -> tuple[Instant, Fight | None]:
        """Take in that something was taken away; return when to look, and the fight where one has just begun."""
        thing = self._things.pop(what, None) or _Thing()
        self._things[what] = thing  # last again
        if len(self._things) > THINGS_MAX:
            del self._things[next(iter(self._things))]
        thing.times.append(now)
        thing.by = by
        thing.count += 1
        if thing.since is not None:
            return max(now, (now if self._looked is None else self._looked) + PACE), None
        if len(thing.times) > FREE and now - thing.times[0] <= WINDOW:
            thing.since = thing.times[0]
            return now + PACE, Fight(what, by, thing.since, thing.count)
        return (now if self._looked is None else max(now, self._looked + BREATH)), None

    def looked(self, now: Instant) -> None:
        """Take in that everything was compared, and put back, now."""
        self._looked = now

    def over(self, now: Instant) -> list[str]:
        """Forget what was left alone for long enough; return what was fought over of it."""
        calm = [what for what, thing in self._things.items() if now - thing.times[-1] >= CALM]
        return [what for what in calm if self._things.pop(what).since is not None]

    def fights(self) -> list[Fight]:
        """Return the fights, the oldest first."""
        found = [
            Fight(what, thing.by, thing.since, thing.count)
            for what, thing in self._things.items()
            if thing.since is not None
        ]
        return sorted(found, key=lambda fight: (fight.since, fight.what))
