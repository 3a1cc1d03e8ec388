"""What passed of which application by which VID, as `linkbalancer status` shows it where it is counted."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from linkbalancer.cli.load import bits, octets
from linkbalancer.cli.screen import Row, Section
from linkbalancer.clock import MILLISECOND, SECOND, Duration, in_words

HEADER: Final = ("traffic", "VID", "over", "out/s", "in/s", "out", "in", "packets", "flows", "idle")

STILL: Final[Duration] = 5 * SECOND
"""After so long without a packet it counts as idle."""


class _Pair(NamedTuple):
    """An application on a VID (0: none), with what passed in each direction."""

    application: str
    vid: int
    ways: Mapping[str, Mapping[str, Any]]

    def sum(self, what: str) -> float:
        """What both directions have together, as far as it is known."""
        return sum(one[what] or 0 for one in self.ways.values())


def sections(status: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the table, where anything is counted; why it is not counted up is a table of its own."""
    counts = status.get("counts")
    if counts is None:
        return ()
    found = []
    if counts["why"]:
        found.append(Section(("traffic is not counted up",), (Row(1, (counts["why"],)),)))
    pairs = sorted(_pairs(counts["applications"]), key=lambda one: (-one.sum("bits_per_s"), -one.sum("bytes"), one))
    if pairs:
        found.append(Section(HEADER, tuple(Row(0, _cells(one, status)) for one in pairs)))
    elif not counts["why"]:
        nothing = f"none in the {_roughly(counts['for_ms'])} since it is counted"
        found.append(Section(("traffic",), (Row(0, (nothing,)),)))
    return tuple(found)


def rate(status: Mapping[str, Any], application: str, direction: str) -> float | None:
    """Return the bytes per second of an application in a direction, on all VIDs; None where it is not known."""
    ways = (status.get("counts") or {}).get("applications", {}).get(application)
    rates = [one["bits_per_s"] for one in ways or () if one["direction"] == direction]
    return None if ways is None or None in rates else sum(rates) / 8


def _pairs(applications: Mapping[str, Any]) -> Iterator[_Pair]:
    for name, ways in applications.items():
        for vid in sorted({one["vid"] or 0 for one in ways}):
            yield _Pair(name, vid, {one["direction"]: one for one in ways if (one["vid"] or 0) == vid})


def _cells(pair: _Pair, status: Mapping[str, Any]) -> tuple[str, ...]:
    group = status["groups"].get(str(pair.vid))
    idle = min(one["idle_ms"] for one in pair.ways.values())
    out, back = (pair.ways.get(way) for way in ("out", "in"))
    return (
        pair.application,
        str(pair.vid or "none"),
        "-" if group is None else _over(group),
        *("-" if one is None else bits(one["bits_per_s"]) for one in (out, back)),
        *(octets(0 if one is None else one["bytes"]) for one in (out, back)),
        bits(pair.sum("packets")),
        bits(pair.sum("flows")),
        "-" if idle * MILLISECOND < STILL else _roughly(idle),
    )


def _over(group: Mapping[str, Any]) -> str:
    """Name the way of a VID, as far as it is this gateway's own."""
    if group["mode"] == "static":
        return str(group["device"])
    return str(group["link"]) if group["next_hop"] == group["link"] else "-"


def _roughly(milliseconds: int) -> str:
    return in_words(milliseconds * MILLISECOND // SECOND * SECOND)
