"""Questions under way: what the ledger wants asked goes to resolvers, what they say goes back to it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from linkbalancer.clock import Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.naming.ledger import Ask, Ledger
from linkbalancer.engine.naming.message import Answer, Question, Refusal, Reply
from linkbalancer.host.resolvers import Exchange


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A question that was sent, and the descriptor that is waited for."""

    ask: Ask
    exchange: Exchange
    descriptor: int


class Inquiry:
    """Asks; whoever owns it calls `expire` by the ledger's deadlines.

    Args:
        loop: what turns.
        ledger: what is to be asked, and who wants to know.
        resolvers: addresses of those who are asked, in the ledger's order.
        heard: called whenever something was learnt.
    """

    def __init__(self, loop: Loop, ledger: Ledger, resolvers: Sequence[str], heard: Callable[[Instant], None]) -> None:
        self._loop, self._ledger, self._resolvers, self._heard = loop, ledger, tuple(resolvers), heard
        self._under_way: dict[Question, _UnderWay] = {}

    def expire(self, now: Instant) -> None:
        """Give up what takes too long, and ask what is due."""
        asks = self._ledger.expire(now)
        for question, one in tuple(self._under_way.items()):
            entry = self._ledger.entries[question]
            if entry.until is None or entry.number != one.ask.number:
                self._end(question)
                self._heard(now)
        self._begin(now, asks)

    def ask_others(self, resolvers: Sequence[str]) -> None:
        """Ask others from now on, where they are others."""
        if tuple(resolvers) != self._resolvers:
            self._resolvers = tuple(resolvers)
            self._ledger.ask_others(len(self._resolvers))

    def close(self) -> None:
        """Ask no longer."""
        for question in tuple(self._under_way):
            self._end(question)

    def _begin(self, now: Instant, asks: Iterable[Ask]) -> None:
        left = list(asks)
        while left:
            ask = left.pop()
            try:
                exchange = Exchange(ask.question, self._resolvers[ask.resolver])
            except OSError as error:
                left += self._ledger.refused(now, ask, error.strerror or str(error))
                self._heard(now)
                continue
            self._wait(ask, exchange)

    def _wait(self, ask: Ask, exchange: Exchange) -> None:
        self._under_way[ask.question] = _UnderWay(ask, exchange, exchange.fileno())
        self._loop.add(exchange.fileno(), partial(self._ready, ask.question), write=exchange.writes)

    def _ready(self, question: Question, now: Instant) -> None:
        one = self._under_way[question]
        writes = one.exchange.writes
        reply: Reply | None
        try:
            reply = one.exchange.ready()
        except OSError as error:
            reply = Refusal((error.strerror or str(error)).lower())
        if reply is None:
            if (one.exchange.fileno(), one.exchange.writes) != (one.descriptor, writes):
                self._loop.remove(one.descriptor)
                self._wait(one.ask, one.exchange)
            return
        self._end(question)
        if isinstance(reply, Answer):
            self._ledger.answered(now, one.ask, reply)
        elif isinstance(reply, Refusal):
            self._begin(now, self._ledger.refused(now, one.ask, reply.why))
        self._heard(now)

    def _end(self, question: Question) -> None:
        one = self._under_way.pop(question)
        self._loop.remove(one.descriptor)
        one.exchange.close()
