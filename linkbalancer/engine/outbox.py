"""An outbox: what one notification still has to tell, in order, bounded, and again after a while where it fails.

    Told     ->  waits, behind everything that happened before it
    Deliver  <-  the first of them, one at a time
    Ended    ->  delivered; or tried again later, each time twice as late; or given up

News of one thing that wait together are one: the newest, at its own place, so that nothing is ever told before what
happened before it. What fails belongs to the receiver, not to the news: the pause grows with every failure in a row.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.news import News

PAUSE_MAX: Duration = 300 * SECOND
"""The longest pause between two tries."""

RECEIVER: Duration = 1 * SECOND
"""How soon a receiver that was not there is looked for again (a FIFO that nobody reads)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many news wait at most, how often one is tried again, after which first pause; and whether news merge."""

    queue: int
    retries: int
    retry_after: Duration
    coalesce: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Something happened that is to be told."""

    news: News


@dataclass(frozen=True, slots=True)
class Ended:
    """A try is over; `away`: there is nobody to take it yet, which is no failure."""

    good: bool
    away: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has come."""


Event: TypeAlias = Told | Ended | Tick


@dataclass(frozen=True, slots=True)
class Deliver:
    """Try to tell it, for the so many-th time."""

    news: News
    tries: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It was tried often enough: nobody is told."""

    news: News
    tries: int


Effect: TypeAlias = Deliver | GivenUp


@dataclass(slots=True)
class Counts:
    """What became of news so far."""

    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    merged: int = 0
    dropped: int = 0


@dataclass(slots=True)
class Outbox:
    """The machine of one notification; `counts` may be read by anybody."""

    limits: Limits
    counts: Counts = field(default_factory=Counts)
    _waiting: "OrderedDict[tuple[str, ...], News]" = field(default_factory=OrderedDict)
    _busy: News | None = None
    _tries: int = 0
    _failures: int = 0
    _resting: Instant | None = None
    _serial: int = 0

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what must be done, in order."""
        effects: list[Effect] = []
        match event:
            case Told(news):
                self._add(news)
            case Ended(good, away):
                effects += self._end(now, good=good, away=away)
            case Tick():
                pass
            case _:
                assert_never(event)
        return [*effects, *self._next(now)]

    def deadline(self) -> Instant | None:
        """Return when the next try is due, None when there is nothing to try, or a try goes on."""
        return self._resting if self._busy is None and self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting) + (self._busy is not None)

    def waiting(self) -> list[News]:
        """Return what is not told yet, oldest first; what is being told is not told yet."""
        return [*([] if self._busy is None else [self._busy]), *self._waiting.values()]

    def keep(self, some: Iterable[News]) -> None:
        """Have what an earlier one left, before anything else."""
        for news in some:
            self._add(news)

    def _add(self, news: News) -> None:
        key = self._key(news)
        older = self._waiting.pop(key, None)
        if older is not None:
            self.counts.merged += 1
            news = news.over(older)
        self._waiting[key] = news
        while len(self._waiting) > self.limits.queue:
            self._waiting.popitem(last=False)
            self.counts.dropped += 1

    def _key(self, news: News) -> tuple[str, ...]:
        if self.limits.coalesce:
            return news.key
        self._serial += 1
        return (str(self._serial),)

    def _next(self, now: Instant) -> list[Effect]:
        """Try the first, unless a try goes on, or the receiver is to be left alone for a while."""
        if self._busy is not None or not self._waiting or (self._resting is not None and now < self._resting):
            return []
        key, news = next(iter(self._waiting.items()))
        del self._waiting[key]
        self._busy, self._resting = news, None
        return [Deliver(news, self._tries + 1)]

    def _end(self, now: Instant, *, good: bool, away: bool) -> list[Effect]:
        news, self._busy = self._busy, None
        if news is None:
            return []
        if good:
            self.counts.delivered += 1
            self._tries = self._failures = 0
            return []
        if away:
            self._resting = now + RECEIVER
            self._put_back(news)
            return []
        self.counts.failed += 1
        self._tries += 1
        self._resting = now + min(self.limits.retry_after << min(self._failures, 40), PAUSE_MAX)
        self._failures += 1
        if self._tries > self.limits.retries:
            tries, self._tries = self._tries, 0
            self.counts.given_up += 1
            return [GivenUp(news, tries)]
        self._put_back(news)
        return []

    def _put_back(self, news: News) -> None:
        """Have it wait at the head again, unless newer news of the same have come meanwhile: those say more."""
        key = self._key(news)
        newer = self._waiting.get(key)
        if newer is not None:
            self.counts.merged += 1
            self._waiting[key] = newer.over(news)
            self._tries = 0
            return
        self._waiting[key] = news
        self._waiting.move_to_end(key, last=False)
