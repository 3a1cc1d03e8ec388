"""A rule: one line of a rule file; and a rule set: all of them in order, with the applications that they make."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkbalancer.routing.application import Application
from linkbalancer.routing.selector import Selector


@dataclass(frozen=True, slots=True)
class Rule:
    """What one `App=` line says: packets that the selector means belong to the application.

    `line` is its number in the rule file, from 1.
    """

    line: int
    application: str
    selector: Selector

    def mirrored(self) -> "Rule":
        """Return the rule for the answers of the packets that it means."""
        return Rule(self.line, self.application, self.selector.mirrored())


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order in which they are tried (first match wins), and their applications by name."""

    rules: tuple[Rule, ...]
    applications: Mapping[str, Application]
