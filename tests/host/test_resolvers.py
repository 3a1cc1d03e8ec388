"""Tests of resolvers: those of the host, and questions to one."""

from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.engine.naming.message import Answer, Question, Refusal, Reply
from linkbalancer.host.resolvers import Exchange, of_host
from tests.daemon.nameserver import NameServer
from tests.namespaces import Namespace

QUESTION = Question("a.example", 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# none\nsearch example\n", ("127.0.0.1",)),
        ("nameserver 192.0.2.1\nnameserver fe80::1%eth0\n;nameserver 192.0.2.2\n", ("192.0.2.1", "fe80::1%eth0")),
        ("nameserver x\nnameserver\nnameserver 192.0.2.1 # one\n", ("192.0.2.1",)),
        ("nameserver 192.0.2.1\n" * 5, ("192.0.2.1",) * 3),
    ],
)
def test_the_resolvers_of_the_host(tmp_path: Path, text: str, expected: tuple[str, ...]) -> None:
    """As the C library reads them, what makes no sense left out."""
    path = tmp_path / "resolv.conf"
    path.write_text(text)

    assert of_host(path) == expected
    assert of_host(tmp_path / "none") == ("127.0.0.1",)


@pytest.fixture
def server() -> Iterator[NameServer]:
    """Yield a name server on this host, which is a namespace."""
    with Namespace() as here, here.entered(), NameServer("127.0.0.1") as made:
        made.zone = {"a.example": ["192.0.2.1"]}
        yield made


def asked(resolver: str = "127.0.0.1") -> Reply | None:
    """Ask, and wait for a second at most."""
    exchange = Exchange(QUESTION, resolver)
    try:
        for _step in range(20):
            select([] if exchange.writes else [exchange], [exchange] if exchange.writes else [], [], 1)
            reply = exchange.ready()
            if reply is not None:
                return reply
        return None
    finally:
        exchange.close()


@pytest.mark.lab
def test_by_datagram_and_by_stream(server: NameServer) -> None:
    """An answer that is cut off is asked for again by TCP, and put together of its parts."""
    expected = Answer((0xC0000201,), SECOND)

    assert asked() == expected
    assert server.streams == 0
    server.mode = "truncate"
    assert asked() == expected
    assert server.streams == 1
    server.mode = "fail"
    assert asked() == Refusal("server failure")
    server.mode = "nonsense"
    assert asked() == Refusal("an answer that makes no sense")


@pytest.mark.lab
def test_who_is_not_there() -> None:
    """Nobody listens, or there is no way: an error, soon."""
    with Namespace() as here, here.entered():
        with pytest.raises(ConnectionRefusedError):
            asked()
        with pytest.raises(OSError, match="unreachable"):
            asked("192.0.2.1")
