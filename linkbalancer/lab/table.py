"""A drill's report as a table for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from linkbalancer.lab.judge import name_of
from linkbalancer.lab.punctuality import excuses

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask."""

_COLUMNS = ("Fault", "Application", "Way", "From", "To", "Back", "Lost", "Outage ms", "Healed", "")
_WRAPPED = frozenset({"Fault", "Application"})
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
        """Whether nothing was lost, nothing moved, and nothing stood still for as long as one would notice."""
        return not self.lost and self.stays and max(self.outage, self.healed) < _NOTICED_MS

    @property
    def stays(self) -> bool:
        """Whether nothing moved; of several applications each stayed where it was."""
        return len(set(self.stations)) == 1

    def joins(self, other: "_Row") -> bool:
        """Whether both directions of an application, or two untouched applications, can share a line."""
        if self.apps == other.apps:
            return self.stations == other.stations and bool(self.lost) == bool(other.lost)
        return self.stays and other.stays and self.untouched == other.untouched and self.ways == other.ways

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
    def names(self) -> str:
        """Whose line it is; who noticed nothing beside somebody who did needs no names."""
        if len(self.apps) == self.of > 1:
            return "all"
        return "the others" if self.untouched and len(self.apps) > 1 else ", ".join(self.apps)

    @property
    def cells(self) -> list[str]:
        """The cells of the line, without the fault's own."""
        before, during, after = self.stations
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


_LEGEND = """
From, To, Back: VID and link before the fault, while it lasted, and after its
healing. Lost: packets both ways and in both spans. Outage: the longest gap
between arrivals, less the sending interval. In each part the worst stands
first; faults of one kind that nobody noticed share a line.
"""

_PARTS: Mapping[str, tuple[str, ...]] = {
    "links": ("cut", "lone", "silent", "one-end", "oneway", "loss", "slow", "flap", "swap", "blackout", "comeback"),
    "gateways and LANs": ("node", "lan", "split", "neighbour"),
    "two at once": ("double",),
    "the service": ("restart", "upgrade", "leave", "kill", "killall"),
    "by order": ("drain", "reload"),
    "strangers": ("stranger",),
}
"""Which faults stand together, by kind."""
_SEVERAL = ("", "", "")
_NOTICED_MS = 100.0
_FAULT_WIDTH = 26
_OTHERS = "others"
_VERDICTS = {"failed": "[red]FAILED[/]", "exempt": "[dim]exempt[/]", "ok": "[green]ok[/]"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the table says of a fault, or of `faults` that nobody noticed."""

    kind: str
    first: str
    verdict: str
    rows: "list[_Row]"
    faults: int = 1

    @property
    def name(self) -> str:
        """What stands in the first column."""
        return self.first if self.faults == 1 else f"{self.first} and {self.faults - 1} more"

    @property
    def badness(self) -> tuple[bool, bool, float]:
        """By what the worst is found: failed, then exempt ones last, then the longest outage."""
        return (
            self.verdict == "failed",
            self.verdict == "ok",
            max((max(row.outage, row.healed) for row in self.rows), default=0),
        )

    @property
    def unnoticed(self) -> bool:
        """Whether it is well that nothing was lost and nothing moved."""
        return self.verdict == "ok" and len(self.rows) == 1 and self.rows[0].untouched

    def takes(self, other: "_Entry") -> bool:
        """Whether another fault can share the line."""
        return self.kind == other.kind and self.unnoticed and other.unnoticed

    def with_another(self, other: "_Entry") -> "_Entry":
        """Return the line for one more."""
        return replace(self, rows=[self.rows[0].joined(other.rows[0])], faults=self.faults + other.faults)


def show_report(report: Mapping[str, Any], console: Console) -> None:
    """Print the table, and below it in words what failed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in _COLUMNS:
        table.add_column(
            heading,
            justify="right" if heading in _RIGHT else "left",
            no_wrap=heading not in _WRAPPED,
            min_width=3,
            max_width=_FAULT_WIDTH if heading == "Fault" else None,
        )
    parts = list(_parts(report))
    for title, entries in parts:
        if len(parts) > 1:
            table.add_section()
            table.add_row(f"[bold]{title}[/]")
        for entry in entries:
            for number, row in enumerate(entry.rows):
                first = number == 0
                table.add_row(entry.name if first else "", *row.cells, _VERDICTS[entry.verdict] if first else "")
    console.print(table)
    console.print(_LEGEND, highlight=False)
    if report["failures"]:
        console.print(f"[red]{len(report['failures'])} things are not as they must be:[/]", highlight=False)
        for line in report["failures"]:
            console.print(f"  {line}", highlight=False, markup=False)
        for number, line in enumerate(excuses(report)):
            if not number:
                console.print("This computer may have been too busy for it:", highlight=False)
            console.print(f"  {line}", highlight=False, markup=False)
    else:
        console.print(f"[green]all {len(report['faults'])} faults are survived as they must be[/]", highlight=False)


def _parts(report: Mapping[str, Any]) -> Iterator[tuple[str, list[_Entry]]]:
    """Yield the parts of the table that have faults, each with its entries, the worst first."""
    known = {kind: title for title, kinds in _PARTS.items() for kind in kinds}
    for title in dict.fromkeys([*_PARTS, _OTHERS]):
        entries = [
            _entry(fault, report["failures"])
            for fault in report["faults"]
            if known.get(fault["fault"], _OTHERS) == title
        ]
        if entries:
            yield title, sorted(_merged(entries), key=lambda entry: entry.badness, reverse=True)


def _entry(fault: Mapping[str, Any], failures: Sequence[str]) -> _Entry:
    name = name_of(fault)
    # A verdict's name is followed by a colon, or by `, healed`.
    failed = any(line.startswith((f"{name}:", f"{name},")) for line in failures)
    return _Entry(fault["fault"], name, "failed" if failed else "exempt" if fault["exempt"] else "ok", rows(fault))


def _merged(entries: Iterable[_Entry]) -> list[_Entry]:
    """Let entries of one kind share a line where nobody noticed anything of them."""
    found: list[_Entry] = []
    for entry in entries:
        place = next((index for index, other in enumerate(found) if other.takes(entry)), None)
        if place is None:
            found.append(entry)
        else:
            found[place] = found[place].with_another(entry)
    return found


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
