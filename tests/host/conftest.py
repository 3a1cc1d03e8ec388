"""Two hosts on one wire, and waiting for what the kernel brings."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Protocol, TypeAlias, TypeVar

import pytest

from tests.namespaces import Namespace

ItemT = TypeVar("ItemT")

Overtakes: TypeAlias = Callable[[Callable[[], object], bytes], bool]
"""Says whether a frame that holds these bytes, spoken now, overtakes what waits before it."""

PATIENCE_S = 10
"""How long a test waits for what must come; it fails then, and measures nothing."""


class Readable(Protocol):
    """Something that a selector can watch."""

    def fileno(self) -> int:
        """Return the descriptor."""


def await_items(source: Readable, read: Callable[[], list[ItemT]], count: int = 1) -> list[ItemT]:
    """Read as a daemon does, whenever the descriptor is readable, until so many items have come."""
    found: list[ItemT] = []
    while len(found) < count:
        assert select.select([source], [], [], PATIENCE_S)[0], f"only {found} came"
        found += read()
    return found


@pytest.fixture
def wire() -> Iterator[tuple[Namespace, Namespace]]:
    """Yield two namespaces joined by `eth0`, 192.0.2.1/24 and 192.0.2.2/24."""
    with Namespace("left") as left, Namespace("right") as right:
        # Another number at each end, as for a device of its own: else carrier news would be held back up to a second.
        left("ip link add shift0 type veth peer name shift1")
        left.connect("eth0", right, "eth0")
        left("ip addr add 192.0.2.1/24 dev eth0")
        right("ip addr add 192.0.2.2/24 dev eth0")
        yield left, right


@pytest.fixture
def crowded(wire: tuple[Namespace, Namespace]) -> Iterator[Overtakes]:
    """Yield a question: does a frame that holds these bytes, spoken by the left host now, overtake what waits there?

    The wire takes two packets a second, thirty wait, and the kernel's default discipline says who is next.
    """
    left, right = wire
    mac = right("cat /sys/class/net/eth0/address").strip()
    left(f"ip neigh replace 192.0.2.2 lladdr {mac} dev eth0")
    left("tc qdisc add dev eth0 root handle 1: tbf rate 16kbit burst 2k limit 100k")
    left("tc qdisc add dev eth0 parent 1:1 pfifo_fast")
    with left.entered():
        crowd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with right.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.settimeout(PATIENCE_S)

    def overtakes(speak: Callable[[], object], told: bytes) -> bool:
        for _packet in range(30):
            crowd.sendto(bytes(972), ("192.0.2.2", 9))
        speak()
        before = 0
        while told not in (frame := tap.recv(2048)):
            before += len(frame) > 1000
        return before < 30

    with closing(crowd), closing(tap):
        yield overtakes
