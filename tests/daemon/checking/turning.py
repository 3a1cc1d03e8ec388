"""A loop that is turned until something is so."""

import time
from collections.abc import Callable

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.loop import Loop


def loop() -> Loop:
    """Return a loop of which no turn waits for long."""
    one = Loop()
    one.every(5 * MILLISECOND, lambda _now: None)
    return one


def turn_until(loop: Loop, condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Turn until a condition is true; fail when it is not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        loop.turn()


def turn_for(loop: Loop, seconds: float) -> None:
    """Turn for a while, for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        loop.turn()
