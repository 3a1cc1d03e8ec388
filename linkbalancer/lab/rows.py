"""The lines of a drill's table: what happened to whom, and whose lines are one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

NOTICED_MS = 100.0

_CLASSES = (NOTICED_MS, 500, 1500, 5000)
"""Outages between the same two of these are alike."""

_NAMES_WIDTH = 11
MANY = 12
"""Of more applications names are abbreviated."""

_STATION_WIDTH = 7

_WAYS = ("out", "back")

Place: TypeAlias = tuple[int | None, str | None]
"""A VID and a link."""

Stations: TypeAlias = tuple[frozenset[Place], frozenset[Place], frozenset[Place]]


@dataclass(frozen=True, slots=True)
class Row:
    """What one line of the table says; flows of which the same can be said share one.

    `stations` are where they were before the fault, while it lasted, and after its healing. `outage` and `healed` are
    the outages in ms; `of` is how many applications there are. `stays` says that each stayed where it was.
    """

    apps: tuple[str, ...]
    ways: tuple[str, ...]
    stations: Stations
    lost: int
    outage: float
    healed: float
    of: int
    stays: bool

    @property
    def untouched(self) -> bool:
        """Whether nothing was lost, nothing moved, and nothing stood still for as long as one would notice."""
        return not self.lost and self.stays and max(self.outage, self.healed) < NOTICED_MS

    @property
    def badness(self) -> tuple[float, int]:
        """By what the worst is found."""
        return max(self.outage, self.healed), self.lost

    @property
    def severity(self) -> tuple[int, ...]:
        """By what two lines are of one kind: whether anything was lost, and in which class the outages are."""
        classes = [sum(ms >= bound for bound in _CLASSES) for ms in (self.outage, self.healed)]
        return (*classes, int(bool(any(classes) or self.lost)))

    def joins(self, other: "Row") -> bool:
        """Whether both directions of an application, or several applications, can share a line."""
        if self.apps == other.apps:
            return self.stations == other.stations and bool(self.lost) == bool(other.lost)
        if self.ways != other.ways or self.stays != other.stays:
            return False
        if self.stations == other.stations and self.severity == other.severity:
            return True
        return self.stays and self.untouched == other.untouched

    def joined(self, other: "Row") -> "Row":
        """Return the line for both: losses added up, the longer outage."""
        before, during, after = (mine | its for mine, its in zip(self.stations, other.stations, strict=True))
        return Row(
            tuple(dict.fromkeys(self.apps + other.apps)),
            tuple(way for way in _WAYS if way in self.ways + other.ways),
            (before, during, after),
            self.lost + other.lost,
            max(self.outage, other.outage),
            max(self.healed, other.healed),
            self.of,
            self.stays,
        )

    @property
    def names(self) -> str:
        """Whose line it is; who noticed nothing beside somebody who did needs no names."""
        if len(self.apps) == self.of > 1:
            return "all"
        if self.untouched and len(self.apps) > 1:
            return "the others"
        return _abbreviated(self.apps) if self.of > MANY else ", ".join(self.apps)

    @property
    def cells(self) -> list[str]:
        """The cells of the line, without the fault's own."""
        before, during, after = map(_station, self.stations)
        moved = [] if self.stays else [during, after if after != during else ""]
        return [
            self.names,
            "both" if len(self.ways) > 1 else self.ways[0],
            before,
            *(moved or ["stays", ""]),
            str(self.lost),
            f"{self.outage:.0f}",
            f"{self.healed:.0f}",
        ]


def _abbreviated(names: Sequence[str]) -> str:
    """Write a few names, and how many there are beside them: `sensor-01 +49`."""
    shown = [names[0]]
    for name in names[1:]:
        if len(", ".join([*shown, name])) > _NAMES_WIDTH:
            break
        shown.append(name)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" +{more}" if more else "")


def rows(fault: Mapping[str, Any]) -> list[Row]:
    """Return the lines of a fault: one for each flow, then those joined that say the same."""
    found = list(_flow_rows(fault))
    while len(joined := _join(found)) < len(found):
        found = joined
    return found


def _join(rows: Sequence[Row]) -> list[Row]:
    found: list[Row] = []
    for row in rows:
        place = next((index for index, other in enumerate(found) if other.joins(row)), None)
        if place is None:
            found.append(row)
        else:
            found[place] = found[place].joined(row)
    return found


def _flow_rows(fault: Mapping[str, Any]) -> Iterator[Row]:
    whole = len({one["app"] for one in fault["broken"]["flows"]})
    for flow, healed in zip(fault["broken"]["flows"], fault["healed"]["flows"], strict=True):
        before, during, after = (_place(path) for path in (flow["before"], flow["after"], healed["after"]))
        yield Row(
            (flow["app"],),
            (flow["direction"],),
            (frozenset({before}), frozenset({during}), frozenset({after})),
            flow["lost"] + healed["lost"],
            flow["outage_ms"],
            healed["outage_ms"],
            whole,
            before == during == after,
        )


def _place(path: Mapping[str, Any]) -> Place:
    return path["vid"], path["link"]


def _station(places: frozenset[Place]) -> str:
    """Write where flows run: `1 l2` for VID 1 over link l2, `1+4 l1+l2` for several, `-` for what is not there.

    Nothing where that would be too long.
    """
    vids = sorted({vid or 0 for vid, _ in places})
    links = sorted({link or "-" for _, link in places})
    text = "+".join(str(vid or "-") for vid in vids) + " " + "+".join(links)
    return text if len(places) == 1 or len(text) <= _STATION_WIDTH else ""
