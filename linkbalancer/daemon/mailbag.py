"""What the notifier keeps on a tmpfs: what waits, so that a killed one loses nothing, and counts for whoever asks.

Two lines of JSON: the counts, which the api reads; what waits, by notification, with the boot that it is of.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from linkbalancer.engine.news import News

FILE = "notifier.state"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Mailbag:
    """The file."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE
        self._boot = _BOOT_ID.read_text().strip()

    def write(self, counts: Mapping[str, Any], waiting: Mapping[str, Sequence[News]]) -> None:
        """Replace what was written before; raises OSError."""
        kept = {name: [one.to_json() for one in some] for name, some in waiting.items() if some}
        fresh = self._path.with_suffix(".new")
        lines = (json.dumps(counts), json.dumps({"boot": self._boot, "waiting": kept}))
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
        fresh.replace(self._path)

    def read(self) -> tuple[dict[str, Any], dict[str, list[News]]]:
        """Return the counts and what waits; nothing where there is nothing that makes sense."""
        try:
            first, _, second = self._path.read_text().partition("\n")
            counts, kept = dict(json.loads(first)), dict(json.loads(second))
            waiting = dict(kept["waiting"]) if kept["boot"] == self._boot else {}
            return counts, {name: list(filter(None, map(News.of, some))) for name, some in waiting.items()}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}, {}


def counts_of(run_dir: Path) -> dict[str, Any]:
    """Return the counts as they were written last, empty where there are none."""
    with suppress(OSError, ValueError, TypeError), (run_dir / FILE).open() as file:
        return dict(json.loads(file.readline()))
    return {}
