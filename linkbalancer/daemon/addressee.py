"""An addressee: one notification at work. Its outbox decides, its courier tells, and every try becomes a record."""

from collections import deque
from collections.abc import Iterable
from typing import Any, assert_never

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant, in_words
from linkbalancer.daemon.courier import Courier, Receiver, stamp
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.recording import Recording
from linkbalancer.drivers.notices.outcome import Outcome
from linkbalancer.engine import outbox
from linkbalancer.engine.news import News
from linkbalancer.engine.outbox import Counts, Limits, Outbox

RECORD = "notified"
"""The kind of the records: a try to tell somebody."""


class Addressee:
    """One notification; a source of the loop, for what is tried again.

    Args:
        loop: what turns.
        receiver: who is told, and how.
        recording: where each try is remembered.
        counts: what an earlier one has counted.
    """

    def __init__(self, loop: Loop, receiver: Receiver, recording: Recording, counts: Counts | None = None) -> None:
        to = receiver.notification
        self._loop, self._receiver, self._recording = loop, receiver, recording
        self._outbox = Outbox(Limits(to.queue, to.retries, to.retry_after, to.coalesce), counts or Counts())
        self._courier = Courier(loop, receiver, self._ended)
        self._events: deque[outbox.Event] = deque()
        self._telling: tuple[News, int] | None = None
        self._taking = self._away = False
        self.last: dict[str, Any] | None = None
        loop.watch(self)

    def wants(self, news: News) -> bool:
        """Return whether it is to be told of this."""
        to = self._receiver.notification
        asked = to.groups is None or news.group is None or news.group in map(str, to.groups)
        return asked and news.topic in to.topics

    def tell(self, now: Instant, news: News) -> None:
        """Have it told, in its turn."""
        self._take(now, outbox.Told(news))

    def keep(self, now: Instant, some: Iterable[News]) -> None:
        """Have told what an earlier notifier left."""
        self._outbox.keep(some)
        self._take(now, outbox.Tick())

    def waiting(self) -> list[News]:
        """Return what is not told yet."""
        return self._outbox.waiting()

    @property
    def counts(self) -> Counts:
        """What became of news so far."""
        return self._outbox.counts

    @property
    def busy(self) -> bool:
        """Whether somebody is being told just now, or could be at once."""
        return self._telling is not None

    def describe(self) -> dict[str, Any]:
        """Return how it goes, JSON-able."""
        counts = self._outbox.counts
        return {
            "way": self._receiver.notification.way,
            "waiting": len(self._outbox),
            "delivered": counts.delivered,
            "failed": counts.failed,
            "given_up": counts.given_up,
            "merged": counts.merged,
            "dropped": counts.dropped,
            "last": self.last,
        }

    def close(self) -> None:
        """Tell nobody any more; what waits is still `waiting`."""
        self._courier.close()

    def deadline(self) -> Instant | None:
        """Return when something is tried again (the loop asks)."""
        return self._outbox.deadline()

    def expire(self, now: Instant) -> None:
        """Try again."""
        self._take(now, outbox.Tick())

    def _take(self, now: Instant, event: outbox.Event) -> None:
        """Take an event; what it leads to at once is taken in the same go, one after the other."""
        self._events.append(event)
        if self._taking:
            return
        self._taking = True
        while self._events:
            for effect in self._outbox.handle(now, self._events.popleft()):
                self._perform(now, effect)
        self._taking = False

    def _perform(self, now: Instant, effect: outbox.Effect) -> None:
        match effect:
            case outbox.Deliver(news, tries):
                self._telling = news, tries
                self._courier.tell(now, news)
            case outbox.GivenUp(news, tries):
                self._record(news, f"given up after {tries} tries: nobody was told of {_what(news)}", good=False)
            case _:
                assert_never(effect)

    def _ended(self, now: Instant, outcome: Outcome, took: Duration) -> None:
        assert self._telling is not None
        (news, tries), self._telling = self._telling, None
        if not outcome.away or not self._away:
            done = "told of" if outcome.good else "waits with" if outcome.away else "not told of"
            self.last = {"at": stamp(now), "good": outcome.good, "text": f"{done} {_what(news)}: {outcome.text}"}
            self._record(
                news,
                f"{self.last['text']} ({in_words(took // MICROSECOND * MICROSECOND)})",
                good=outcome.good,
                tries=tries,
                took_ms=took // MILLISECOND,
                merged=news.merged,
            )
        self._away = outcome.away
        self._take(now, outbox.Ended(outcome.good, outcome.away))

    def _record(self, news: News, text: str, *, good: bool, **facts: int) -> None:
        about = {key: one for key, one in news.fields.items() if key in {"vid", "link", "app"}}
        self._recording.tell(
            RECORD,
            text,
            subject=self._receiver.name,
            follows={"teller": news.teller, "kind": news.kind, "subject": news.subject},
            fields={**about, "way": self._receiver.notification.way, "good": int(good), **facts},
        )


def _what(news: News) -> str:
    more = f" ({news.merged} earlier changes merged)" if news.merged else ""
    return f"{news.subject} {news.state}{more}"
