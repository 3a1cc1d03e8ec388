"""Waiting for a condition with a time limit, in place of sleeping."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


TURN_S = 0.2
"""What one look and the pause after it count at most: the rest is a busy machine's, whose every step is slow."""


def until(condition: Callable[[], T], seconds: float = 30.0, what: str = "") -> T:
    """Return the condition's first true value; fail when there is none in time."""
    left = seconds
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        assert left > 0, f"not within {seconds} s: {what or condition}"
        time.sleep(0.01)
        left -= min(time.monotonic() - began, TURN_S)


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
