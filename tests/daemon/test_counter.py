"""The child that counts, in a real kernel: sums go on over tables that are made anew, by itself and after others."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.daemon.counter import FILE, Counter, Order
from linkbalancer.drivers.nftables.counts import TABLE, Plan
from linkbalancer.routing.marks import Marks
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

MARKED = """
table inet marks {
  chain own { type route hook output priority mangle; udp dport 7000 ct mark set 0x00010002; }
  chain moved { type route hook output priority mangle; udp dport 7001 ct mark set 0x00040003; }
}
"""
SIZE = 100 + 28
PLAN = Plan(Marks(), ("lo",), (), frozenset({2, 3}), 1024)
ORDER = Order(PLAN, {"web": 2, "voice": 3})


@pytest.fixture
def here() -> Iterator[Namespace]:
    """Be in a namespace whose loopback is a link."""
    with Namespace() as here, here.entered():
        here("nft -f -", given=MARKED)
        yield here


@pytest.fixture
def begun(here: Namespace) -> Iterator[Callable[[Path], Counter]]:
    """Return what begins a process that counts, in that namespace."""
    assert here.name
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(Counter(path)))


def asked(counter: Counter, order: Order | None = None) -> dict[str, Any]:
    """Return an answer."""
    answer = counter.answer(json.dumps({} if order is None else {"order": order.to_json()}).encode())
    assert "why" not in answer, answer
    return answer


def sent(answer: dict[str, Any], name: str = "web") -> dict[int | None, tuple[int, int, int]]:
    """Return what was counted outwards, by VID."""
    ways = answer["counts"]["applications"].get(name, ())
    return {one["vid"]: (one["packets"], one["bytes"], one["flows"]) for one in ways if one["direction"] == "out"}


def send(port: int, many: int) -> None:
    """Send datagrams of one flow to nobody."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to,
    ):
        to.bind(("127.0.0.1", port))
        for _ in range(many):
            sock.sendto(bytes(100), ("127.0.0.1", port))


def test_sums_go_on_whatever_becomes_of_the_table(
    here: Namespace, begun: Callable[[Path], Counter], tmp_path: Path
) -> None:
    """More room, a flush, a deleted rule, the next process, other marks: none takes away what was counted."""
    counter = begun(tmp_path)
    assert sent(asked(counter, ORDER)) == {}
    send(7000, 3)
    assert sent(asked(counter)) == {1: (3, 3 * SIZE, 1)}

    send(7000, 2)
    roomier = Order(replace(PLAN, pairs=2048), ORDER.names)
    assert sent(asked(counter, roomier)) == {1: (5, 5 * SIZE, 2)}
    assert "size 2048" in here(f"nft list set inet {TABLE} out")

    here(f"nft delete table inet {TABLE}")
    answer = asked(counter)
    assert (answer["mended"], sent(answer)) == (True, {1: (5, 5 * SIZE, 2)})
    send(7000, 1)
    here(f"nft flush chain inet {TABLE} leaves")
    answer = asked(counter)
    assert (answer["mended"], sent(answer)) == (True, {1: (6, 6 * SIZE, 3)})
    here(f"nft delete element inet {TABLE} counted {{ 0x2 }}", "nft add table inet strange")
    assert [asked(counter)["mended"] for _ in range(2)] == [True, False]

    send(7000, 4)
    again = begun(tmp_path)
    assert sent(asked(again, roomier)) == {1: (10, 10 * SIZE, 4)}

    send(7000, 1)
    shifted = Marks(connection_mask=0xFF, flow_mask=0xFF00)
    answer = asked(again, Order(replace(PLAN, marks=shifted, pairs=2048), ORDER.names))
    assert sent(answer) == {1: (11, 11 * SIZE, 5)}


def test_what_is_counted_no_more_is_nowhere(here: Namespace, begun: Callable[[Path], Counter], tmp_path: Path) -> None:
    """Neither told nor in the kernel; the other's sums stay, in the same table."""
    counter = begun(tmp_path)
    asked(counter, ORDER)
    send(7000, 2)
    send(7001, 3)
    assert sent(asked(counter), "voice") == {4: (3, 3 * SIZE, 1)}
    table = here(f"nft -a list table inet {TABLE}").splitlines()[0]
    answer = asked(counter, Order(replace(PLAN, applications=frozenset({3})), {"voice": 3}))
    assert (sent(answer), sent(answer, "voice")) == ({}, {4: (3, 3 * SIZE, 1)})
    send(7000, 2)
    assert sent(asked(counter)) == {}
    assert "0x00010002" not in here(f"nft list table inet {TABLE}")
    assert here(f"nft -a list table inet {TABLE}").splitlines()[0] == table


def test_a_file_that_cannot_be_written_stops_nothing(
    here: Namespace, begun: Callable[[Path], Counter], tmp_path: Path
) -> None:
    """A full disk, say; and a missing program is told."""
    counter = begun(tmp_path / "nowhere")
    asked(counter, ORDER)
    send(7000, 1)
    assert sent(asked(counter)) == {1: (1, SIZE, 1)}
    assert not (tmp_path / FILE).exists()
    assert TABLE in here("nft list tables")
