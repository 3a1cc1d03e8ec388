"""Two hosts on one wire, and waiting for what the kernel brings."""

import select
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import pytest

from tests.namespaces import Namespace

ItemT = TypeVar("ItemT")

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
