"""What is known of host names, as a file: in the run directory for whoever asks, in the state directory for a start."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Literal

from linkbalancer.clock import Instant
from linkbalancer.daemon.loop import boottime
from linkbalancer.engine.naming.ledger import Seen
from linkbalancer.engine.naming.memory import recalled
from linkbalancer.engine.naming.message import Question

NAME: Final = "names.json"
LONGEST: Final = 64 << 20
"""Bytes of such a file that are read: 500 names at their fullest have a third of that."""


def document(directory: Path) -> dict[str, Any]:
    """Return what is written in a directory's file; empty where there is none that can be read."""
    try:
        with (directory / NAME).open("rb") as file:
            found = json.loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def memory(directory: Path, now: Instant | None = None) -> dict[Question, dict[int, Seen]]:
    """Return the addresses that a directory's file has."""
    return recalled(document(directory), boottime() if now is None else now, time.clock_gettime(time.CLOCK_REALTIME))


def addresses(directories: Iterable[Path]) -> Callable[[str, Literal[4, 6]], Iterable[int]]:
    """Return what tells a name's addresses, by the first directory whose file has any."""
    known = next((found for found in map(memory, directories) if found), {})
    return lambda name, family: known.get(Question(name, family), {})
