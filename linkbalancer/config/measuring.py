"""How a link is measured, as a configuration says it: what it can carry, and how often that is looked at."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.fields import reading
from linkbalancer.config.findings import FieldError, as_text
from linkbalancer.config.quantities import parse_duration, write_duration
from linkbalancer.weights.gauge import Capacity

BIT_RATE_MAX: Final = 10**15

BIT_RATES: Final = {"kbit": 1000, "Mbit": 1000**2, "Gbit": 1000**3}

_BIT_RATE: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))? ?(kbit|Mbit|Gbit)", re.ASCII)
_SHORTEST, _LONGEST = 100 * MILLISECOND, 60 * SECOND


def parse_bit_rate(raw: object) -> int:
    """Read `100Mbit`, `1.5Gbit`: bits per second.

    Raises:
        FieldError: It is none.
    """
    remedy = "write a number and kbit, Mbit or Gbit (a second), such as 100Mbit"
    word = as_text(raw, "bit rate", remedy)
    match = _BIT_RATE.fullmatch(word)
    if match is None:
        raise FieldError(f"{word!r} is no bit rate", remedy)
    fraction = match[2] or ""
    rate: int = int(match[1] + fraction) * BIT_RATES[match[3]] // 10 ** len(fraction)
    if not 0 < rate <= BIT_RATE_MAX:
        raise FieldError(f"{word} is what no link carries", remedy)
    return rate


def write_bit_rate(rate: int) -> str:
    """Write a bit rate as a configuration does, in its largest whole unit."""
    unit = next((unit for unit in ("Gbit", "Mbit") if rate % BIT_RATES[unit] == 0), "kbit")
    whole, rest = divmod(rate, BIT_RATES[unit])
    return f"{whole}.{rest:03}".rstrip("0") + unit if rest else f"{whole}{unit}"


def parse_capacity(raw: object) -> Capacity:
    """Read what a link can carry: `100Mbit` each way, or `[20Mbit, 100Mbit]`: what leaves here, what comes in.

    Raises:
        FieldError: It is neither.
    """
    if isinstance(raw, Capacity):
        return raw
    if isinstance(raw, tuple | list):
        if len(raw) != 2:
            raise FieldError(f"{len(raw)} bit rates, not two", "write [out, in], such as [20Mbit, 100Mbit]")
        return Capacity(outward=parse_bit_rate(raw[0]), inward=parse_bit_rate(raw[1]))
    rate = parse_bit_rate(raw)
    return Capacity(outward=rate, inward=rate)


def write_capacity(capacity: Capacity) -> str:
    """Write it on one line, as it is read."""
    outward, inward = write_bit_rate(capacity.outward), write_bit_rate(capacity.inward)
    return outward if outward == inward else f"[{outward}, {inward}]"


def parse_metrics_every(raw: object) -> Duration:
    """Read how often a link is measured: 100 ms to a minute.

    Raises:
        FieldError: It is out of range.
    """
    every = parse_duration(raw)
    if not _SHORTEST <= every <= _LONGEST:
        raise FieldError(f"{raw} will not do", "write 100ms to 60s")
    return every


def _as_written(capacity: Capacity) -> str | list[str]:
    if capacity.outward == capacity.inward:
        return write_bit_rate(capacity.outward)
    return [write_bit_rate(capacity.outward), write_bit_rate(capacity.inward)]


_ONE_RATE: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(kbit|Mbit|Gbit)$"}

CapacityField: TypeAlias = Annotated[
    Capacity,
    BeforeValidator(reading(parse_capacity)),
    PlainSerializer(_as_written, return_type=str | list[str]),
    WithJsonSchema({"anyOf": [_ONE_RATE, {"type": "array", "items": _ONE_RATE, "minItems": 2, "maxItems": 2}]}),
]
MetricsEvery: TypeAlias = Annotated[
    int,
    BeforeValidator(reading(parse_metrics_every)),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(us|ms|s|min)$"}),
]
