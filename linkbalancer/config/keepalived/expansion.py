"""From files to lines as Keepalived's parser sees them: includes, conditions, definitions, sequences worked out.

Pure: files are read, and patterns of `include` matched, by what is handed in. Everything is bounded, for definitions
may name each other and files include each other.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from linkbalancer.config.findings import ConfigErrors, Finding, shown
from linkbalancer.config.keepalived.lines import CONTINUED, Line, logical_lines
from linkbalancer.config.keepalived.remarks import Kind, Remark

EFFORT_MAX: Final = 200_000
"""What the working out of a configuration may cost: a step, and more for long and much-mended lines (some seconds)."""

STEPS_MAX: Final = 200_000
"""Values of one sequence."""

LENGTH_MAX: Final = 10_000
"""Characters of one line."""

INCLUDES_MAX: Final = 32
"""How deep files may include each other."""

_CONDITION: Final = re.compile(r"\s*@(\^?)(\S+)\s*")
_DEFINITION: Final = re.compile(r"\s*\$([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII | re.DOTALL)
_INCLUDE: Final = re.compile(r"\s*(include[rmwba]?)\s+(.+?)\s*", re.DOTALL)
_LOOP: Final = re.compile(r"\s*~(SEQx?|LST)\(")
_REFERENCE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*)(?=\s|$))", re.ASCII)
_CHANCE: Final = re.compile(r"\$\{_RANDOM[^}]*\}")
_LIST: Final = re.compile(r"\{([^{}]*)\}|([^,{}]+)")


@dataclass(frozen=True, slots=True)
class _Define:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Enter:
    file: str


@dataclass(frozen=True, slots=True)
class _Leave:
    """The end of an included file."""


_Item: TypeAlias = Line | Finding | _Define | _Enter | _Leave


class Expansion:
    """The lines of a configuration, and what was found on the way.

    Args:
        read: returns a file's text, or raises OSError or UnicodeDecodeError.
        match: returns the files that a pattern of `include` means, relative ones from a folder.
        config_id: which lines with a condition (`@main ...`) are meant; Keepalived's default is the host's name.

    Raises:
        ConfigErrors: The file at `path` is no text.
        OSError: `read` cannot read it.
    """

    def __init__(
        self, path: str, read: Callable[[str], str], match: Callable[[str, str], list[str]], config_id: str
    ) -> None:
        self._read, self._match, self._id = read, match, config_id
        self._definitions: dict[str, str] = {"_INSTANCE": config_id, "_HASH": "#", "_BANG": "!"}
        self._files: list[str] = []
        self._effort = 0
        self.lines: list[Line] = []
        self.remarks: list[Remark] = []
        self.errors: list[Finding] = []
        try:
            self._work_off(self._reading(path))
        except UnicodeDecodeError as error:
            what = f"the file is not UTF-8: {error.reason} at byte {error.start}"
            raise ConfigErrors([Finding(path, 1, 1, what, "save it as UTF-8")]) from None

    def _work_off(self, items: list[_Item]) -> None:
        """Take items one by one; what an item becomes is taken before the next."""
        waiting = list(reversed(items))
        while waiting:
            item = waiting.pop()
            self._effort += 1 + len(item.text) // 50 + len(item.runs) if isinstance(item, Line) else 1
            if self._effort > EFFORT_MAX:
                self._give_up(item)
                return
            match item:
                case Line():
                    waiting += reversed(self._becomes(item))
                case _Define(name, value):
                    self._definitions[name] = value
                case _Enter(file):
                    self._files.append(file)
                case _Leave():
                    self._files.pop()
                case finding:
                    self.errors.append(finding)

    def _give_up(self, item: _Item) -> None:
        line, column = item.place(0) if isinstance(item, Line) else (1, 1)
        what = "the configuration grows beyond all bounds: definitions, sequences or includes lead to themselves"
        self.errors.append(Finding(self._files[-1], line, column, what, "write it without them"))

    def _becomes(self, line: Line) -> list[_Item]:
        """Return what a line stands for; a plain one is kept."""
        if condition := _CONDITION.match(line.text):
            if (condition[2] == self._id) == (condition[1] == "^"):
                self._note(Kind.NEEDLESS, line, f"the line is not for this host ({self._id})", "see --config-id")
                return []
            return [line.part(condition.end())]
        if definition := _DEFINITION.fullmatch(line.text):
            return [_Define(definition[1], definition[2].strip())]
        line = _flat(line)
        if include := _INCLUDE.fullmatch(line.text):
            return self._included(line, include)
        if loop := _LOOP.match(line.text):
            return self._loop(line, loop)
        return self._replaced(line)

    def _replaced(self, line: Line) -> list[_Item]:
        """Return the line with its first definition worked out; keep it where there is none."""
        for reference in _REFERENCE.finditer(line.text):
            value = self._value(reference[1] or reference[2])
            if value is None:
                continue
            if len(line.text) + len(value) > LENGTH_MAX:
                self.errors.append(
                    line.finding(reference.start(), f"{reference[0]} makes the line too long", "write it shorter")
                )
                return []
            found = line.replaced(*reference.span(), value)
            return list(found.split()) if CONTINUED in value else [found]
        if chance := _CHANCE.search(line.text):
            found = line.part(chance.start())
            self._note(Kind.LOST, found, f"{chance[0]} would be another number each time", "write a number")
        if line.text.strip():
            self.lines.append(line)
        return []

    def _value(self, name: str) -> str | None:
        return str(PurePosixPath(self._files[-1]).parent) if name == "_PWD" else self._definitions.get(name)

    # -- includes ----------------------------------------------------------------------------------------------------

    def _included(self, line: Line, include: re.Match[str]) -> list[_Item]:
        at, pattern = include.start(2), include[2].strip("\"'")
        if len(self._files) > INCLUDES_MAX:
            what = f"files include each other more than {INCLUDES_MAX} deep"
            self.errors.append(line.finding(at, what, "remove the include that leads back"))
            return []
        names = self._match(pattern, str(PurePosixPath(self._files[-1]).parent))
        if not names:
            self._note(Kind.LOST, line.part(at), f"no file is {shown(pattern)}", "nothing, if none is meant to be")
        found: list[_Item] = []
        for name in names:
            try:
                found += self._reading(name)
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                self.errors.append(line.finding(at, f"cannot read {name}: {why}", "mend the include"))
        return found

    def _reading(self, name: str) -> list[_Item]:
        text = self._read(name)
        return [_Enter(name), *logical_lines(text.removeprefix("\ufeff"), name), _Leave()]

    # -- sequences ---------------------------------------------------------------------------------------------------

    def _loop(self, line: Line, loop: re.Match[str]) -> list[_Item]:
        end = line.text.find(")", loop.end())
        values = None
        if end >= 0:
            words = self._worked_out(line.text[loop.end() : end])
            values = _listed(words) if loop[1] == "LST" else _counted(words, hexadecimal=loop[1] == "SEQx")
        if values is None:
            what = f"~{loop[1]} is not understood, or has too many values"
            self.errors.append(line.finding(loop.start(), what, "write the lines that it means"))
            return []
        rest = line.part(end + 1)
        found: list[_Item] = []
        for definitions in values:
            found += [_Define(name, value) for name, value in definitions.items()]
            found.append(rest)
        return found

    def _worked_out(self, text: str) -> str:
        """Replace the definitions in a sequence's own values, once."""
        return _REFERENCE.sub(lambda found: self._value(found[1] or found[2]) or found[0], text)

    def _note(self, kind: Kind, line: Line, what: str, remedy: str) -> None:
        self.remarks.append(Remark(line.finding(len(line.text) - len(line.text.lstrip()), what, remedy), kind))


def _flat(line: Line) -> Line:
    """Let a continued line be one: only in definitions do its pieces stay lines."""
    return Line(line.file, line.text.replace(CONTINUED, " "), line.runs)


def _counted(words: str, *, hexadecimal: bool) -> list[Mapping[str, str]] | None:
    """Return the values of `~SEQ(var, [start,] [step,] end)`, None when it is none or has too many."""
    name, *numbers = (word.strip() for word in words.split(","))
    try:
        given = [int(number, 0) for number in numbers]
    except ValueError:
        return None
    if not name or not 1 <= len(given) <= 3:
        return None
    end = given[-1]
    start = given[0] if len(given) > 1 else 1 if end > 0 else -1
    step = given[1] if len(given) == 3 else 1 if end >= start else -1
    if step == 0:
        return None
    numbers_meant = range(start, end + (1 if step > 0 else -1), step)
    if len(numbers_meant) > STEPS_MAX:
        return None
    return [{name: f"{number:x}" if hexadecimal else str(number)} for number in numbers_meant]


def _listed(words: str) -> list[Mapping[str, str]] | None:
    """Return the values of `~LST(var, value, ...)` or `~LST({a, b}, {1, 2}, ...)`, None when it is none."""
    names, *values = _groups(words) or [()]
    if not names or not all(names) or any(len(value) != len(names) for value in values):
        return None
    return [dict(zip(names, value, strict=True)) for value in values]


def _groups(words: str) -> list[tuple[str, ...]]:
    found = ((match[1] if match[1] is not None else match[2]) for match in _LIST.finditer(words))
    return [tuple(word.strip() for word in one.split(",")) for one in found if one.strip()]
