"""The daemon's log lines: `key=value` on standard error, written so that a slow reader never holds up the writer."""

import json
import os
import select
import time
from collections.abc import Mapping

LONGEST = 4000
"""Bytes of a line: what a pipe that polls as writable takes without blocking (PIPE_BUF is 4096)."""


def render(fields: Mapping[str, object]) -> str:
    """Return `key=value ...`, quoting values with anything but plain characters."""
    return " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())


def _quoted(value: str) -> str:
    return value if value and value.isprintable() and not set(value) & set(' "=') else json.dumps(value)


class Stream:
    """A file descriptor for lines.

    A line that would have to wait is dropped and counted; the next one that passes says how many were.
    """

    def __init__(self, descriptor: int = 2, *, stamped: bool | None = None) -> None:
        """Write to `descriptor`; `stamped`: each line begins with the time (by default where no journal does it)."""
        self._descriptor = descriptor
        self._stamped = "JOURNAL_STREAM" not in os.environ if stamped is None else stamped
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self.dropped = 0

    def write(self, level: str, event: str, **fields: object) -> None:
        """Write one line: time, level, what happened, and its fields."""
        everything: dict[str, object] = {"time": _stamp()} if self._stamped else {}
        everything |= {"level": level, "event": event, **fields}
        if self.dropped:
            everything["dropped_lines"] = self.dropped
        self.put(render(everything))

    def put(self, line: str) -> None:
        """Write a finished line, or drop it."""
        data = line.encode(errors="replace")[:LONGEST] + b"\n"
        try:
            writable = [events for _fd, events in self._poll.poll(0) if events & select.POLLOUT]
            if not writable:
                self.dropped += 1
                return
            os.write(self._descriptor, data)
        except OSError:
            self.dropped += 1
            return
        self.dropped = 0


class Lines:
    """What a process of applications writes its lines by: there are many of those, and structlog has much to touch.

    The lines are those of `daemon.logs`, and so are the methods.
    """

    def __init__(self, stream: Stream, **always: object) -> None:
        """Write with these fields in every line."""
        self._stream, self._always = stream, always

    def info(self, event: str, **fields: object) -> None:
        """Write what happened as it should."""
        self._stream.write("info", event, **self._always, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write what should not happen."""
        self._stream.write("warning", event, **self._always, **fields)


def _stamp() -> str:
    """Return the wall clock for people to read; nothing is decided by it."""
    seconds = time.clock_gettime(time.CLOCK_REALTIME)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"
