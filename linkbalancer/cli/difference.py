"""The difference between two versions of a file, as `diff -u` writes it, coloured on a terminal."""

import difflib
import sys
from collections.abc import Sequence
from typing import Final

_COLOURS: Final = {"+": "32", "-": "31", "@": "36"}


def difference(before: bytes, after: bytes, name: str) -> list[str]:
    """Return the lines that differ, with three lines around them; empty when nothing does."""
    old, new = (content.decode(errors="backslashreplace").splitlines(keepends=True) for content in (before, after))
    return [line.rstrip("\r\n") for line in difflib.unified_diff(old, new, f"{name} (now)", f"{name} (new)")]


def coloured(lines: Sequence[str]) -> str:
    """Return lines of a difference for standard output: what comes is green, what goes red, if it is a terminal."""
    if not sys.stdout.isatty():
        return "\n".join(lines)
    return "\n".join(_coloured(line) for line in lines)


def _coloured(line: str) -> str:
    if line.startswith(("+++", "---")):
        return f"\x1b[1m{line}\x1b[0m"
    colour = _COLOURS.get(line[:1])
    return line if colour is None else f"\x1b[{colour}m{line}\x1b[0m"
