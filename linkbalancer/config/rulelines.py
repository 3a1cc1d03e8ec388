"""The lines of a rule file as a person edits them: rules in use, rules commented out, and what each is called.

A rule is commented out by one `#` before its `App=`: that is what people do by hand, and taking it away gives the line
back as it was. A comment is taken for a rule only where its text is one, so that prose about `App=` lines is none.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.config.addresssets import AnySets, Sets
from linkbalancer.config.findings import FieldError, suggestion
from linkbalancer.config.ruleoptions import NAME
from linkbalancer.config.rules import parse_rule, read_sets
from linkbalancer.routing.rule import Rule

IDENTITY_DIGITS: Final = 6
CANDIDATES_MAX: Final = 8
"""How many rules an ambiguous name is answered with."""

BYTE_ORDER_MARK: Final = "\ufeff"

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_OFF = re.compile(r"\s*#(?=\s*App\s*=)")
_ON = re.compile(r"\s*App\s*=")


@dataclass(frozen=True, slots=True)
class Line:
    """A line's text, and what ends it: LF, CR LF, CR (as Python reads text), or nothing (only the last)."""

    text: str
    ending: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A line that starts with `App=`, or would without its `#`.

    `rules` are what it says, one for each family where it has addresses of both; none where it has an error.
    """

    number: int
    enabled: bool
    text: str
    fields: tuple[str, ...]
    vids: str
    options: str
    comment: str
    rules: tuple[Rule, ...] = field(repr=False)

    @property
    def application(self) -> str | None:
        """The application that it names or makes, None where it has an error."""
        return self.rules[0].application if self.rules else None

    @property
    def is_rule(self) -> bool:
        """Whether it is one, not a comment that just begins like one."""
        return self.enabled or bool(self.rules)

    @property
    def identity(self) -> str:
        """What the rule is called wherever it stands: by its words, not by blanks, comment, or whether it is in use."""
        words = " ".join(_words(self.text))
        return f"@{hashlib.sha256(words.encode()).hexdigest()[:IDENTITY_DIGITS]}"

    def __str__(self) -> str:
        """Write it as a candidate: where it stands, what it is called, what it says."""
        state = "" if self.enabled else " (disabled)"
        return f"line {self.number} {self.identity}{state}: {' '.join(self.text.partition('#')[0].split())}"


class NameRefusedError(Exception):
    """A name means no rule, or several: `candidates` are those it may mean."""

    def __init__(self, what: str, remedy: str, candidates: Sequence[RuleLine] = ()) -> None:
        self.what, self.remedy, self.candidates = what, remedy, tuple(candidates)
        super().__init__(f"{what}; {remedy}")


def split_lines(text: str) -> list[Line]:
    """Split a text so that joining the parts gives it back byte for byte."""
    lines = [Line(match[1], match[2]) for match in _LINE.finditer(text)]
    return lines[:-1] if lines[-1] == Line("", "") else lines  # a text that is ended ends with an empty match


def rule_lines(text: str, file: str = "", read: Callable[[str], str] | None = None) -> list[RuleLine]:
    """Return the lines that start with `App=`, also those with errors, and the ones commented out.

    `read` returns the text of the files that sets are kept in, whose relative names start at the rule file's folder.
    """
    lines = [line.text for line in split_lines(text.removeprefix(BYTE_ORDER_MARK))]
    sets = read_sets(lines, file, read)
    found = []
    for number, line in enumerate(lines, start=1):
        one = rule_line(number, line, sets)
        if one is not None:
            found.append(one)
    return found


def rule_line(number: int, text: str, sets: Sets | None = None) -> RuleLine | None:
    """Read one line; None when it does not start with `App=`, commented out or not. Without `sets`, any name is one."""
    off = _OFF.match(text)
    if off is None and _ON.match(text) is None:
        return None
    bare = text if off is None else without_mark(text)
    rules = parse_rule(bare, sets or AnySets("", str)).rules
    said, _, comment = bare.partition("#")
    before, _, after = said.partition("=")[2].partition("[")
    vids, _, options = after.partition("]")
    return RuleLine(
        number,
        off is None,
        bare,
        tuple(before.split()),
        f"[{' '.join(vids.split())}]",
        " ".join(word for word in options.split() if not word.startswith(f"{NAME}=")),
        comment.strip(),
        tuple(Rule(number, rule.application, rule.selector) for rule in rules),
    )


def without_mark(text: str) -> str:
    """Return a disabled line without its `#`, byte for byte what it was before that."""
    match = _OFF.match(text)
    assert match is not None
    return text[: match.end() - 1] + text[match.end() :]


def find(lines: Sequence[RuleLine], name: str, *, enabled: bool | None = None) -> RuleLine:
    """Return the one rule that a name means: a line's number, an application, or `@` and digits of its identity.

    Args:
        lines: the file's rules.
        name: what the operator calls it.
        enabled: take only rules in use (True), only those that are not (False), or any (None).

    Raises:
        NameRefusedError: it means none of them, or several.
    """
    meant = [line for line in lines if _is_meant(line, name)]
    fitting = [line for line in meant if enabled is None or line.enabled is enabled]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        shown = fitting[:CANDIDATES_MAX]
        raise NameRefusedError(f"{name} means {len(fitting)} rules", "name one by its line's number", shown)
    if meant:
        state = "in use" if meant[0].enabled else "disabled"
        raise NameRefusedError(f"{name} is {state} already", "there is nothing to do")
    if name.isdecimal():
        raise NameRefusedError(f"line {name} is no rule", "see `linkbalancer rules list`")
    known = dict.fromkeys(line.application for line in lines if line.application is not None)
    raise NameRefusedError(f"no rule is called {name}", suggestion(name, known))


def _is_meant(line: RuleLine, name: str) -> bool:
    if name.startswith("@"):
        return len(name) > 1 and line.identity.startswith(name)
    if name.isdecimal() and line.number == int(name):
        return True
    return line.application == name  # a commented-out line that is no rule goes by its number alone


def written(rule: str, sets: Sets | None = None) -> str:
    """Return a rule to be added as a line: with its `App=`, in one line. Without `sets`, any name is one.

    Raises:
        FieldError: it is no rule; every error of it is said.
    """
    text = rule.strip()
    if any(mark in text for mark in "\r\n"):
        raise FieldError("a rule is one line", "add one after the other")
    if _ON.match(text) is None:
        text = f"App={text}"
    parsed = parse_rule(text, sets or AnySets("", str))
    if parsed.errors or not parsed.rules:
        wrong = "; ".join(f"column {one.column}: {one.what}; {one.remedy}" for one in sorted(parsed.errors))
        raise FieldError(f"{text!r} is no rule: {wrong}", "quote it, so that the shell leaves * and [ ] alone")
    return text


def shadowing(lines: Sequence[RuleLine], number: int) -> RuleLine | None:
    """Return the first rule before a line that takes every packet that the line's rule selects."""
    (mine,) = (line.rules for line in lines if line.number == number)
    before = (line for line in lines if line.number < number and line.enabled)
    return next((line for line in before if mine and _takes(line.rules, mine)), None)


def _takes(some: Sequence[Rule], others: Sequence[Rule]) -> bool:
    return all(any(one.selector.covers(other.selector) for one in some) for other in others)


def _words(text: str) -> list[str]:
    """Return the words of a rule, `App=` apart, without its comment."""
    return ["App=", *text.partition("#")[0].partition("=")[2].replace("[", " [ ").replace("]", " ] ").split()]
