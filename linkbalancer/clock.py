"""Time as integers: nanoseconds of one monotonic clock that the core never reads itself.

`Instant` is a point on the host's CLOCK_BOOTTIME (or on the simulator's virtual clock), `Duration` a distance
between two of them. Both are plain integers, so that nothing is ever rounded twice; units of the wire are converted
in the one file that knows the wire.
"""

from typing import TypeAlias

Instant: TypeAlias = int
Duration: TypeAlias = int

MICROSECOND: Duration = 1_000
MILLISECOND: Duration = 1_000_000
SECOND: Duration = 1_000_000_000


def earliest(*instants: Instant | None) -> Instant | None:
    """Return the first of the given deadlines, or None when there is none."""
    first: Instant | None = None
    for instant in instants:
        if instant is not None and (first is None or instant < first):
            first = instant
    return first


def is_due(now: Instant, deadline: Instant | None) -> bool:
    """Return whether a deadline has come; None never does."""
    return deadline is not None and deadline <= now


def in_words(duration: Duration) -> str:
    """Write a duration as a person would: `850 us`, `12.5 ms`, `3.2 s`, `4 min 05 s`, `2 h 03 min`."""
    if duration < MILLISECOND:
        return f"{duration // MICROSECOND} us"
    if duration < SECOND:
        return f"{duration / MILLISECOND:.4g} ms"
    seconds = duration // SECOND
    if seconds < 60:
        return f"{duration / SECOND:.3g} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600:02} h"


def exactly(duration: Duration) -> str:
    """Write a duration as a configuration does, without rounding, in its largest whole unit: `90s`, `1500ms`."""
    for name, unit in (("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND)):
        if duration % unit == 0 and duration < unit * 1_000_000_000:
            return f"{duration // unit}{name}"
    return f"{duration // SECOND}.{duration % SECOND:09}s"
