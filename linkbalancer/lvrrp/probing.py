"""Probing: when the controller queries, which queries are unanswered, and how much silence means loss (design 4.3).

When the next one is sent is `pace`'s matter (L7). After one that is not answered they are
repeated quickly, so that the number of misses which closes a link gathers within the detect time. That number grows
with the loss measured before the present run of misses: a link that always loses some must not close for it.
"""

from collections import Counter, deque
from itertools import islice

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.lvrrp.pace import Pace
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.machine import Chance
from linkbalancer.weights.metrics import Metrics

REPEAT_MIN: Duration = 25 * MILLISECOND
RTT_MAX: Duration = 1000 * MILLISECOND
"""The longest round trip that patience, repeats and the detect time make allowance for.

Whoever delays datagrams on their way makes a link look longer than it is: by so much, and no more.
"""

MISSES_MAX = 64
"""Where the number of misses stops growing: at a loss of four round trips in five."""

OUTSTANDING_MAX = 256

_ONE = 10**12
_FALSE_ALARM = _ONE // 10**6
_GAIN = 16


def patience(rtt: Duration | None) -> Duration:
    """Return after how long a query is missed: max(25 ms, 2 RTT), of an RTT of at most a second."""
    return max(REPEAT_MIN, 2 * min(rtt or 0, RTT_MAX))


def repeat(rtt: Duration | None) -> Duration:
    """Return the pace of queries while one is missed: max(25 ms, RTT), of an RTT of at most a second."""
    return max(REPEAT_MIN, min(rtt or 0, RTT_MAX))


def misses_needed(loss: int, misses: int) -> int:
    """Return the least k >= `misses` with loss^k < 10^-6, at most 64; `loss` of round trips in units of 10^-12.

    A round trip is lost when either way is: at a loss p of each way, `loss` is 1 - (1-p)^2.
    """
    needed, chance = misses, loss**misses // _ONE ** (misses - 1)
    while chance >= _FALSE_ALARM and needed < MISSES_MAX:
        chance = chance * loss // _ONE
        needed += 1
    return needed


class Probing:
    """The controller's queries of one link; they are counted, and which of them were answered or missed."""

    def __init__(self, settings: LinkSettings, chance: Chance, counters: Counter[str]) -> None:
        self._counters = counters
        self._settings = settings
        self.pace = Pace(settings, chance)
        self._outstanding: deque[Instant] = deque(maxlen=OUTSTANDING_MAX)
        self._last_sent: Instant = 0
        self._query_at: Instant | None = None
        self._loss = 0
        self.needed = settings.misses

    @property
    def unanswered(self) -> int:
        """How many queries have not been answered yet, missed or not."""
        return len(self._outstanding)

    @property
    def loss(self) -> float:
        """The share of round trips lost of late (0 to 1), as runs of misses that have ended show it."""
        return self._loss / _ONE

    def silence(self, rtt: Duration | None) -> Duration:
        """Return the detect time to state: the configured one, or longer where loss or RTT need it.

        The controlled end's proof is up to two intervals old in the best of times (its answer waits one for the query
        that echoes it, which waits one for the next), then `needed` queries must be able to fail.
        """
        needed = 2 * self.pace.lasting + patience(rtt) + self.needed * repeat(rtt)
        return max(self._settings.detect, needed)

    def sent(self, now: Instant, *, fast: bool, rtt: Duration | None = None) -> None:
        """Note a query; while not `fast` (the link is closed or frozen) only the newest one counts."""
        if not fast:
            self._outstanding.clear()
        elif self._outstanding and now >= self._outstanding[0] + patience(rtt):
            self.pace.disturb(self._last_sent)  # the first miss
        self._outstanding.append(now)
        self._counters["queries"] += 1
        self._last_sent = now
        self._query_at = now + self.pace.draw()

    def answered(self, proof_at: Instant) -> int:
        """Note that the query of `proof_at` (in whole microseconds) was answered; return how many are settled by it.

        One is the common case; more end a run of misses, which only now counts as loss.
        """
        settled = 0
        while self._outstanding and self._outstanding[0] // 1000 <= proof_at // 1000:
            self._outstanding.popleft()
            settled += 1
        if settled == 1:
            self.pace.answered(proof_at)
        if settled:
            self._counters["queries_answered"] += 1
            self._counters["queries_missed"] += settled - 1
        before = self._loss
        for lost in reversed(range(settled)):
            self._loss += ((_ONE if lost else 0) - self._loss) // _GAIN
        if self._loss != before:
            self.needed = misses_needed(self._loss, self._settings.misses)
        return settled

    def snapshot(self) -> list[Instant]:
        """Return when the oldest queries were sent that were not answered: as many as it takes to close."""
        return list(islice(self._outstanding, self.needed))

    def restore(self, now: Instant, found: object) -> None:
        """Go on counting what a predecessor had asked in vain: else who is restarted in time would never close."""
        known = found if isinstance(found, list) else []
        self._outstanding.extend(sorted(at for at in known if isinstance(at, int) and 0 <= at <= now)[:OUTSTANDING_MAX])

    def forget(self) -> int:
        """Let go of what is outstanding without calling it lost: its session ended, or the link closed.

        Return how many queries that were.
        """
        outstanding = len(self._outstanding)
        self._outstanding.clear()
        self.pace.disturb(self._last_sent)
        return outstanding

    def measure(self, metrics: Metrics) -> None:
        """Take in what is measured of the link."""
        if self.pace.measure(metrics):
            self.hasten()

    def hasten(self) -> None:
        """Query at the configured pace from now on: something changed, so more may."""
        if self.pace.disturb(self._last_sent) and self._query_at is not None:
            self._query_at = min(self._query_at, self._last_sent + self.pace.draw())

    def halt(self) -> None:
        """Query no more until the next one is `sent`."""
        self.forget()
        self._query_at = None

    def due(self, rtt: Duration | None, *, fast: bool) -> Instant | None:
        """Return when the next query must be sent; quicker while one is missed and `fast`."""
        if self._query_at is None or not fast or not self._outstanding:
            return self._query_at
        return min(self._query_at, max(self._outstanding[0] + patience(rtt), self._last_sent + repeat(rtt)))

    def exhausted_at(self, rtt: Duration | None) -> Instant | None:
        """Return when enough queries are missed to close, or None while too few are outstanding."""
        if len(self._outstanding) < self.needed:
            return None
        return self._outstanding[self.needed - 1] + patience(rtt)
