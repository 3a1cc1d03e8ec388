"""What happened in a run, one line an event: the last lines explain a failure, all of them prove determinism."""

import hashlib
from collections import deque

from linkbalancer.clock import MILLISECOND, Instant

KEPT = 400
"""How many lines a run keeps for the report of a failure."""


class Trace:
    """The lines of a run. `keep_all` keeps every line, otherwise the last `KEPT` stay."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self.lines: deque[tuple[Instant, str, str, object]] = deque(maxlen=None if keep_all else KEPT)

    def note(self, now: Instant, who: str, what: str, detail: object = "") -> None:
        """Add a line; `detail` is written out only when the line is read."""
        self.lines.append((now, who, what, detail))

    def text(self, last: int | None = None) -> list[str]:
        """Return the last lines (all that are kept when None), oldest first."""
        lines = list(self.lines)
        return [_line(*line) for line in (lines if last is None else lines[-last:])]

    def digest(self) -> str:
        """Return a hash over the lines that are kept: equal traces, equal digests."""
        return hashlib.sha256("\n".join(self.text()).encode()).hexdigest()


def _line(now: Instant, who: str, what: str, detail: object) -> str:
    match detail:
        case bytes():
            detail = detail.hex()
        case (int() as length, str() as link):
            detail = f"{length} bytes on {link}"
        case _:
            pass
    return f"{now / MILLISECOND:11.3f} ms  {who:7} {what:10} {detail}".rstrip()
