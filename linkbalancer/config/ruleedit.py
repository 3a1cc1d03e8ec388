"""Edits of a rule file's text: one line is added, moved, removed, disabled or enabled, and every other byte stays."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkbalancer.config.rulelines import BYTE_ORDER_MARK, Line, rule_line, split_lines, without_mark

_HEAD = re.compile(r"\s*App\s*=")
_COLUMN = re.compile(r"\[[^\]]*\]|#.*|[^\s\[#]+")


@dataclass(frozen=True, slots=True)
class Top:
    """Before the first rule, after what is written above it."""


@dataclass(frozen=True, slots=True)
class End:
    """After the last rule."""


@dataclass(frozen=True, slots=True)
class Before:
    """Before the line of this number."""

    number: int


@dataclass(frozen=True, slots=True)
class After:
    """After the line of this number."""

    number: int


Place: TypeAlias = Top | End | Before | After


@dataclass(frozen=True, slots=True)
class Edited:
    """The text after an edit, and the number of the line that it touched (where it was, if it is gone)."""

    text: str
    number: int


PLAIN_ENDING: Final = "\n"


class _Text:
    """A file's lines while one of them is edited."""

    def __init__(self, text: str) -> None:
        body = text.removeprefix(BYTE_ORDER_MARK)
        self._mark = text[: len(text) - len(body)]
        self.lines = split_lines(body)

    def __str__(self) -> str:
        return self._mark + "".join(line.text + line.ending for line in self.lines)

    def index(self, place: Place) -> int:
        """Return where in the list a line is put in."""
        if isinstance(place, Before):
            return place.number - 1
        if isinstance(place, After):
            return place.number
        rules = [at for at, line in enumerate(self.lines) if _is_rule(line)]
        if not rules:
            return len(self.lines)
        return rules[0] if isinstance(place, Top) else rules[-1] + 1

    def insert(self, at: int, text: str) -> None:
        """Put a line in; an unended last line stays the way the file ends."""
        ending = self._ending()
        if at == len(self.lines) and self.lines and not self.lines[-1].ending:
            self.lines[-1] = Line(self.lines[-1].text, ending)
            ending = ""
        self.lines.insert(at, Line(text, ending))

    def delete(self, at: int) -> str:
        """Take a line out; return its text."""
        line = self.lines.pop(at)
        if not line.ending and self.lines and self.lines[-1].text:  # an empty line without an ending is none
            self.lines[-1] = Line(self.lines[-1].text, "")
        return line.text

    def _ending(self) -> str:
        """Return how the file ends its lines: as most of them do."""
        endings = [line.ending for line in self.lines if line.ending]
        return max(dict.fromkeys(endings), key=endings.count, default=PLAIN_ENDING)


def add(text: str, rule: str, place: Place) -> Edited:
    """Add a rule, its columns under those of the rule beside it where they fit."""
    lines = _Text(text)
    at = lines.index(place)
    neighbour = _neighbour(lines.lines, at)
    lines.insert(at, rule if neighbour is None else aligned(rule, neighbour))
    return Edited(str(lines), at + 1)


def remove(text: str, number: int) -> Edited:
    """Remove the line of this number."""
    lines = _Text(text)
    lines.delete(number - 1)
    return Edited(str(lines), number)


def move(text: str, number: int, place: Place) -> Edited:
    """Move a line, as it is; one that is there already stays."""
    lines = _Text(text)
    at = lines.index(place)
    if at in {number - 1, number}:
        return Edited(text, number)
    moved = lines.delete(number - 1)
    at -= at >= number
    lines.insert(at, moved)
    return Edited(str(lines), at + 1)


def disable(text: str, number: int) -> Edited:
    """Comment a rule out."""
    return _changed(text, number, "#" + _Text(text).lines[number - 1].text)


def enable(text: str, number: int) -> Edited:
    """Take back what commented a rule out."""
    return _changed(text, number, without_mark(_Text(text).lines[number - 1].text))


def _changed(text: str, number: int, to: str) -> Edited:
    lines = _Text(text)
    lines.lines[number - 1] = Line(to, lines.lines[number - 1].ending)
    return Edited(str(lines), number)


def _is_rule(line: Line) -> bool:
    found = rule_line(0, line.text)
    return found is not None and found.is_rule


def _neighbour(lines: Sequence[Line], at: int) -> str | None:
    """Return the rule in use that stands nearest above, else below, the place of a new one."""
    for index in (*range(at - 1, -1, -1), *range(at, len(lines))):
        line = rule_line(index + 1, lines[index].text)
        if line is not None and line.enabled:
            return line.text
    return None


def aligned(rule: str, like: str) -> str:
    """Write a rule with its words under those of another one, as far as they fit."""
    start = _HEAD.match(like)
    assert start is not None
    into = start[0].partition("A")[0] + "App="
    columns = [match.start() for match in _COLUMN.finditer(like, start.end())]
    words = [match[0].rstrip() for match in _COLUMN.finditer(_HEAD.sub("", rule, count=1))]
    for index, word in enumerate(words):
        if index < len(columns):
            into = into.ljust(columns[index])
        if index and not into[-1].isspace():
            into += " "
        into += word
    return into
