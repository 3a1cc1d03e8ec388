"""The feed's messages as bytes: the agent's table one way; `applied` and `goodbye` the other; JSON, one packet each.

A packet that cannot be understood becomes a `Malformed` value with its reason: a confused process at the other end must
never be able to raise an exception in this one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, assert_never

from linkbalancer.feed.table import Table, VidEntry

DEFINITION_LENGTH = 4
"""Characters of an application's definition in a table (`routing.application`)."""

LIMIT = 208_896
"""The longest message in bytes; a longer one would not fit a Unix socket's default buffer (208 KiB) as one packet."""

APPLICATIONS_MAX = 4000
"""Applications of a gateway: each may be a process, and the agent's end of the feed takes 4096 processes."""

NAMES_MAX = 136_000
"""The room in a table for the names of applications, by `size_of_names`; the rest of `LIMIT` is for 255 VIDs."""

REASONS_MAX = 16
"""So often a table says what breaks a service level; where more differ, it only says that they are broken."""

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
        case Table():
            return Packets(message).of(message.applications)
        case Applied(places, session, sequence):
            told = [[place.application, place.vid, place.reason] for place in places]
            fields: dict[str, Any] = {"type": "applied", "session": session, "sequence": sequence, "places": told}
        case Goodbye():
            fields = {"type": "goodbye"}
        case _:
            assert_never(message)
    return _within_limit(_text_of(fields), fields["type"])


class Packets:
    """A table as packets: each process gets what concerns its own applications, and all of the VIDs."""

    def __init__(self, table: Table) -> None:
        """Write down once what all of them get."""
        self._table = table
        entries = [[entry.vid, entry.works, entry.master, entry.reason, entry.link] for entry in table.vids]
        self._vids = _text_of({"vids": entries, "breaks": _breaks(table.vids)})

    def of(self, names: Iterable[str]) -> bytes:
        """Return the packet for some applications, as far as there are such; ValueError when it is too long."""
        table = self._table
        some = {name: table.applications[name] for name in names if name in table.applications}
        head = {
            "type": "table",
            "session": table.session,
            "sequence": table.sequence,
            "applications": some,
            "definitions": "".join(table.definitions[name] for name in some),
        }
        return _within_limit(f"{_text_of(head)[:-1]},{self._vids[1:]}", "table")


def _text_of(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _within_limit(text: str, kind: str) -> bytes:
    data = text.encode()
    if len(data) > LIMIT:
        raise ValueError(f"a {kind} of {len(data)} bytes is longer than {LIMIT}")
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
    vids = [_entry(entry) for entry in _list(fields, "vids")]
    # An agent of the release before knows no service levels.
    broken = _broken(_list(fields, "breaks")) if "breaks" in fields else {}
    return Table(
        _number(fields["session"]),
        _number(fields["sequence"]),
        {name: _number(number) for name, number in applications.items()},
        _definitions(applications, _text(fields["definitions"])),
        tuple(replace(one, breaks=tuple(broken[one.vid])) if one.vid in broken else one for one in vids),
    )


def _breaks(vids: Iterable[VidEntry]) -> list[list[Any]]:
    """Write which VIDs break a level for the same reason, once for all of them."""
    found: dict[tuple[str, str], list[int]] = {}
    for entry in vids:
        for level, reason in entry.breaks:
            told = reason if (level, reason) in found or len(found) < REASONS_MAX else ""
            found.setdefault((level, told), []).append(entry.vid)
    return [[level, reason, numbers] for (level, reason), numbers in sorted(found.items())]


def _broken(groups: Iterable[object]) -> dict[int, list[tuple[str, str]]]:
    """Read what each VID breaks."""
    found: dict[int, list[tuple[str, str]]] = {}
    for group in groups:
        match group:
            case [str(level), str(reason), [*vids]]:
                for vid in map(_number, vids):
                    found.setdefault(vid, []).append((level, reason))
            case _:
                raise TypeError("one of breaks is no [level, reason, vids]")
    return found


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
