"""A rule file as read: the rules that are right, what they make together, and what is wrong with the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.config.addresssets import Sets
from linkbalancer.config.findings import Finding
from linkbalancer.config.reading import Word
from linkbalancer.routing.application import Application, Step
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Selector, application_name

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
    application = Application(name.text if name else application_name(selectors), steps, **options.fields)
    return Told(column, tuple(selectors), application, name.column if name else column)


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
    uses: list[StepUse] = field(default_factory=list)
    option_uses: list[OptionUse] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    columns: dict[int, int] = field(default_factory=dict)
    _first_lines: dict[str, int] = field(default_factory=dict)

    @property
    def ruleset(self) -> RuleSet:
        """The rules in order and their applications."""
        return RuleSet(tuple(self.rules), dict(self.applications))

    def take(self, number: int, reading: "Reading") -> None:
        """Take in what a line says: its rule, if it has one, and what is wrong with it."""
        for column, what, remedy in reading.errors:
            self.error(number, column, what, remedy)
        self.uses += [StepUse(step, number, column) for step, column in reading.uses]
        self.option_uses += [OptionUse(option, words, number, column) for option, words, column in reading.option_uses]
        if reading.rule is not None:
            self._add(number, reading.rule)
        for column, what, remedy in reading.warnings:
            self.warn(number, column, what, remedy)

    def _add(self, line: int, rule: "Told") -> None:
        """Take in a line whose parts are right; check what it has to do with the lines before it."""
        application = rule.application
        known = self.applications.setdefault(application.name, application)
        if known is not application and known != application:
            there = self._first_lines[application.name]
            kind, parts = ("VIDs", "list") if known.steps != application.steps else ("options", "set of options")
            self.error(
                line,
                rule.named_at,
                f"the application {application.name} has other {kind} {OTHER_LINE} {there}: {known.words}",
                f"give all its lines one {parts}, or another name",
            )
            return
        self._first_lines.setdefault(application.name, line)
        self.columns[line] = rule.column
        self.rules += [Rule(line, application.name, selector) for selector in rule.selectors]

    def first_line(self, application: str) -> int:
        """Return where an application of the file is named first."""
        return self._first_lines[application]

    def error(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append(Finding(self.file, line, column, what, remedy))

    def warn(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append(Finding(self.file, line, column, what, remedy))
