"""The physical lines of a keepalived.conf as logical ones: without comments, continued ones joined, places kept."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from linkbalancer.config.findings import Finding

CONTINUED: Final = "\n"
"""What stands in a logical line where a physical one ended in a backslash."""


class Run(NamedTuple):
    """From `start` on, a line's characters come from this line and column; `moves`: one column each, else all one."""

    start: int
    line: int
    column: int
    moves: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line, and where each part of it was written."""

    file: str
    text: str
    runs: tuple[Run, ...]

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column (from 1) of a character, or of the end."""
        run = self._run(index)
        return run.line, run.column + (index - run.start if run.moves else 0)

    def _run(self, index: int) -> Run:
        return self.runs[bisect_right(self.runs, index, key=lambda run: run.start) - 1]

    def finding(self, index: int, what: str, remedy: str) -> Finding:
        """Return a finding at a character."""
        return Finding(self.file, *self.place(index), what, remedy)

    def part(self, start: int, end: int | None = None) -> "Line":
        """Return a part of the line, places kept."""
        text = self.text[start:end]
        line, column = self.place(start)
        inner = tuple(
            run._replace(start=run.start - start) for run in self.runs if start < run.start < start + len(text)
        )
        return Line(self.file, text, (Run(0, line, column, self._run(start).moves), *inner))

    def replaced(self, start: int, end: int, text: str) -> "Line":
        """Return the line with other characters in the place of some; they all stand where those began."""
        line, column = self.place(start)
        before = tuple(run for run in self.runs if run.start < start)
        after = self.part(end).runs
        shift = start + len(text)
        moved = tuple(run._replace(start=run.start + shift) for run in after)
        return Line(
            self.file,
            self.text[:start] + text + self.text[end:],
            (*before, Run(start, line, column, moves=False), *moved),
        )

    def split(self) -> list["Line"]:
        """Return the lines that it was continued over."""
        found, start = [], 0
        for piece in self.text.split(CONTINUED):
            found.append(self.part(start, start + len(piece)))
            start += len(piece) + 1
        return found


def logical_lines(text: str, file: str) -> Iterator[Line | Finding]:
    """Yield the lines of a text that say something; a quote that is not closed is a finding."""
    pieces: list[str] = []
    runs: list[Run] = []
    length = 0
    for number, raw in enumerate(text.split("\n"), 1):
        said, goes_on, closed = _said(raw.removesuffix("\r"))
        if not closed:
            column = raw.rindex('"') + 1
            yield Finding(file, number, column, "a quote is not closed", 'close it with " on its line')
            said, goes_on = "", False
        pieces.append(said)
        runs.append(Run(length, number, 1))
        length += len(said) + len(CONTINUED)
        if goes_on:
            continue
        whole = CONTINUED.join(pieces)
        if whole.strip():
            yield Line(file, whole, tuple(runs))
        pieces, runs, length = [], [], 0
    whole = CONTINUED.join(pieces)
    if whole.strip():
        yield Line(file, whole, tuple(runs))


def _said(raw: str) -> tuple[str, bool, bool]:
    r"""Return a line without its comment, whether it goes on in the next one, and whether its quotes are closed.

    Columns stay: a backslash before a comment's mark is left for the words (`\#`).
    """
    quoted = False
    index = 0
    while index < len(raw):
        match raw[index]:
            case '"':
                quoted = not quoted
            case "\\":
                if index + 1 == len(raw):
                    return raw[:index], True, not quoted
                index += 1
            case "#" | "!" if not quoted:
                # A comment may say that the line goes on after it.
                return raw[:index], raw.endswith("\\"), True
        index += 1
    return raw, False, not quoted
