"""A rule file as read: the rules that are right, what they make together, and what is wrong with the others."""

from dataclasses import dataclass, field
from typing import Final

from linkbalancer.config.addresssets import Sets
from linkbalancer.config.findings import Finding
from linkbalancer.config.reading import Word
from linkbalancer.routing.application import Application, Step, steps_in_words
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Selector, application_name

OTHER_VIDS: Final = "has other VIDs than on line"
"""How an error says that a line is wrong only beside another one."""


@dataclass(frozen=True, slots=True)
class StepUse:
    """Where a rule file names a step of VIDs: for those who know which VIDs there are."""

    step: Step
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
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    columns: dict[int, int] = field(default_factory=dict)
    _first_lines: dict[str, int] = field(default_factory=dict)

    @property
    def ruleset(self) -> RuleSet:
        """The rules in order and their applications."""
        return RuleSet(tuple(self.rules), dict(self.applications))

    def add(self, at: Word, line: int, selectors: list[Selector], steps: tuple[Step, ...], name: Word | None) -> None:
        """Take in a line whose parts are right; check what it has to do with the lines before it."""
        application = name.text if name else application_name(selectors)
        known = self.applications.get(application)
        if known is not None and known.steps != steps:
            there = self._first_lines[application]
            self.error(
                line,
                name.column if name else at.column,
                f"the application {application} {OTHER_VIDS} {there}: {steps_in_words(known.steps)}",
                "give all its lines one list, or another name",
            )
            return
        if known is None:
            self.applications[application] = Application(application, steps)
            self._first_lines[application] = line
        self.columns[line] = at.column
        self.rules += [Rule(line, application, selector) for selector in selectors]

    def first_line(self, application: str) -> int:
        """Return where an application of the file is named first."""
        return self._first_lines[application]

    def error(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note an error."""
        self.errors.append(Finding(self.file, line, column, what, remedy))

    def warn(self, line: int, column: int, what: str, remedy: str) -> None:
        """Note something that is allowed, but hardly meant."""
        self.warnings.append(Finding(self.file, line, column, what, remedy))
