"""Tests of questions under way: what the ledger wants, and what comes back to it."""

from collections.abc import Iterator
from functools import partial

import pytest

from linkbalancer.clock import SECOND, Instant
from linkbalancer.daemon.inquiry import Inquiry
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.naming.ledger import Ledger, Settings
from tests.daemon.nameserver import NameServer
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

NOBODY = "127.0.0.2"
NO_WAY = "192.0.2.1"
SETTINGS = Settings(2, (SECOND, SECOND), SECOND)


class Bench:
    """A ledger, and those who are asked for it, in a loop."""

    def __init__(self, *resolvers: str, names: tuple[str, ...] = ("a.example",)) -> None:
        self.loop = Loop()
        self.ledger = Ledger(names, Settings(len(resolvers), (SECOND, SECOND), SECOND), self.loop.clock())
        self.heard = 0
        self.inquiry = Inquiry(self.loop, self.ledger, resolvers, self._hear)
        self.loop.watch(self)
        self.loop.every(SECOND // 50, lambda _now: None)

    def deadline(self) -> Instant | None:
        """Return when the ledger has something to do."""
        return self.ledger.deadline()

    def expire(self, now: Instant) -> None:
        """Have it done."""
        self.inquiry.expire(now)
        self.ledger.taken(now)

    def _hear(self, _now: Instant) -> None:
        self.heard += 1

    def known(self, *names: str) -> bool:
        """Turn; return whether all of these names have addresses."""
        self.loop.turn()
        return all(self.ledger.addresses(name, 4) for name in names)


@pytest.fixture
def server() -> Iterator[NameServer]:
    """Yield a name server on this host, which is a namespace."""
    with Namespace() as here, here.entered(), NameServer("127.0.0.1") as made:
        made.zone = {
            f"{one}.example": [f"192.0.2.{place}"] for place, one in enumerate("abcdefghijklmnopqrstuvwxyz", 1)
        }
        yield made


def test_the_second_resolver_is_asked_where_the_first_is_not_there(server: NameServer) -> None:
    """At once: nobody listens there, or there is no way."""
    for first in (NOBODY, NO_WAY):
        bench = Bench(first, "127.0.0.1")
        until(partial(bench.known, "a.example"), 1.5)
        assert bench.heard > 0
        bench.inquiry.close()
    assert server.asked["a.example"] == 4


def test_many_by_tcp(server: NameServer) -> None:
    """Each goes over to a stream of its own, and all descriptors are closed in the end."""
    server.mode = "truncate"
    names = tuple(server.zone)
    bench = Bench("127.0.0.1", names=names)
    until(lambda: bench.known(*names), 5)
    assert server.streams >= 26
    bench.inquiry.close()


def test_who_is_silent_is_given_up(server: NameServer) -> None:
    """After his patience; nothing of the question is left, and the next one is good."""
    server.mode = "silent"
    bench = Bench("127.0.0.1")
    until(lambda: bench.known() and bool(bench.ledger.failing()), 8)
    server.mode = "answer"
    until(lambda: bench.known("a.example"), 8)


def test_other_resolvers_are_asked(server: NameServer) -> None:
    """Once the host names them."""
    bench = Bench(NO_WAY)
    until(lambda: bench.known() or bool(bench.ledger.failing()), 5)
    bench.inquiry.ask_others([NO_WAY])
    bench.inquiry.ask_others(["127.0.0.1"])
    until(lambda: bench.known("a.example"), 5)
    assert server.asked
