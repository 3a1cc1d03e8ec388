"""Tables on a screen, worst first: cut to its width, folded to its height, coloured where it is a terminal.

Drawn by hand: the usual library would take longer to import than the daemon to answer.
"""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

BOLD, DIM = "1", "2"
COLOURS = ("", "33", "31")
"""How a row is coloured, by how bad it is: as wished, not as wished, not at all."""


class Row(NamedTuple):
    """One line: how bad it is (0: as wished), and its cells."""

    badness: int
    cells: tuple[str, ...]


class Section(NamedTuple):
    """One table; its header's first word says what its rows are."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


class Screen(NamedTuple):
    """Where it is shown: None stands for no limit."""

    width: int | None = None
    height: int | None = None
    colours: bool = False

    def paint(self, text: str, style: str) -> str:
        """Return a text in a style."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colours and style and text else text

    def cut(self, text: str) -> str:
        """Return a line, cut to the width."""
        if self.width is None or len(text) <= self.width:
            return text
        return text[: max(self.width - 1, 0)] + "…"


def here(*, everything: bool) -> Screen:
    """Return the screen that standard output is; `everything` scrolls rather than folds."""
    if not sys.stdout.isatty():
        return Screen()
    try:
        width, height = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        return Screen()
    return Screen(width or None, None if everything or not height else height, colours="NO_COLOR" not in os.environ)


def worst_first(header: tuple[str, ...], rows: Sequence[Row]) -> Section:
    """Return a section in its order."""
    return Section(header, tuple(sorted(rows, key=lambda row: -row.badness)))


def tables(sections: Sequence[Section], screen: Screen, used: int) -> list[str]:
    """Return the sections' lines, an empty one before each; `used` lines of the screen are taken already."""
    shares = _shares(sections, screen, used)
    return [line for section, share in zip(sections, shares, strict=True) for line in _table(section, share, screen)]


def folded(lines: Sequence[str], most: int | None) -> list[str]:
    """Return at most so many lines, the last of them saying how many are left out."""
    if most is None or len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {len(lines) - most + 1} more (--all shows them)"]


def _shares(sections: Sequence[Section], screen: Screen, used: int) -> list[int]:
    """Share the rows that a screen has left: in turns, so that a long list never hides a short one."""
    wanted = [len(section.rows) for section in sections]
    if screen.height is None:
        return wanted
    shares = [0] * len(sections)
    left = screen.height - 1 - used - 2 * len(sections)  # a line for the next prompt, two for each gap and header
    # Whatever is left: each section shows something.
    left = max(left, 2 * len(sections))
    while left and shares != wanted:
        for number, most in enumerate(wanted):
            if left and shares[number] < most:
                shares[number] += 1
                left -= 1
    return shares


def _table(section: Section, share: int, screen: Screen) -> list[str]:
    rows = section.rows if share >= len(section.rows) else section.rows[: max(share - 1, 0)]
    hidden = section.rows[len(rows) :]
    cells = [section.header, *(row.cells for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if screen.width is not None:
        widths = _squeeze(widths, screen.width - 2 * len(widths))
    lines = ["", screen.paint(screen.cut(_line(section.header, widths)), BOLD)]
    lines += [screen.paint(screen.cut(_line(row.cells, widths)), COLOURS[row.badness]) for row in rows]
    if hidden:
        bad = sum(row.badness > 0 for row in hidden)
        state = f"{bad} of them not as wished (--all shows them)" if bad else "all as wished"
        worst = max(row.badness for row in hidden)
        lines.append(screen.paint(screen.cut(f"  and {len(hidden)} more, {state}"), COLOURS[worst] or DIM))
    return lines


def _squeeze(widths: Sequence[int], room: int) -> list[int]:
    """Take from the widest column until all fit; none becomes narrower than a word."""
    squeezed = list(widths)
    while sum(squeezed) > room and max(squeezed) > 8:
        squeezed[squeezed.index(max(squeezed))] -= 1
    return squeezed


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    fitted = (
        cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"
        for cell, width in zip(cells, widths, strict=True)
    )
    return ("  " + "  ".join(fitted)).rstrip()


def vid_in_order(name: str) -> tuple[int, str]:
    """Return by what groups are sorted: `1`, `1/ipv6`, `2`."""
    vid, _, family = name.partition("/")
    return int(vid), family
