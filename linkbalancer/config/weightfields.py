"""The kinds of values that weights have: how each is written, read and refused."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema

from linkbalancer.config.fields import parse_name, reading
from linkbalancer.config.findings import FieldError, as_text, nearest, shown
from linkbalancer.config.measuring import parse_bit_rate, write_bit_rate
from linkbalancer.routing.marks import LAST_VID
from linkbalancer.weights.amounts import AMOUNT, SHARES, VOLUMES
from linkbalancer.weights.tokens import LENGTH_MAX
from linkbalancer.weights.wall import DAY_MINUTES, DAYS, Days, Hours

NUMBER_MAX: Final = 1e12
"""No price, factor or weight is beyond this."""

_CLOCK: Final = re.compile(r"([0-9]{2}):([0-9]{2})", re.ASCII)


def parse_number(raw: object) -> float:
    """Read a number that is not below 0.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise FieldError(f"{shown(raw)} is no number", "write such as 2 or 0.5, without quotes")
    if not 0 <= raw <= NUMBER_MAX:
        raise FieldError(f"{shown(raw)} is out of range", "write a number from 0 on")
    return float(raw)


def parse_factor(raw: object) -> float:
    """Read a number above 0.

    Raises:
        FieldError: It is none.
    """
    number = parse_number(raw)
    if not number:
        raise FieldError("0 does not count at all", "remove it, or write a number above 0")
    return number


def parse_weight(raw: object) -> float:
    """Read a weight, 0 to 100.

    Raises:
        FieldError: It is none.
    """
    number = parse_number(raw)
    if number > 100:
        raise FieldError(f"{shown(raw)} is more than the best weight", "write 0 to 100")
    return number


def _amount(raw: object, units: dict[str, float], what: str, example: str) -> float:
    remedy = f"write a number and {_listed(units)}, such as {example}"
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise FieldError(f"{shown(raw)} has no unit", remedy)
    match = AMOUNT.fullmatch(as_text(raw, what, remedy))
    if match is None:
        raise FieldError(f"{shown(raw)} is no {what}", remedy)
    if match[2] not in units:
        near = nearest(match[2], units)
        raise FieldError(f"{shown(raw)} is no {what}", f"write {match[1]}{near}" if near else remedy)
    return float(match[1]) * units[match[2]]


def _listed(units: dict[str, float]) -> str:
    *most, last = units
    return f"{', '.join(most)} or {last}" if most else last


def parse_share(raw: object) -> float:
    """Read `5%`.

    Raises:
        FieldError: It is no share, or more than all.
    """
    share = _amount(raw, SHARES, "share", "5%")
    if share > 1:
        raise FieldError(f"{raw} is more than all", "write 0% to 100%")
    return share


def write_share(share: float) -> str:
    """Write a share as a configuration does."""
    return f"{_short(share * 100)}%"


def parse_volume(raw: object) -> float:
    """Read a volume: `50GB`.

    Raises:
        FieldError: It is none.
    """
    volume = _amount(raw, VOLUMES, "volume", "50GB")
    if not volume:
        raise FieldError(f"{raw} is nothing", "write such as 50GB")
    return volume


def write_volume(volume: float) -> str:
    """Write a volume as a configuration does."""
    return _written(volume, {unit: size for unit, size in VOLUMES.items() if "i" not in unit})


def _written(amount: float, units: dict[str, float]) -> str:
    unit = max((unit for unit in units if units[unit] <= amount), key=units.__getitem__, default=next(iter(units)))
    return f"{_short(amount / units[unit])}{unit}"


def _short(number: float) -> str:
    return f"{number:.9f}".rstrip("0").rstrip(".")


def parse_hours(raw: object) -> Hours:
    """Read hours of the day: `08:00-18:00`; `22:00-06:00` passes midnight.

    Raises:
        FieldError: They are none.
    """
    if isinstance(raw, Hours):
        return raw
    remedy = "write such as 08:00-18:00, or 22:00-06:00 for the night"
    ends = [_CLOCK.fullmatch(one.strip()) for one in as_text(raw, "hours of the day", remedy).split("-")]
    minutes = [int(one[1]) * 60 + int(one[2]) for one in ends if one and int(one[2]) < 60]
    if len(ends) != 2 or len(minutes) != 2:
        raise FieldError(f"{shown(raw)} are no hours of the day", remedy)
    start, end = minutes
    if start >= DAY_MINUTES or end > DAY_MINUTES or start == end:
        raise FieldError(f"{shown(raw)} are no hours of the day", remedy)
    return Hours(start, end)


def parse_days(raw: object) -> Days:
    """Read days of the week: `mon-fri`, `sat,sun`.

    Raises:
        FieldError: They are none.
    """
    if isinstance(raw, Days):
        return raw
    remedy = "write such as mon-fri, or sat,sun"
    found: set[int] = set()
    for words in as_text(raw, "days of the week", remedy).lower().split(","):
        first, *last = (one.strip() for one in words.split("-"))
        if first not in DAYS or len(last) > 1 or (last and last[0] not in DAYS):
            raise FieldError(f"{shown(raw)} are no days of the week", remedy)
        start = DAYS.index(first)
        found.update((start + step) % 7 for step in range((DAYS.index(last[0]) - start) % 7 + 1 if last else 1))
    return Days(frozenset(found))


def parse_check(raw: object) -> str | int:
    """Read what is checked: the name of a tracker, or the VID of a static group.

    Raises:
        FieldError: It is neither.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        if not 1 <= raw <= LAST_VID:
            raise FieldError(f"{raw} is no VID", f"write the name of a tracker, or a VID from 1 to {LAST_VID}")
        return raw
    return parse_name(raw)


def parse_expression(raw: object) -> str:
    """Read the text of an expression; what it says is judged by `weightchecks`, which knows the place in it.

    Raises:
        FieldError: It is no text, or too long.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    text = as_text(raw, "expression", "write such as: 100 - rtt / 1ms")
    if not text.strip() or len(text) > LENGTH_MAX:
        raise FieldError("the expression is empty or too long", f"write 1 to {LENGTH_MAX} characters")
    return text


def parse_steps(raw: object) -> tuple[tuple[float, int], ...]:
    """Read the steps of a mapping: `{0: 10, 50: 100, 90: 200}`, from each weight on the priority beside it.

    Raises:
        FieldError: They are none.
    """
    remedy = "write weights with their priorities, such as {0: 10, 50: 100, 90: 200}"
    pairs = list(raw.items()) if isinstance(raw, dict) else raw
    if not isinstance(pairs, list | tuple) or not all(isinstance(one, list | tuple) and len(one) == 2 for one in pairs):
        raise FieldError(f"{shown(raw)} are no steps", remedy)
    for _, priority in pairs:
        if isinstance(priority, bool) or not isinstance(priority, int):
            raise FieldError(f"{shown(priority)} is no priority", remedy)
    return tuple((parse_weight(_number(weight)), priority) for weight, priority in pairs)


def _number(raw: object) -> object:
    """Return a number that JSON, between our own processes, made the text of a key."""
    return float(raw) if isinstance(raw, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", raw, re.ASCII) else raw


class Short:
    """Lets a schema have a text in place of a mapping."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the mapping's schema, or that of a text."""
        found = handler(core)
        return {"anyOf": [*(found.get("anyOf") or [found]), {"type": "string"}]}


def _reader(parse: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(reading(parse))


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


def _of(units: dict[str, float]) -> WithJsonSchema:
    return _text(f"^[0-9]+(\\.[0-9]+)? ?({'|'.join(units)})$")


Number: TypeAlias = Annotated[float, _reader(parse_number), WithJsonSchema({"type": "number", "minimum": 0})]
Factor: TypeAlias = Annotated[float, _reader(parse_factor), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]
WeightNumber: TypeAlias = Annotated[
    float, _reader(parse_weight), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100})
]
Share: TypeAlias = Annotated[
    float, _reader(parse_share), PlainSerializer(write_share, return_type=str), _text("^[0-9]+(\\.[0-9]+)? ?%$")
]
BitRate: TypeAlias = Annotated[
    int,
    _reader(parse_bit_rate),
    PlainSerializer(write_bit_rate, return_type=str),
    _text("^[0-9]+(\\.[0-9]+)? ?(kbit|Mbit|Gbit)$"),
]
Volume: TypeAlias = Annotated[
    float, _reader(parse_volume), PlainSerializer(write_volume, return_type=str), _of(VOLUMES)
]
HoursField: TypeAlias = Annotated[
    Hours,
    _reader(parse_hours),
    PlainSerializer(str, return_type=str),
    _text("^[0-9]{2}:[0-9]{2} ?- ?[0-9]{2}:[0-9]{2}$"),
]
DaysField: TypeAlias = Annotated[
    Days, _reader(parse_days), PlainSerializer(str, return_type=str), _text("^[a-zA-Z, -]+$")
]
CheckName: TypeAlias = Annotated[
    str | int, _reader(parse_check), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]})
]
ExpressionText: TypeAlias = Annotated[
    str, _reader(parse_expression), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]})
]
StepsField: TypeAlias = Annotated[
    tuple[tuple[float, int], ...],
    _reader(parse_steps),
    PlainSerializer(list, return_type=list[tuple[float, int]]),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "integer", "minimum": 2, "maximum": 254}}),
    Field(min_length=1, max_length=64),
]
