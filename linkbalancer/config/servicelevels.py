"""The option `sla=` of a rule line: bounds as `loss<1%`, and how soon they count as `back:30s`."""

import re
from collections.abc import Callable
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.findings import FieldError, suggestion
from linkbalancer.config.quantities import parse_duration, write_duration
from linkbalancer.routing.servicelevel import ServiceLevel

_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%", re.ASCII)
_PART: Final = re.compile(r"([a-z]+)(<|:)(.*)", re.ASCII)
_HOUR: Final[Duration] = 3600 * SECOND
_EXAMPLE: Final = "write such as sla=loss<1%,rtt<80ms,jitter<10ms"


def _share(least: float, most: float) -> Callable[[str], float]:
    """Return how a percentage within bounds is read."""

    def read(word: str) -> float:
        match = _SHARE.fullmatch(word)
        if match is None:
            raise FieldError(f"{word!r} is no percentage", f"write {least:g}% to {most:g}%, with at most four decimals")
        if not least <= float(match[1]) <= most:
            raise FieldError(f"{word} is out of range", f"write {least:g}% to {most:g}%")
        return round(float(match[1]) * 10**4) / 10**6

    return read


def _time(least: Duration, most: Duration) -> Callable[[str], Duration]:
    """Return how a duration within bounds is read, in whole microseconds."""

    def read(word: str) -> Duration:
        duration = parse_duration(word)
        if not least <= duration <= most or duration % 1000:
            raise FieldError(f"{word} is out of range", f"write {write_duration(least)} to {write_duration(most)}")
        return duration

    return read


_READERS: Final[dict[tuple[str, str], Callable[[str], Any]]] = {
    ("loss", "<"): _share(0.1, 99),
    ("rtt", "<"): _time(MILLISECOND // 10, 10 * SECOND),
    ("jitter", "<"): _time(MILLISECOND // 10, 10 * SECOND),
    ("after", ":"): _time(0, _HOUR),
    ("back", ":"): _time(SECOND, _HOUR),
    ("margin", ":"): _share(0, 90),
}


def service_level(word: str) -> ServiceLevel:
    """Read what stands behind `sla=`.

    Raises:
        FieldError: It names no bound, something twice, something that there is not, or a value that cannot be.
    """
    found: dict[str, Any] = {}
    for part in word.split(","):
        name, value = _read(part)
        if name in found:
            raise FieldError(f"{name} is given twice", "give it once")
        found[name] = value
    if not found.keys() & {"loss", "rtt", "jitter"}:
        raise FieldError("the service level names no bound", _EXAMPLE)
    return ServiceLevel(**found)


def _read(part: str) -> tuple[str, Any]:
    match = _PART.fullmatch(part)
    if match is None:
        raise FieldError(f"{part!r} is no bound", _EXAMPLE)
    name, sign, value = match[1], match[2], match[3]
    signs = dict(_READERS.keys())
    if name not in signs:
        raise FieldError(f"{name!r} is nothing that a service level has", suggestion(name, tuple(signs)))
    if signs[name] != sign:
        raise FieldError(f"{part!r} has the wrong sign", f"write {name}{signs[name]}{value}")
    return name, _READERS[name, sign](value)
