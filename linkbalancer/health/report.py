"""What is believed of each tracker and gateway, and how one process tells another: JSON, one packet each.

The checker tells the agent; an agent that somebody connects to first tells what it had been told, so that a checker
that was started anew goes on from there. A packet that cannot be understood is a `Malformed` value, never an exception.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.clock import Instant

LIMIT: Final = 196_608
"""The longest packet in bytes, which a Unix socket's default buffer (208 KiB) takes."""

TRACKERS_MAX: Final = 256
"""Trackers of a gateway: with texts of `TEXT_MAX` all of them fit into one packet."""

TEXT_MAX: Final = 160
"""Characters of a report's text."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of several probes that a verdict rests on: what it is, what it says."""

    what: str
    ok: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What is believed of one tracker or gateway: `ok` (None: not known), since when (CLOCK_BOOTTIME), the last words.

    `kind` is the tracker's (device, script, ...; of a gateway: gateway). `value`: the number that it read, where it
    reads one.
    """

    kind: str
    ok: bool | None
    since: Instant
    text: str = ""
    value: int | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Reports:
    """Some reports: trackers by name, gateways by group, far ends over IPv6 by way; all there are, where `whole`."""

    trackers: Mapping[str, Report] = field(default_factory=dict)
    gateways: Mapping[str, Report] = field(default_factory=dict)
    ends: Mapping[str, Report] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Malformed:
    """What arrived were no reports; `reason` says why."""

    reason: str


def encode(reports: Reports) -> bytes:
    """Return the reports as one packet; ValueError when it is longer than the limit."""
    data = json.dumps(to_json(reports), separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    if len(data) > LIMIT:
        raise ValueError(f"reports of {len(data)} bytes are longer than {LIMIT}")
    return data


def decode(data: bytes) -> Reports | Malformed:
    """Return the reports in a packet, or why there are none; never raises."""
    if len(data) > LIMIT:
        return Malformed(f"longer than {LIMIT} bytes")
    try:
        return from_json(json.loads(data))
    except (ValueError, RecursionError):
        return Malformed("no JSON")
    except (AttributeError, KeyError, TypeError) as wrong:
        return Malformed(f"no reports: {wrong}"[:TEXT_MAX])


def to_json(reports: Reports) -> dict[str, Any]:
    """Return reports as JSON-able values."""
    return {
        "whole": reports.whole,
        "trackers": {name: _written(one) for name, one in reports.trackers.items()},
        "gateways": {group: _written(one) for group, one in reports.gateways.items()},
        "ends": {way: _written(one) for way, one in reports.ends.items()},
    }


def from_json(raw: Mapping[str, Any]) -> Reports:
    """Read what `to_json` wrote.

    Raises:
        AttributeError, KeyError, TypeError: It is something else.
    """
    return Reports(
        {str(name): _read(one) for name, one in raw["trackers"].items()},
        {str(group): _read(one) for group, one in raw["gateways"].items()},
        {str(way): _read(one) for way, one in raw.get("ends", {}).items()},  # who is older asks none
        raw["whole"] is True,
    )


def _written(one: Report) -> list[Any]:
    parts = [[part.what[:TEXT_MAX], part.ok, part.text[:TEXT_MAX]] for part in one.parts]
    return [one.kind, one.ok, one.since, one.text[:TEXT_MAX], one.value, parts]


def _read(raw: object) -> Report:
    match raw:
        case [str(kind), ok, int(since), str(text), value, list(parts)]:
            if value is not None and not isinstance(value, int):
                raise TypeError("a value is no number")
            return Report(kind, _belief(ok), since, text, value, tuple(_part(part) for part in parts))
        case _:
            raise TypeError("a report is of another shape")


def _part(raw: object) -> Part:
    match raw:
        case [str(what), ok, str(text)]:
            return Part(what, _belief(ok), text)
        case _:
            raise TypeError("a probe's report is of another shape")


def _belief(raw: object) -> bool | None:
    if raw is None or isinstance(raw, bool):
        return raw
    raise TypeError("a belief is neither true, false nor null")
