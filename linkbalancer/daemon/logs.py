"""structlog for the processes that have something to tell: the same lines as the supervisor's, with levels.

On a terminal the lines are coloured and aligned; elsewhere they are plain `key=value`. Keys and secrets never come
here: what is logged are engine records, driver errors and words about processes.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import structlog

from linkbalancer.daemon.line import Stream, render

Log: TypeAlias = structlog.typing.FilteringBoundLogger
"""What a process writes its lines by."""


class _Sink:
    """What structlog calls a logger: takes the rendered line."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        """Write a line."""
        self._stream.put(message)

    debug = info = warning = error = critical = msg


def start(**always: str) -> Log:
    """Return the process's logger; `always` are fields of every line."""
    processors: list[Any] = [structlog.processors.add_log_level]
    if sys.stderr.isatty():
        processors += [structlog.processors.TimeStamper("%H:%M:%S.%f", utc=False), structlog.dev.ConsoleRenderer()]
    elif "JOURNAL_STREAM" in os.environ:  # the journal stamps the lines itself
        processors += [_plain]
    else:
        processors += [structlog.processors.TimeStamper("iso", utc=True, key="time"), _plain]
    logger = structlog.wrap_logger(
        _Sink(Stream()),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        context_class=dict,
    )
    return cast("Log", logger.bind(**always))


def _plain(_logger: object, _method: str, fields: Mapping[str, Any]) -> str:
    """Render a line with time, level and event first."""
    first = {key: fields[key] for key in ("time", "level", "event") if key in fields}
    return render({**first, **fields})
