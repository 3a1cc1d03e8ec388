"""The words of a keepalived.conf: split at white space and braces, with quotes and escapes worked out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from linkbalancer.config.findings import Finding
from linkbalancer.config.keepalived.lines import Line

OPENS: Final = "{"
CLOSES: Final = "}"

_ESCAPES: Final = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TOKEN: Final = re.compile(r"\s+|[{}]|(?:\$\{[^\s{}]*\}|\\.|\"(?:\\.|[^\"\\])*\"|[^\s{}\"\\]|[\\\"])+", re.DOTALL)
_NUMBERED: Final = re.compile(r"x([0-9A-Fa-f]+)|([0-7]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """One word and its place; two of the same letters are still two words.

    `brace`: a brace that opens or closes a block, in place of one that is quoted.
    """

    text: str
    file: str
    line: int
    column: int
    brace: bool = False

    def finding(self, what: str, remedy: str) -> Finding:
        """Return a finding at the word."""
        return Finding(self.file, self.line, self.column, what, remedy)


def words(line: Line) -> Iterator[Word]:
    """Yield the words of a line."""
    for token in _TOKEN.finditer(line.text):
        text = token[0]
        if text.isspace():
            continue
        place = line.place(token.start())
        if text in {OPENS, CLOSES}:
            yield Word(text, line.file, *place, brace=True)
        else:
            yield Word(unquoted(text, '"'), line.file, *place)


def arguments(text: str) -> list[str]:
    """Return the words of a script's command line: white space separates, single quotes hold together."""
    return [unquoted(token, "'") for token in re.findall(r"(?:\\.|'[^']*'|[^\s'\\]|[\\'])+", text, re.DOTALL)]


def unquoted(text: str, quote: str) -> str:
    """Return a word without its quotes, its escapes worked out."""
    found: list[str] = []
    index = 0
    while index < len(text):
        one = text[index]
        index += 1
        if one == "\\" and index < len(text):
            said, index = _escaped(text, index)
            found.append(said)
        elif one != quote:
            found.append(one)
    return "".join(found)


def _escaped(text: str, index: int) -> tuple[str, int]:
    """Return what an escape says, and where it ends."""
    if number := _NUMBERED.match(text, index):
        code = int(number[1][-2:], 16) if number[1] else int(number[2], 8) & 0xFF
        return chr(code), number.end()
    one = text[index]
    if one == "c" and index + 1 < len(text):
        return chr(ord(text[index + 1]) & 0x1F), index + 2
    return _ESCAPES.get(one, one), index + 1
