"""Titled tables and remarks: drawn as tables where a terminal is, written as plain lines where none is."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from linkbalancer.engine.foresight.site import SIDES
from linkbalancer.links import Role

Cell: TypeAlias = tuple[str, ...]
"""The lines of a cell."""


class Row(NamedTuple):
    """A row of a table, and how bad it is (0: as wished, 2: worst)."""

    cells: tuple[Cell, ...]
    badness: int = 0


class Block(NamedTuple):
    """A table with a title; a column without a name in its header holds labels."""

    title: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


class Remarks(NamedTuple):
    """Sentences with a title."""

    title: str
    lines: tuple[str, ...]


STYLES = ("", "yellow", "bold red")


NAMES_MAX = 6
"""How many names a line has, at most; `--json` and `--fail` have all."""


def some(names: Sequence[str], of: int = 0) -> str:
    """Write names, not more than a line has: all, or the first ones and how many there are."""
    if len(names) == of > 1:
        return f"all {of}"
    if len(names) > NAMES_MAX:
        return f"{', '.join(names[: NAMES_MAX - 1])} and {len(names) - NAMES_MAX + 1} more"
    return ", ".join(names)


LINES_MAX = 12
"""How many lines a remark has."""


def few(lines: tuple[str, ...], more: str, most: int = LINES_MAX) -> tuple[str, ...]:
    """Return lines, at most so many: the last one then says how many are left out, and what has them."""
    if len(lines) <= most:
        return lines
    return (*lines[: most - 1], f"and {len(lines) - most + 1} more like these ({more})")


def at(side: str) -> str:
    """Name a side where there are two."""
    return "" if side == SIDES[Role.STANDALONE] else f" {side}"


def show(verdict: str, blocks: Iterable[Block | Remarks], *, good: bool) -> None:
    """Draw on the terminal that standard output is."""
    console = Console(no_color="NO_COLOR" in os.environ, highlight=False, markup=False, file=sys.stdout)
    console.print(verdict, style="green" if good else "bold red")
    for block in blocks:
        console.print(f"\n{block.title}", style="bold")
        if isinstance(block, Remarks):
            for line in block.lines:
                table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
                table.add_row("  -", Text(line))
                console.print(table)
            continue
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
        for heading in block.header:
            table.add_column(heading, overflow="fold")
        for row in block.rows:
            table.add_row(*(Text("\n".join(cell)) for cell in row.cells), style=STYLES[row.badness])
        console.print(table)


def plain(verdict: str, blocks: Iterable[Block | Remarks]) -> Iterator[str]:
    """Yield the same as lines that need no width: a table of many words becomes a paragraph a row."""
    yield verdict
    for block in blocks:
        yield from ("", f"{block.title}:")
        if isinstance(block, Remarks):
            yield from (f"- {line}" for line in block.lines)
        elif any(len(cell) > 1 for row in block.rows for cell in row.cells):
            for row in block.rows:
                yield from _paragraph(block.header, row)
        else:
            yield from _columns(block)


def _paragraph(header: tuple[str, ...], row: Row) -> Iterator[str]:
    """Yield a row whose first cell is its label; what a cell has stands in lines below each other."""
    (label,), *cells = row.cells
    yield f"{label}:"
    for name, cell in zip(header[1:], cells, strict=True):
        yield from (
            f"   {name + ':' if not number else ' ' * (len(name) + 1)} {line}" for number, line in enumerate(cell)
        )


def _columns(block: Block) -> Iterator[str]:
    lines = [block.header, *(tuple(cell[0] for cell in row.cells) for row in block.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
