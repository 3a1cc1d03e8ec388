"""Findings: what is wrong in a configuration, where, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

NEAR: Final = 0.6
"""How alike two words must be (difflib's ratio) for one to be suggested in place of the other."""

SHOWN: Final = 40
"""How many characters of a wrong value an error repeats."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend; `line` and `column` count from 1, `remedy` says what to do."""

    file: str
    line: int
    column: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Write it as compilers do, so that editors can jump there: `file:line:column: what; remedy`."""
        return printable(f"{self.file}:{self.line}:{self.column}: {self.what}; {self.remedy}")


class ConfigErrors(Exception):  # noqa: N818 - it carries all errors of a configuration, never just one
    """A configuration is refused, for every reason in `findings` (in the order of files and lines)."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))


class FieldError(ValueError):
    """One value is wrong: `what` it is, and the `remedy`; whoever knows the place makes a finding of it."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}; {remedy}")


def printable(text: str) -> str:
    """Return a text that tells a terminal or a log nothing but itself: a file may hold any character."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant (of equals the first), None when none is near."""
    likeness = {name: SequenceMatcher(None, name.casefold(), word.casefold()).ratio() for name in known}
    best = max(likeness, key=likeness.__getitem__, default=None)
    return best if best is not None and likeness[best] >= NEAR else None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a remedy for an unknown word: the one probably meant, else all there are (at most 12)."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"did you mean {near}?"
    if not names:
        return "there is none"
    return f"use one of: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"


def shown(value: object) -> str:
    """Write a wrong value as YAML would, shortly."""
    match value:
        case bool():
            text = "true" if value else "false"
        case None:
            text = "nothing"
        case dict():
            text = "a mapping"
        case list() | tuple():
            text = "a list"
        case str():
            text = repr(value)
        case _:
            text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def as_text(raw: object, what: str, remedy: str) -> str:
    """Return a value that must be text.

    Raises:
        FieldError: YAML read it as something else.
    """
    if not isinstance(raw, str):
        raise FieldError(f"{shown(raw)} is no {what}", remedy)
    return raw
