"""The applications' numbers on disk: the same over edits, reloads, restarts and reboots, so that flows keep theirs."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from linkbalancer.routing.numbering import allocate

FILE = "applications.json"


def number_applications(
    directory: Path, names: Iterable[str], limit: int, complain: Callable[[str, str], None]
) -> dict[str, int]:
    """Return every application's number, and keep them; names that are gone keep theirs too while there is room.

    Args:
        directory: the state directory.
        names: the applications of the configuration.
        limit: the greatest number.
        complain: called where they cannot be written; what is not steered at all would be worse than another number.

    Raises:
        ValueError: more applications than numbers.
    """
    path = directory / FILE
    kept = _read(path)
    numbers = allocate(names, kept, limit)
    taken = set(numbers.values())
    everything = {name: number for name, number in kept.items() if number not in taken} | numbers
    if everything != kept:
        try:
            _write(path, everything)
        except OSError as error:
            why = f"{path}: {error.strerror}; after the next start they could be others"
            complain("keep the applications' numbers", why)
    return numbers


def _read(path: Path) -> dict[str, int]:
    """Return what was kept; a damaged file counts as none, because a number that is wrong is worse than a new one."""
    try:
        content = json.loads(path.read_text())
        numbers = content["numbers"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(numbers, dict):
        return {}
    return {name: number for name, number in numbers.items() if isinstance(number, int)}


def _write(path: Path, numbers: dict[str, int]) -> None:
    """Replace the file by a rename, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump({"schema": 1, "numbers": numbers}, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
