"""A drill's report as a table for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from linkbalancer.lab.judge import name_of

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask."""

_COLUMNS = ("Fault", "Application", "Way", "From", "To", "Back", "Lost", "Outage ms", "Healed", "")
_RIGHT = frozenset({"Lost", "Outage ms", "Healed"})


@dataclass(frozen=True, slots=True)
class _Row:
    """What one line of the table says; flows of which the same can be said share one.

    `stations` are VID and link before the fault, while it lasted, and after its healing. `outage` and `healed` are the
    outages in ms; `of` is how many applications there are.
    """

    apps: tuple[str, ...]
    ways: tuple[str, ...]
    stations: tuple[str, str, str]
    lost: int
    outage: float
    healed: float
    of: int

    @property
    def untouched(self) -> bool:
        """Whether nothing was lost and nothing moved."""
        return not self.lost and len(set(self.stations)) == 1

    def joins(self, other: "_Row") -> bool:
        """Whether both directions of an application, or two untouched applications, can share a line."""
        if self.apps == other.apps:
            return self.stations == other.stations and bool(self.lost) == bool(other.lost)
        return self.untouched and other.untouched and self.ways == other.ways

    def joined(self, other: "_Row") -> "_Row":
        """Return the line for both: losses added up, the longer outage."""
        return _Row(
            self.apps if self.apps == other.apps else self.apps + other.apps,
            tuple(dict.fromkeys(self.ways + other.ways)),
            self.stations if self.stations == other.stations else _SEVERAL,
            self.lost + other.lost,
            max(self.outage, other.outage),
            max(self.healed, other.healed),
            self.of,
        )

    @property
    def cells(self) -> list[str]:
        """The cells of the line, without the fault's own."""
        before, during, after = self.stations
        moved = [] if self.untouched else [during, after if after != during else ""]
        return [
            "all" if len(self.apps) == self.of > 1 else ", ".join(self.apps),
            "both" if len(self.ways) > 1 else self.ways[0],
            before,
            *(moved or ["stays", ""]),
            str(self.lost),
            f"{self.outage:.0f}",
            f"{self.healed:.0f}",
        ]


_LEGEND = """
From, To, Back: VID and link before the fault, while it lasted, and after its healing. Lost: packets
both ways and in both spans. Outage: the longest gap between arrivals, less the sending interval.
"""
_SEVERAL = ("", "", "")


def show_report(report: Mapping[str, Any], console: Console) -> None:
    """Print the table, and below it in words what failed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in _COLUMNS:
        table.add_column(
            heading, justify="right" if heading in _RIGHT else "left", no_wrap=heading != "Application", min_width=3
        )
    for fault in report["faults"]:
        name = name_of(fault)
        # A verdict's name is followed by a colon, or by `, healed`.
        failed = any(line.startswith((f"{name}:", f"{name},")) for line in report["failures"])
        verdict = "[red]FAILED[/]" if failed else "[dim]exempt[/]" if fault["exempt"] else "[green]ok[/]"
        for number, row in enumerate(rows(fault)):
            table.add_row(*([name] if number == 0 else [""]), *row.cells, verdict if number == 0 else "")
    console.print(table)
    console.print(_LEGEND, highlight=False)
    if report["failures"]:
        console.print(f"[red]{len(report['failures'])} things are not as they must be:[/]", highlight=False)
        for line in report["failures"]:
            console.print(f"  {line}", highlight=False, markup=False)
    else:
        console.print(f"[green]all {len(report['faults'])} faults are survived as they must be[/]", highlight=False)


def rows(fault: Mapping[str, Any]) -> list[_Row]:
    """Return the lines of a fault: one for each flow, then those joined that say the same."""
    return _join(_join(list(_flow_rows(fault))))


def _join(rows: Sequence[_Row]) -> list[_Row]:
    found: list[_Row] = []
    for row in rows:
        place = next((index for index, other in enumerate(found) if other.joins(row)), None)
        if place is None:
            found.append(row)
        else:
            found[place] = found[place].joined(row)
    return found


def _flow_rows(fault: Mapping[str, Any]) -> Iterator[_Row]:
    for flow, healed in zip(fault["broken"]["flows"], fault["healed"]["flows"], strict=True):
        stations = _station(flow["before"]), _station(flow["after"]), _station(healed["after"])
        yield _Row(
            (flow["app"],),
            (flow["direction"],),
            stations,
            flow["lost"] + healed["lost"],
            flow["outage_ms"],
            healed["outage_ms"],
            len({one["app"] for one in fault["broken"]["flows"]}),
        )


def _station(path: Mapping[str, Any]) -> str:
    """Write where a flow runs: `1 l2` for VID 1 over link l2, `-` for what is not known or not there."""
    return f"{path['vid'] or '-'} {path['link'] or '-'}"


def console_for(stream: Any) -> Console:  # noqa: ANN401 - what rich takes: any text stream
    """Return a console for a stream: as wide as the terminal, or PLAIN_WIDTH columns of plain text without one."""
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=PLAIN_WIDTH, no_color=True)
