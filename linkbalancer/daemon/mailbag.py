"""What the notifier keeps on a tmpfs: what waits, so that a killed one loses nothing, and counts for whoever asks.

`notifier.state` is two lines of JSON: the counts, which the api reads; what waits, by notification, with the boot that
it is of. It is written now and then; what is heard in between is added to `notifier.heard` as it came, before anything
is done about it.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from linkbalancer.engine.news import News

FILE = "notifier.state"
HEARD = "notifier.heard"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = struct.Struct("=I")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Mailbag:
    """The files."""

    def __init__(self, run_dir: Path) -> None:
        self._path, self._heard = run_dir / FILE, run_dir / HEARD
        self._boot = _BOOT_ID.read_text().strip()
        self._fd: int | None = None

    @property
    def has_heard(self) -> bool:
        """Whether something was heard since it was written last."""
        return self._fd is not None

    def add(self, data: bytes) -> None:
        """Keep what was heard just now; raises OSError."""
        if self._fd is None:
            self._fd = os.open(self._heard, _FLAGS | os.O_APPEND, 0o600)
        os.write(self._fd, _LENGTH.pack(len(data)) + data)

    def write(self, counts: Mapping[str, Any], waiting: Mapping[str, Sequence[News]]) -> None:
        """Replace everything that was written before; raises OSError."""
        kept = {name: [one.to_json() for one in some] for name, some in waiting.items() if some}
        fresh = self._path.with_suffix(".new")
        lines = (json.dumps(counts), json.dumps({"boot": self._boot, "waiting": kept}))
        with os.fdopen(os.open(fresh, _FLAGS | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")
        fresh.replace(self._path)
        self.close()
        self._heard.unlink(missing_ok=True)

    def read(self) -> tuple[dict[str, Any], dict[str, list[News]]]:
        """Return the counts and what waits; nothing where there is nothing that makes sense."""
        try:
            first, _, second = self._path.read_text().partition("\n")
            counts, kept = dict(json.loads(first)), dict(json.loads(second))
            waiting = dict(kept["waiting"]) if kept["boot"] == self._boot else {}
            return counts, {name: list(filter(None, map(News.of, some))) for name, some in waiting.items()}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}, {}

    def heard(self) -> list[bytes]:
        """Return what was heard after that, as far as it was written whole."""
        try:
            return list(_frames(self._heard.read_bytes()))
        except OSError:
            return []

    def close(self) -> None:
        """Add nothing more; what is written stays."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _frames(data: bytes) -> Iterator[bytes]:
    while len(data) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(data)
        frame, data = data[_LENGTH.size : _LENGTH.size + length], data[_LENGTH.size + length :]
        if len(frame) == length:
            yield frame


def counts_of(run_dir: Path) -> dict[str, Any]:
    """Return the counts as they were written last, empty where there are none."""
    with suppress(OSError, ValueError, TypeError), (run_dir / FILE).open() as file:
        return dict(json.loads(file.readline()))
    return {}
