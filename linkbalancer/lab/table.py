"""A drill's report as a table for people."""

import fnmatch
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from linkbalancer.lab.errors import LabError
from linkbalancer.lab.judge import name_of
from linkbalancer.lab.punctuality import excuses
from linkbalancer.lab.rows import MANY, Row, rows
from linkbalancer.lab.splits import in_words

PLAIN_WIDTH = 100
"""Columns where there is no terminal to ask."""

_COLUMNS = ("Fault", "Application", "Way", "From", "To", "Back", "Lost", "Outage ms", "Healed", "")
_COLUMNS_OF_MANY = ("Application", "Apps", "Way", "From", "To", "Back", "Lost", "Outage", "Healed", "")
_WRAPPED = frozenset({"Fault", "Application"})
_RIGHT = frozenset({"Apps", "Lost", "Outage", "Outage ms", "Healed"})


_LEGEND = """
From, To, Back: VID and link before the fault, while it lasted, and after its
healing. Lost: packets both ways and in both spans. Outage: the longest gap
between arrivals, less the sending interval. In each part the worst stands
first; faults of one kind that nobody noticed share a line.
"""
_LEGEND_OF_MANY = """Applications to which much the same happened share a line; Apps says how many.
Outage and Healed in ms; flows send every {interval:g} ms, and an outage may look
longer or shorter by that.
`--app NAME` shows the lines of one alone.
"""

_GROUPS = 40
"""So many lines say what is not as it must be; the report has all of it."""

_PARTS: Mapping[str, tuple[str, ...]] = {
    "links": ("cut", "lone", "silent", "one-end", "oneway", "loss", "slow", "flap", "swap", "blackout", "comeback"),
    "gateways and LANs": ("node", "lan", "split", "neighbour"),
    "two at once": ("double",),
    "the service": ("restart", "upgrade", "leave", "kill", "killall"),
    "by order": ("drain", "reload"),
    "strangers": ("stranger",),
}
"""Which faults stand together, by kind."""
_FAULT_WIDTH = 26
_OTHERS = "others"
_VERDICTS = {"failed": "[red]FAILED[/]", "exempt": "[dim]exempt[/]", "ok": "[green]ok[/]"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the table says of a fault, or of `faults` that nobody noticed."""

    kind: str
    first: str
    verdict: str
    rows: list[Row]
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
    many = len(report["applications"]) > MANY
    columns = _COLUMNS_OF_MANY if many else _COLUMNS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for heading in columns:
        table.add_column(
            heading,
            justify="right" if heading in _RIGHT else "left",
            no_wrap=heading not in _WRAPPED,
            min_width=3,
            max_width=_FAULT_WIDTH if heading == columns[0] else None,
        )
    parts = list(_parts(report))
    for title, entries in parts:
        if len(parts) > 1:
            table.add_section()
            table.add_row(f"[bold]{title}[/]")
        for entry in entries:
            (_add_many if many else _add)(table, entry)
    console.print(table)
    console.print(_LEGEND, highlight=False, end="" if many else "\n")
    if many:
        console.print(_LEGEND_OF_MANY.format(interval=report["interval_ms"]), highlight=False)
    for one in report.get("splits", ()):
        console.print(f"{one['app']} at rest: {in_words(one)}: {one['result']}", highlight=False, markup=False)
    _show_failures(report, console)


def _add(table: Table, entry: _Entry) -> None:
    for number, row in enumerate(entry.rows):
        first = number == 0
        table.add_row(entry.name if first else "", *row.cells, _VERDICTS[entry.verdict] if first else "")


def _add_many(table: Table, entry: _Entry) -> None:
    """Give the fault a line of its own, and those below it by how badly they fared."""
    table.add_row(f"[bold]{entry.name}[/]", *[""] * (len(_COLUMNS_OF_MANY) - 2), _VERDICTS[entry.verdict])
    for row in sorted(entry.rows, key=lambda row: row.badness, reverse=True):
        names, *others = row.cells
        table.add_row(f"  {names}", str(len(row.apps)), *others)


def _show_failures(report: Mapping[str, Any], console: Console) -> None:
    if not report["failures"]:
        console.print(f"[green]all {len(report['faults'])} faults are survived as they must be[/]", highlight=False)
        return
    console.print(f"[red]{len(report['failures'])} things are not as they must be:[/]", highlight=False)
    groups = list(alike(report["failures"], report["applications"]))
    for line, more in groups[:_GROUPS]:
        words = f" (and {more} more like it)" if more else ""
        console.print(f"  {line}{words}", highlight=False, markup=False)
    if len(groups) > _GROUPS:
        console.print(f"  ... and {len(groups) - _GROUPS} more kinds; --json has all", highlight=False, markup=False)
    for number, line in enumerate(excuses(report)):
        if not number:
            console.print("This computer may have been too busy for it:", highlight=False)
        console.print(f"  {line}", highlight=False, markup=False)


def alike(failures: Sequence[str], applications: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield what failed, and how often more: where many applications share a fate, once for all of them."""
    if len(applications) <= MANY:
        yield from ((line, 0) for line in failures)
        return
    names = "|".join(map(re.escape, sorted(applications, key=len, reverse=True)))
    name = re.compile(rf": (?:{names}) (out|back):")
    found: dict[str, list[str]] = {}
    for line in failures:
        found.setdefault(re.sub(r"[\d.]+", "#", name.sub(r": ? \1:", line)), []).append(line)
    for lines in found.values():
        yield lines[0], len(lines) - 1


def matching(applications: Collection[str], patterns: Sequence[str]) -> set[str]:
    """Return the applications that names or shell patterns mean; LabError for one that means none."""
    chosen: set[str] = set()
    for pattern in patterns:
        named = set(fnmatch.filter(applications, pattern))
        if not named:
            raise LabError(f"there is no application {pattern!r}; there are {', '.join(sorted(applications)[:10])}...")
        chosen |= named
    return chosen


def only(report: Mapping[str, Any], patterns: Sequence[str]) -> dict[str, Any]:
    """Return the report of some applications alone."""
    chosen = matching(report["applications"], patterns)
    faults = [
        {
            **fault,
            **{
                phase: {**fault[phase], "flows": [flow for flow in fault[phase]["flows"] if flow["app"] in chosen]}
                for phase in ("broken", "healed")
            },
        }
        for fault in report["faults"]
    ]
    return {**report, "faults": faults, "splits": [one for one in report["splits"] if one["app"] in chosen]}


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


def console_for(stream: Any) -> Console:  # noqa: ANN401 - what rich takes: any text stream
    """Return a console for a stream: as wide as the terminal, or PLAIN_WIDTH columns of plain text without one."""
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=PLAIN_WIDTH, no_color=True)
