"""The applications' numbers on disk: the same over edits, reloads, restarts and reboots, so that flows keep theirs."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from linkbalancer.daemon.durable import replace_file
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
    old = kept(directory)
    numbers = allocate(names, old, limit)
    taken = set(numbers.values())
    everything = {name: number for name, number in old.items() if number not in taken} | numbers
    if everything != old:
        try:
            _write(path, everything)
        except OSError as error:
            why = f"{path}: {error.strerror}; after the next start they could be others"
            complain("keep the applications' numbers", why)
    return numbers


def kept(directory: Path) -> dict[str, int]:
    """Return what was kept; a damaged file counts as none, because a number that is wrong is worse than a new one."""
    try:
        content = json.loads((directory / FILE).read_text())
        numbers = content["numbers"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(numbers, dict):
        return {}
    return {name: number for name, number in numbers.items() if isinstance(number, int)}


def _write(path: Path, numbers: dict[str, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps({"schema": 1, "numbers": numbers}, indent=1, sort_keys=True))
