"""Rule files: `App=` lines (mission A2), read whole, with every error in its place.

App=<src> <dst> <tos> <sport> <dport> <proto> [<vids>] [name=<name>]  # comment
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from linkbalancer.config import rulefields
from linkbalancer.config.findings import ConfigErrors, FieldError, Finding
from linkbalancer.links import Vid
from linkbalancer.routing.application import Application, Step, steps_in_words
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector

FIELDS: Final = ("source", "destination", "TOS", "source port", "destination port", "protocol")

NOT_STEERED: Final = "IPv6 is classified, not steered yet: main's routes decide"
"""What a gateway has to say of rules and packets of IPv6 as long as no VID has a virtual IP of it."""

OTHER_VIDS: Final = "has other VIDs than on line"
"""How an error says that a line is wrong only beside another one."""

_START = re.compile(r"\s*App\s*=")
_WORD = re.compile(r"\S+")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line and the column where it starts, from 1."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class StepUse:
    """Where a rule file names a step of VIDs: for those who know which VIDs there are."""

    step: Step
    line: int
    column: int


@dataclass(slots=True)
class RuleFile:
    """A rule file as read: the rules that are right, and what is wrong with the others."""

    file: str
    rules: list[Rule] = field(default_factory=list)
    applications: dict[str, Application] = field(default_factory=dict)
    uses: list[StepUse] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    _first_lines: dict[str, int] = field(default_factory=dict)
    _selectors: dict[Selector, int] = field(default_factory=dict)

    @property
    def ruleset(self) -> RuleSet:
        """The rules in order and their applications."""
        return RuleSet(tuple(self.rules), dict(self.applications))

    def add(self, line: int, column: int, selector: Selector, steps: tuple[Step, ...], name: Word | None) -> None:
        """Take in a line whose parts are right; check what it has to do with the lines before it."""
        application = name.text if name else selector.application_name()
        first = self._selectors.setdefault(selector, line)
        if first != line:
            self.warn(line, column, f"never matches: line {first} selects the same packets", "remove one of the two")
        known = self.applications.get(application)
        if known is not None and known.steps != steps:
            there = self._first_lines[application]
            self.error(
                line,
                name.column if name else column,
                f"the application {application} {OTHER_VIDS} {there}: {steps_in_words(known.steps)}",
                "give all its lines one list, or another name",
            )
            return
        if known is None:
            self.applications[application] = Application(application, steps)
            self._first_lines[application] = line
        self.rules.append(Rule(line, application, selector))

    def first_line(self, application: str) -> int:
        """Return where an application of the file is named first."""
        return self._first_lines[application]

    def error(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append(Finding(self.file, line, column, what, remedy))

    def warn(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append(Finding(self.file, line, column, what, remedy))


def parse_rules(text: str, file: str) -> RuleFile:
    """Read a rule file's text; never raises, errors are in the answer."""
    into = RuleFile(file)
    for number, line in enumerate(text.split("\n"), start=1):
        _Line(into, number, line.partition("#")[0].rstrip()).read()
    return into


def load_rules(path: str, read: Callable[[str], str]) -> RuleSet:
    """Read a rule file by itself: any VID from 1 to 255 will do, balanced steps too.

    Raises:
        ConfigErrors: It has errors; all of them are in `findings`.
        OSError: `read` cannot read it.
    """
    parsed = parse_rules(read_text(path, read), path)
    if parsed.errors:
        raise ConfigErrors(parsed.errors)
    return parsed.ruleset


def read_text(path: str, read: Callable[[str], str]) -> str:
    """Read a file of the configuration.

    Raises:
        ConfigErrors: It is not UTF-8.
        OSError: `read` cannot read it.
    """
    try:
        return read(path)
    except UnicodeDecodeError as error:
        place = Finding(path, 1, 1, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")
        raise ConfigErrors([place]) from None


class _Line:
    """One line while it is read."""

    def __init__(self, into: RuleFile, number: int, text: str) -> None:
        self._into = into
        self._number = number
        self._text = text
        self._good = True

    def read(self) -> None:
        """Read the line; a rule goes to the file when nothing is wrong with it."""
        if not self._text.strip():
            return
        start = _START.match(self._text)
        column = len(self._text) - len(self._text.lstrip()) + 1
        if start is None:
            self._error(column, "the line is no rule", "start it with App=, or make it a comment with #")
            return
        opening = self._text.find("[", start.end())
        closing = self._text.find("]", opening) if opening >= 0 else -1
        if closing < 0:
            self._no_list(self._words(start.end(), len(self._text)), opening)
            return
        selector = self._selector(self._words(start.end(), opening), opening + 1)
        steps = self._steps(self._words(opening + 1, closing), opening + 1)
        name = self._options(self._words(closing + 1, len(self._text)))
        if self._good:
            self._into.add(self._number, column, selector, steps, name)

    def _words(self, start: int, end: int) -> list[Word]:
        return [Word(match[0], match.start() + 1) for match in _WORD.finditer(self._text, start, end)]

    def _error(self, column: int, what: str, remedy: str) -> None:
        self._good = False
        self._into.error(self._number, column, what, remedy)

    def _no_list(self, words: list[Word], opening: int) -> None:
        if opening >= 0:
            self._error(opening + 1, "the list of VIDs has no end", "close it with ]")
        elif len(words) > len(FIELDS):
            rest = " ".join(word.text for word in words[len(FIELDS) :]).strip("]")
            self._error(words[len(FIELDS)].column, "the VIDs are not in brackets", f"write [{rest}]")
        else:
            self._error(len(self._text) + 1, "the line names no VIDs", "add a list such as [1 2] after the protocol")

    def _selector(self, words: list[Word], end: int) -> Selector:
        if len(words) < len(FIELDS):
            self._error(
                end,
                f"{len(words)} fields before the VIDs, not {len(FIELDS)}",
                f"write {', '.join(FIELDS)}, with * where any will do",
            )
            return Selector()
        if len(words) > len(FIELDS):
            extra = words[len(FIELDS)]
            self._error(extra.column, f"{extra.text!r} is one field too many", f"write just {', '.join(FIELDS)}")
            return Selector()
        source = self._read(words[0], rulefields.addresses)
        destination = self._read(words[1], rulefields.addresses)
        if source and destination and source[0] != destination[0]:
            remedy = "give source and destination in one family, or one of them as *"
            self._error(words[1].column, f"the source is IPv{source[0]}, the destination IPv{destination[0]}", remedy)
        dscp = self._read(words[2], rulefields.dscp)
        source_port = self._read(words[3], rulefields.ports)
        destination_port = self._read(words[4], rulefields.ports)
        return Selector(
            family=source[0] if source else destination[0] if destination else None,
            source=_alone(source[1] if source else None),
            destination=_alone(destination[1] if destination else None),
            dscp=_alone(None if dscp is None else Interval(dscp, dscp)),
            source_port=_alone(source_port),
            destination_port=_alone(destination_port),
            protocols=self._protocols(words, source_port, destination_port),
        )

    def _protocols(
        self, words: list[Word], source_port: Interval | None, destination_port: Interval | None
    ) -> tuple[int, ...] | None:
        number = self._read(words[5], rulefields.protocol)
        if source_port is None and destination_port is None:
            return None if number is None else (number,)
        if number is None:
            return PROTOCOLS_WITH_PORTS
        if number not in PROTOCOLS_WITH_PORTS:
            where = words[3] if source_port else words[4]
            named = ", ".join(map(protocol_name, PROTOCOLS_WITH_PORTS))
            self._error(
                where.column,
                f"the port {where.text} with protocol {words[5].text}, which has no ports",
                f"write *, or one of the protocols {named}",
            )
        return (number,)

    def _steps(self, words: list[Word], opening: int) -> tuple[Step, ...]:
        if not words:
            self._error(opening, "the list of VIDs is empty", "name at least one VID")
        steps: list[Step] = []
        seen: set[Vid] = set()
        for word in words:
            step = self._read(word, rulefields.step)
            if step is None:
                continue
            for member in step:
                if member.vid in seen:
                    self._error(word.column, f"the VID {member.vid} is in the list twice", "name each VID once")
                seen.add(member.vid)
            self._into.uses.append(StepUse(step, self._number, word.column))
            steps.append(step)
        return tuple(steps)

    def _options(self, words: list[Word]) -> Word | None:
        name: Word | None = None
        for word in words:
            key, equals, value = word.text.partition("=")
            if not equals:
                self._error(word.column, f"{word.text!r} is no option", "write option=value, or # before a comment")
            elif key not in rulefields.OPTIONS:
                refusal = rulefields.unknown_option(key)
                self._error(word.column, refusal.what, refusal.remedy)
            elif name is not None:
                self._error(word.column, f"the option {key} is given twice", "give it once")
            else:
                column = word.column + len(key) + 1
                name = Word(self._read(Word(value, column), rulefields.name) or "", column)
        return name

    def _read(self, word: Word, reader: Callable[[str], ValueT]) -> ValueT | None:
        try:
            return reader(word.text)
        except FieldError as error:
            self._error(word.column, error.what, error.remedy)
            return None


def _alone(interval: Interval | None) -> Ranges | None:
    return None if interval is None else (interval,)
