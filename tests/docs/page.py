"""A task page: its commands with what they answer, and what happens between them.

A fenced block `console` has commands behind a prompt, `b1# COMMAND` (the word before the mark is the node), and below
each what it answers. A command that is refused ends with `# exit N`. Of an answer the page shows what matters: a line
`...` stands for any lines; numbers, times and the width of columns are not compared. What a person does with his hands
stands in a comment that no reader sees: `<!-- do: cut l1 -->`; `Reader` has all of these.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FENCE: Final = re.compile(r"^ *```(\w*)$")
_PROMPT: Final = re.compile(r"^([a-z][a-z0-9-]*)# (.*?)(?:\s+# exit (\d+))?$")
_DEED: Final = re.compile(r"^<!-- do: (.*) -->$")
_EDITED: Final = re.compile(r"^<!-- file: (\S+) (\S+) -->$")

_TIME: Final = re.compile(r"\b[\d.]+ (?:us|ms|s|min|h|d)(?: [\d.]+ (?:s|min|h))*\b")
"""How long something took or lasts: one time is as good as another."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command on a node, what it answers, and its exit status."""

    line: int
    node: str
    text: str
    answer: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person does with his hands."""

    line: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that the page has its reader write: the block that follows `<!-- file: NODE NAME -->`."""

    line: int
    node: str
    name: str
    text: str


def read_page(path: Path) -> list[Command | Deed | Written]:
    """Return everything that a page has done, in its order."""
    return list(_read(path.read_text().splitlines()))


def _read(lines: list[str]) -> Iterator[Command | Deed | Written]:
    number, name = 0, None
    while number < len(lines):
        line = lines[number]
        number += 1
        if deed := _DEED.match(line):
            yield Deed(number, tuple(deed[1].split()))
        elif edited := _EDITED.match(line):
            name = edited[1], edited[2]
        elif fence := _FENCE.match(line):
            end = next(index for index in range(number, len(lines)) if lines[index].strip() == "```")
            if fence[1] == "console":
                yield from _commands(textwrap.dedent("\n".join(lines[number:end])).splitlines(), number)
            elif name is not None:
                yield Written(number, *name, textwrap.dedent("\n".join(lines[number:end])) + "\n")
                name = None
            number = end + 1


def _commands(block: list[str], first: int) -> Iterator[Command]:
    places = [index for index, line in enumerate(block) if _PROMPT.match(line)]
    assert places[:1] == [0], f"line {first + 1}: a console block begins with a prompt"
    for place, end in zip(places, [*places[1:], len(block)], strict=True):
        found = _PROMPT.match(block[place])
        assert found is not None
        yield Command(first + place + 1, found[1], found[2], tuple(block[place + 1 : end]), int(found[3] or 0))


def missing(answer: tuple[str, ...], said: str) -> str | None:
    """Return the first line of a page's answer that a command did not say where it must, None when it said all."""
    lines = [_plain(line) for line in said.splitlines() if line.strip()]
    place, anywhere = 0, False
    for expected in (line for line in answer if line.strip()):
        if expected.strip() == "...":
            anywhere = True
            continue
        pattern = re.compile(_pattern(expected))
        found = next((index for index in range(place, len(lines)) if pattern.fullmatch(lines[index])), None)
        if found is None or (found != place and not anywhere):
            return expected
        place, anywhere = found + 1, False
    return None if anywhere or place == len(lines) or not answer else f"nothing more, but it said {lines[place]!r}"


def _plain(line: str) -> str:
    return _TIME.sub("0 s", re.sub(r"\s+", " ", line.strip()))


def _pattern(line: str) -> str:
    """Return a pattern for a line: any number for a number, anything for `...`."""
    parts = (re.sub(r"\d+", lambda _: r"\\d+", re.escape(part)) for part in _plain(line).split("..."))
    return ".*".join(part.replace(r"\\d+", r"\d+") for part in parts).replace(r"\ ", " ")
