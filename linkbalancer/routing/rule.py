"""A rule: one line of a rule file; and a rule set: all of them in order, with the applications that they make."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from linkbalancer.routing.application import Application, steps_in_words
from linkbalancer.routing.selector import Selector

DIGEST_LENGTH: Final = 16


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

    @property
    def digest(self) -> bytes:
        """16 bytes that are the same exactly where the rules say the same: comments and spacing do not matter."""
        digest = hashlib.sha256()
        for rule in self.rules:
            digest.update(f"{rule.selector.canonical()} {rule.application}\n".encode())
        for name, application in sorted(self.applications.items()):
            digest.update(f"{name} {steps_in_words(application.steps)}\n".encode())
        return digest.digest()[:DIGEST_LENGTH]
