"""The feed's messages as bytes: the agent's table one way; `applied` and `goodbye` the other; JSON, one packet each.

A packet that cannot be understood becomes a `Malformed` value with its reason: a confused process at the other end must
never be able to raise an exception in this one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

from linkbalancer.feed.table import Table, VidEntry

DEFINITION_LENGTH = 4
"""Characters of an application's definition in a table (`routing.application`)."""

LIMIT = 196_608
"""The longest message in bytes; a longer one would not fit a Unix socket's default buffer (208 KiB) as one packet."""

APPLICATIONS_MAX = 4000
"""Applications of a gateway: each may be a process, and the agent's end of the feed takes 4096 processes."""

NAMES_MAX = 136_000
"""The room in a table for the names of applications, by `size_of_names`; the rest of `LIMIT` is for 255 VIDs."""

_MASTERS = frozenset({"self", "other", "none"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application goes now (None: nowhere by its process), and why."""

    application: str
    vid: int | None
    reason: str


PLACES_MAX = 64
"""Places in one message: the agent takes in so many at once, some milliseconds of its time, before it looks up."""


@dataclass(frozen=True, slots=True)
class Applied:
    """An application process tells where applications of its go now, and by which table."""

    places: tuple[Place, ...]
    session: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """An application process ends on purpose; what it steered stays."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """What arrived was no message; `reason` says why."""

    reason: str


Message: TypeAlias = Table | Applied | Goodbye


def size_of_names(names: Iterable[str]) -> int:
    """Return how many bytes of a table applications of these names take at most; names are plain ASCII."""
    return sum(len(name) + len('"":4294967295,') + DEFINITION_LENGTH for name in names)


def encode(message: Message) -> bytes:
    """Return the message as one packet; ValueError when it is longer than the limit."""
    match message:
        case Table(session, sequence, applications, definitions, vids):
            fields: dict[str, Any] = {
                "type": "table",
                "session": session,
                "sequence": sequence,
                "applications": applications,
                "definitions": "".join(definitions[name] for name in applications),
                "vids": [[entry.vid, entry.works, entry.master, entry.reason, entry.link] for entry in vids],
            }
        case Applied(places, session, sequence):
            told = [[place.application, place.vid, place.reason] for place in places]
            fields = {"type": "applied", "session": session, "sequence": sequence, "places": told}
        case Goodbye():
            fields = {"type": "goodbye"}
        case _:
            assert_never(message)
    data = json.dumps(fields, separators=(",", ":")).encode()
    if len(data) > LIMIT:
        raise ValueError(f"a {fields['type']} of {len(data)} bytes is longer than {LIMIT}")
    return data


def decode(data: bytes) -> Message | Malformed:
    """Return the message in a packet, or why there is none; never raises."""
    if len(data) > LIMIT:
        return Malformed(f"longer than {LIMIT} bytes")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return Malformed("no JSON")
    if not isinstance(fields, dict):
        return Malformed("no JSON object")
    try:
        match fields.get("type"):
            case "table":
                return _table(fields)
            case "applied":
                places = tuple(_place(one) for one in _list(fields, "places"))
                return Applied(places, _number(fields["session"]), _number(fields["sequence"]))
            case "goodbye":
                return Goodbye()
            case _:
                return Malformed("unknown type")
    except KeyError as missing:
        return Malformed(f"{missing.args[0]} is missing")
    except TypeError as wrong:
        return Malformed(str(wrong))


def _table(fields: dict[str, Any]) -> Table:
    applications = fields["applications"]
    if not isinstance(applications, dict):
        raise TypeError("applications is no object")
    vids = _list(fields, "vids")
    return Table(
        _number(fields["session"]),
        _number(fields["sequence"]),
        {name: _number(number) for name, number in applications.items()},
        _definitions(applications, _text(fields["definitions"])),
        tuple(_entry(entry) for entry in vids),
    )


def _definitions(applications: Iterable[str], text: str) -> dict[str, str]:
    """Cut the definitions, which come in the applications' order."""
    names = tuple(applications)
    if len(text) != DEFINITION_LENGTH * len(names):
        raise TypeError("definitions do not fit the applications")
    return {
        name: text[at : at + DEFINITION_LENGTH]
        for name, at in zip(names, range(0, len(text), DEFINITION_LENGTH), strict=True)
    }


def _list(fields: Mapping[str, Any], key: str) -> list[Any]:
    value = fields[key]
    if not isinstance(value, list):
        raise TypeError(f"{key} is no list")
    return value


def _place(place: object) -> Place:
    match place:
        case [str(application), vid, str(reason)]:
            return Place(application, None if vid is None else _number(vid), reason)
        case _:
            raise TypeError("one of places is no [application, vid, reason]")


def _entry(entry: object) -> VidEntry:
    match entry:
        case [vid, bool(works), str(master), str(reason), link] if master in _MASTERS:
            return VidEntry(_number(vid), works, master, reason, None if link is None else _text(link))
        case _:
            raise TypeError("an entry of vids is no [vid, works, master, reason, link]")


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{str(value)[:20]!r} is no number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:20]!r} is no text")
    return value
