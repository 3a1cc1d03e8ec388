"""Trackers: what a gateway watches beside its links, and what that does to its groups.

A tracker is of one kind, by its first key: `device`, `script`, `file`, `process` or `route`. What several keys must be
together is in `trackerchecks`.
"""

import re
import shlex
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.fields import Device, File, Integer, Switch, Time, reading
from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.config.section import Section
from linkbalancer.health.check import KILL_AFTER, Schedule
from linkbalancer.health.influence import WEIGHT_MAX, Influence

KINDS: Final = ("device", "script", "file", "process", "route")

_DELAYS: Final = frozenset({"up_delay", "down_delay"})

KEYS: Final[dict[str, frozenset[str]]] = {
    "device": _DELAYS,
    "script": frozenset({"interval", "timeout", "rise", "fall", "init", "user"}),
    "file": frozenset({"number"}),
    "process": frozenset({"command", "count", "interval"}) | _DELAYS,
    "route": frozenset({"table", "via", "dev"}) | _DELAYS,
}
"""The kinds of trackers, each with the keys that say something beside it."""

MAIN_TABLE: Final = 254

_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_TEXT_MAX: Final = 256
_WORDS_MAX: Final = 64


def parse_command(raw: object) -> tuple[str, ...]:
    """Read a command: a list of words, or one text that is cut into words as a shell does; no shell runs it.

    Raises:
        FieldError: It is none.
    """
    remedy = "write such as [/usr/local/bin/check, --quick]"
    if isinstance(raw, str):
        try:
            words = shlex.split(raw)
        except ValueError:
            raise FieldError(f"{shown(raw)} has a quote without an end", remedy) from None
    elif isinstance(raw, list | tuple) and all(isinstance(word, str) for word in raw):
        words = [str(word) for word in raw]
    else:
        raise FieldError(f"{shown(raw)} is no command", remedy)
    if not words or not words[0]:
        raise FieldError("the command is empty", remedy)
    if len(words) > _WORDS_MAX or any("\0" in word or not word.isprintable() for word in words):
        raise FieldError("the command cannot be", f"write at most {_WORDS_MAX} printable words")
    return tuple(words)


def parse_text(raw: object) -> str:
    """Read some printable text.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "text", "put it in quotes if it is a number")
    if not word or not word.isprintable() or len(word) > _TEXT_MAX:
        raise FieldError(f"{shown(word)} cannot be", f"write 1 to {_TEXT_MAX} printable characters")
    return word


def parse_user(raw: object) -> str:
    """Read the name of a user of this host.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "user", "write a user's name, such as nobody")
    if not _USER.fullmatch(word):
        raise FieldError(f"the user {shown(word)} cannot be", "write a user's name, such as nobody")
    return word


def parse_prefix(raw: object) -> IPv4Network | IPv6Network:
    """Read a prefix of either family, or `default` (IPv4's).

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, IPv4Network | IPv6Network):
        return raw
    word = as_text(raw, "prefix", "write such as 198.51.100.0/24, or default")
    kind = IPv6Network if ":" in word else IPv4Network
    try:
        return kind("0.0.0.0/0" if word == "default" else word)
    except ValueError:
        raise FieldError(f"{shown(word)} is no prefix", "write such as 198.51.100.0/24, or default") from None


def parse_any_address(raw: object) -> IPv4Address | IPv6Address:
    """Read the address of a host, of either family.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, IPv4Address | IPv6Address):
        return raw
    word = as_text(raw, "address", "write such as 192.0.2.1")
    try:
        return IPv6Address(word) if ":" in word else IPv4Address(word)
    except ValueError:
        raise FieldError(f"{shown(word)} is no address", "write such as 192.0.2.1") from None


def parse_influence(raw: object) -> Influence:
    """Read what a tracker does to a group: a weight, `fault`, or `{weight: ..., reverse: true}`.

    Raises:
        FieldError: It is none.
    """
    remedy = f"write a weight from -{WEIGHT_MAX} to {WEIGHT_MAX}, fault, or {{weight: -50, reverse: true}}"
    if isinstance(raw, Influence):
        return raw
    weight, reverse = raw, False
    if isinstance(raw, dict):
        if not {"weight"} <= raw.keys() <= {"weight", "reverse"} or not isinstance(raw.get("reverse", False), bool):
            raise FieldError("a weight has the keys weight and reverse", remedy)
        weight, reverse = raw["weight"], raw.get("reverse", False)
    if weight == "fault":
        return Influence(None, reverse=reverse)
    if isinstance(weight, bool) or not isinstance(weight, int):
        raise FieldError(f"{shown(weight)} is no weight", remedy)
    if not 1 <= abs(weight) <= WEIGHT_MAX:
        raise FieldError(f"the weight {weight} cannot be", remedy)
    return Influence(weight, reverse=reverse)


def write_influence(influence: Influence) -> object:
    """Write what `parse_influence` reads."""
    weight = "fault" if influence.weight is None else influence.weight
    return {"weight": weight, "reverse": True} if influence.reverse else weight


def _reader(parse: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(reading(parse))


_WORD: Final = {"type": "string", "minLength": 1}
_WEIGHT_SCHEMA: Final = {
    "anyOf": [{"type": "integer", "minimum": -WEIGHT_MAX, "maximum": WEIGHT_MAX}, {"const": "fault"}]
}

Command: TypeAlias = Annotated[
    tuple[str, ...],
    _reader(parse_command),
    PlainSerializer(list, return_type=list[str]),
    WithJsonSchema({"anyOf": [_WORD, {"type": "array", "items": _WORD, "minItems": 1, "maxItems": _WORDS_MAX}]}),
]
Text: TypeAlias = Annotated[str, _reader(parse_text), WithJsonSchema({**_WORD, "maxLength": _TEXT_MAX})]
User: TypeAlias = Annotated[
    str, _reader(parse_user), WithJsonSchema({"type": "string", "pattern": f"^{_USER.pattern}$"})
]
Prefix: TypeAlias = Annotated[
    IPv4Network | IPv6Network, _reader(parse_prefix), PlainSerializer(str, return_type=str), WithJsonSchema(_WORD)
]
AnyAddress: TypeAlias = Annotated[
    IPv4Address | IPv6Address,
    _reader(parse_any_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_WORD),
]
TrackerInfluence: TypeAlias = Annotated[
    Influence,
    _reader(parse_influence),
    PlainSerializer(write_influence),
    WithJsonSchema(
        {
            "anyOf": [
                *_WEIGHT_SCHEMA["anyOf"],
                {
                    "type": "object",
                    "properties": {"weight": _WEIGHT_SCHEMA, "reverse": {"type": "boolean"}},
                    "required": ["weight"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Tracker(Section):
    """One thing that is watched; one of the first five keys says what."""

    device: Device | None = None
    script: Command | None = None
    file: File | None = None
    process: Text | None = None
    route: Prefix | None = None
    up_delay: Time = 0
    down_delay: Time = 0
    interval: Time = SECOND
    timeout: Time | None = None
    rise: Annotated[Integer, Field(ge=1, le=1000)] = 1
    fall: Annotated[Integer, Field(ge=1, le=1000)] = 1
    init: Literal["up", "down"] | None = None
    user: User | None = None
    number: Switch = False
    command: Text | None = None
    count: Annotated[Integer, Field(ge=1, le=100_000)] = 1
    table: Annotated[Integer, Field(ge=1, le=0xFFFFFFFF)] = MAIN_TABLE
    via: AnyAddress | None = None
    dev: Device | None = None

    @property
    def kind(self) -> str:
        """Which kind it is; `check` sees to it that it is one."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def schedule(self) -> Schedule:
        """How a script is run."""
        return Schedule(
            interval=self.interval,
            timeout=self.interval if self.timeout is None else self.timeout,
            rise=self.rise,
            fall=self.fall,
            init=None if self.init is None else self.init == "up",
            kill_after=KILL_AFTER,
        )

    @property
    def delays(self) -> tuple[Duration, Duration]:
        """How long it must be good, or bad, before that is believed."""
        return self.up_delay, self.down_delay
