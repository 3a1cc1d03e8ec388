"""Taking devices down beside the work of whoever asked."""

import threading
from collections.abc import Collection

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.lowering import FEW, Lowering


class Hands:
    """Notes what is taken down, and waits before it when told to."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self.done: list[tuple[str, ...]] = []
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def one(self, device: str) -> None:
        """Take a device down; the one called `refused` will not."""
        self.entered.set()
        assert self.go.wait(10)
        self.done.append((device,))
        if device == "refused":
            raise DriverError(device, 1)

    def many(self, devices: Collection[str]) -> None:
        """Take many down."""
        self.done.append(tuple(devices))


def _lowering() -> tuple[Lowering, Hands]:
    hands = Hands()
    return Lowering(hands.one, hands.many), hands


def test_what_is_added_is_taken_down_and_a_refusal_stops_nothing() -> None:
    """Each once, however often it is asked for; the thread ends and begins anew."""
    lowering, hands = _lowering()
    for _again in range(2):
        for device in ("refused", "b"):
            lowering.add(device)
        lowering.finish()
        assert "b" not in lowering
    assert sorted(set(hands.done)) == [("b",), ("refused",)]


def test_many_that_wait_go_together() -> None:
    """While one is under way the others gather."""
    lowering, hands = _lowering()
    hands.go.clear()
    lowering.add("first")
    assert hands.entered.wait(10)
    names = [f"d{number}" for number in range(FEW + 1)]
    for name in names:
        lowering.add(name)
    assert "first" in lowering
    assert "d0" in lowering
    hands.go.set()
    lowering.finish()
    assert hands.done == [("first",), tuple(names)]


def test_who_is_needed_again_is_left_or_waited_for() -> None:
    """One that waits is not taken down; one that is under way is down when `withdraw` returns."""
    lowering, hands = _lowering()
    hands.go.clear()
    lowering.add("under way")
    assert hands.entered.wait(10)
    lowering.add("waits")
    lowering.withdraw("waits")
    threading.Timer(0.05, hands.go.set).start()
    lowering.withdraw("under way")
    assert hands.done == [("under way",)]
    lowering.finish()
    assert hands.done == [("under way",)]
