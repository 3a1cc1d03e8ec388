"""The quantities that a configuration has: durations, ranges of them, and sizes; how each is written and read."""

import re
from typing import Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, exactly
from linkbalancer.config.findings import FieldError, as_text

UNITS: Final = {"us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": 60 * SECOND}

DAY: Final[Duration] = 86400 * SECOND

_DURATION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? ?(us|ms|s|min)", re.ASCII)
_KEEP_UNITS: Final = {"h": 3600 * SECOND, "d": DAY}
_KEEP: Final = re.compile(r"([0-9]{1,6}) ?(h|d)", re.ASCII)
_SIZE_UNITS: Final = {"MiB": 1 << 20, "GiB": 1 << 30}
_SIZE: Final = re.compile(r"([0-9]{1,6}) ?(MiB|GiB)", re.ASCII)


def parse_duration(raw: object) -> Duration:
    """Read `200ms`, `1.5s`, `2min`.

    Raises:
        FieldError: It is no duration, has no unit, is no whole number of nanoseconds, or is longer than a day.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        raise FieldError(f"{raw} has no unit", f"write such as {raw}ms or {raw}s")
    match = _DURATION.fullmatch(as_text(raw, "duration", "write such as 200ms or 1s"))
    if match is None:
        raise FieldError(f"{raw!r} is no duration", "write a number and us, ms, s or min, such as 200ms or 1s")
    fraction = match[2] or ""
    scale: int = 10 ** len(fraction)
    nanoseconds, rest = divmod(int(match[1] + fraction) * UNITS[match[3]], scale)
    if rest:
        raise FieldError(f"{raw!r} is finer than a nanosecond", "write fewer digits")
    if nanoseconds > DAY:
        raise FieldError(f"{raw!r} is longer than a day", "write a day or less")
    return nanoseconds


write_duration: Final = exactly


def parse_keep(raw: object) -> Duration:
    """Read how long something is kept: `90d`, `12h`; from an hour to ten years.

    Raises:
        FieldError: It is none.
    """
    match = _KEEP.fullmatch(as_text(raw, "time to keep something", "write such as 90d or 12h"))
    if match is None:
        raise FieldError(f"{raw!r} is no time to keep something", "write a number and h or d, such as 90d")
    keep = int(match[1]) * _KEEP_UNITS[match[2]]
    if not _KEEP_UNITS["h"] <= keep <= 3653 * DAY:
        raise FieldError(f"{raw} will not do", "write 1h to 3653d")
    return keep


def write_keep(keep: Duration) -> str:
    """Write how long something is kept, in days where they are whole."""
    unit = "h" if keep % DAY else "d"
    return f"{keep // _KEEP_UNITS[unit]}{unit}"


def parse_size(raw: object) -> int:
    """Read a size of a file: `64MiB`, `1GiB`; from 1 MiB to 64 GiB.

    Raises:
        FieldError: It is none.
    """
    match = _SIZE.fullmatch(as_text(raw, "size", "write such as 64MiB"))
    if match is None:
        raise FieldError(f"{raw!r} is no size", "write a whole number and MiB or GiB, such as 64MiB")
    size = int(match[1]) * _SIZE_UNITS[match[2]]
    if not _SIZE_UNITS["MiB"] <= size <= 64 * _SIZE_UNITS["GiB"]:
        raise FieldError(f"{raw} will not do", "write 1MiB to 64GiB")
    return size


def write_size(size: int) -> str:
    """Write a size in its largest whole unit."""
    unit = "MiB" if size % _SIZE_UNITS["GiB"] else "GiB"
    return f"{size // _SIZE_UNITS[unit]}{unit}"


def parse_range(raw: object) -> tuple[Duration, Duration]:
    """Read `200ms` (fixed) or `[100ms, 200ms]` (drawn anew each time), at least 10 ms.

    Raises:
        FieldError: It is neither, runs backwards, or is too short.
    """
    if isinstance(raw, tuple | list):
        if len(raw) != 2:
            raise FieldError(f"{len(raw)} durations, not two", "write [shortest, longest], such as [100ms, 200ms]")
        first, last = parse_duration(raw[0]), parse_duration(raw[1])
    else:
        first = last = parse_duration(raw)
    if last < first:
        raise FieldError("the range runs backwards", f"write [{write_duration(last)}, {write_duration(first)}]")
    if first < 10 * MILLISECOND:
        raise FieldError(f"{write_duration(first)} is too short", "probe every 10ms or less often")
    return first, last


def parse_advert_interval(raw: object) -> Duration:
    """Read an advertisement interval: 10 ms to 255 s, in steps of 10 ms; each version allows a part of that.

    Raises:
        FieldError: It is none.
    """
    interval = parse_duration(raw)
    if not 10 * MILLISECOND <= interval <= 255 * SECOND:
        raise FieldError(f"{raw} is out of range", "write 10ms to 40.95s (version 2: 1s to 255s)")
    if interval % (10 * MILLISECOND):
        down = interval // (10 * MILLISECOND) * 10
        raise FieldError(f"{raw} is no multiple of 10ms", f"write {down}ms or {down + 10}ms")
    return interval


def parse_detect(raw: object) -> Duration:
    """Read what counts as silence: whole milliseconds, as the wire has it, from 10 ms to an hour.

    Raises:
        FieldError: It is none.
    """
    detect = parse_duration(raw)
    if detect % MILLISECOND or not 10 * MILLISECOND <= detect <= 3600 * SECOND:
        raise FieldError(f"{raw} will not do", "write whole milliseconds, from 10ms to 60min")
    return detect
