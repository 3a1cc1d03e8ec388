"""A rule file as read: the rules that are right, what they make together, and what is wrong with the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from linkbalancer.config.addresssets import Sets
from linkbalancer.config.findings import Finding
from linkbalancer.config.reading import Word
from linkbalancer.routing.application import Application, Step
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Selector, application_name

_KEPT: Final = 8192
"""Applications that are known by what was said of them: twice as many as a gateway runs."""

OTHER_LINE: Final = "than on line"
"""How an error says that a line is wrong only beside another one."""


@dataclass(frozen=True, slots=True)
class Options:
    """What stands after a line's VIDs: its name, and the fields of its application that are said, by their names."""

    name: Word | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepUse:
    """Where a rule file names a step of VIDs: for those who know which VIDs there are."""

    step: Step
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class OptionUse:
    """Where a rule file has an option, by the name of its field: for those who know what a gateway can do."""

    field: str
    words: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Told:
    """A rule as a line says it: where it begins, what it selects, its application and where that is named."""

    column: int
    selectors: tuple[Selector, ...]
    application: Application
    named_at: int


def told(column: int, selectors: Sequence[Selector], steps: tuple[Step, ...], options: Options) -> Told:
    """Return the rule of a line whose parts are right."""
    name = options.name
    named = name.text if name else application_name(selectors)
    application = Application(named, steps, **options.fields) if options.fields else _plain(named, steps)
    return Told(column, tuple(selectors), application, name.column if name else column)


@lru_cache(_KEPT)
def _plain(name: str, steps: tuple[Step, ...]) -> Application:
    """Return an application without options: the same for all lines of it, which are compared then by a look."""
    return Application(name, steps)


@dataclass(slots=True)
class Reading:
    """What a line says, wherever it stands: findings as (column, what, remedy), steps and options with their columns.

    Whoever has one leaves it as it is: it may be kept.
    """

    rule: Told | None = None
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    warnings: list[tuple[int, str, str]] = field(default_factory=list)
    uses: list[tuple[Step, int]] = field(default_factory=list)
    option_uses: list[tuple[str, str, int]] = field(default_factory=list)

    def error(self, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append((column, what, remedy))

    def warn(self, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append((column, what, remedy))


@dataclass(slots=True)
class RuleFile:
    """A rule file as read.

    A line whose lists have addresses of both families makes two rules of one line number, IPv4's first.
    """

    file: str
    sets: Sets
    rules: list[Rule] = field(default_factory=list)
    applications: dict[str, Application] = field(default_factory=dict)
    option_uses: list[OptionUse] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    columns: dict[int, int] = field(default_factory=dict)
    _first_lines: dict[str, int] = field(default_factory=dict)
    _readings: list[tuple[int, "Reading"]] = field(default_factory=list)
    _faulty: list["Reading"] = field(default_factory=list)

    @property
    def ruleset(self) -> RuleSet:
        """The rules in order and their applications."""
        return RuleSet(tuple(self.rules), dict(self.applications))

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step that a line names, faulty lines included; some may come twice."""
        good = (step for one in self.applications.values() for step in one.steps)
        return (*good, *(step for reading in self._faulty for step, _column in reading.uses))

    @property
    def uses(self) -> Iterator[StepUse]:
        """Where each step is named, in order."""
        return (StepUse(step, line, column) for line, reading in self._readings for step, column in reading.uses)

    def take(self, number: int, reading: "Reading") -> None:
        """Take in what a line says: its rule, if it has one, and what is wrong with it."""
        self._readings.append((number, reading))
        if reading.rule is None or not self._add(number, reading.rule):
            self._faulty.append(reading)
        for column, what, remedy in reading.errors:
            self.error(number, column, what, remedy)
        for option, words, column in reading.option_uses:
            self.option_uses.append(OptionUse(option, words, number, column))
        for column, what, remedy in reading.warnings:
            self.warn(number, column, what, remedy)

    def _add(self, line: int, rule: "Told") -> bool:
        """Take in a line whose parts are right; check what it has to do with the lines before it."""
        application = rule.application
        name = application.name
        known = self.applications.get(name)
        if known is None:
            self.applications[name], self._first_lines[name] = application, line
        elif known is not application and known != application:
            there = self._first_lines[name]
            kind, parts = ("VIDs", "list") if known.steps != application.steps else ("options", "set of options")
            self.error(
                line,
                rule.named_at,
                f"the application {name} has other {kind} {OTHER_LINE} {there}: {known.words}",
                f"give all its lines one {parts}, or another name",
            )
            return False
        self.columns[line] = rule.column
        for selector in rule.selectors:
            self.rules.append(Rule(line, name, selector))
        return True

    def first_line(self, application: str) -> int:
        """Return where an application of the file is named first."""
        return self._first_lines[application]

    def error(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append(Finding(self.file, line, column, what, remedy))

    def warn(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append(Finding(self.file, line, column, what, remedy))
