"""A rule file as read: the rules that are right, what they make together, and what is wrong with the others."""

from collections.abc import Mapping
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

    def add(self, at: Word, line: int, selectors: list[Selector], steps: tuple[Step, ...], options: Options) -> None:
        """Take in a line whose parts are right; check what it has to do with the lines before it."""
        name = options.name
        application = Application(name.text if name else application_name(selectors), steps, **options.fields)
        known = self.applications.setdefault(application.name, application)
        if known != application:
            there = self._first_lines[application.name]
            kind, parts = ("VIDs", "list") if known.steps != steps else ("options", "set of options")
            self.error(
                line,
                name.column if name else at.column,
                f"the application {application.name} has other {kind} {OTHER_LINE} {there}: {known.words}",
                f"give all its lines one {parts}, or another name",
            )
            return
        self._first_lines.setdefault(application.name, line)
        self.columns[line] = at.column
        self.rules += [Rule(line, application.name, selector) for selector in selectors]

    def first_line(self, application: str) -> int:
        """Return where an application of the file is named first."""
        return self._first_lines[application]

    def error(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append(Finding(self.file, line, column, what, remedy))

    def warn(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append(Finding(self.file, line, column, what, remedy))
