"""A rule: one line of a rule file; and a rule set: all of them in order, with the applications that they make."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from linkbalancer.routing.application import Application, steps_in_words
from linkbalancer.routing.selector import Selector

DIGEST_LENGTH: Final = 16
"""Bytes of a rule set's digest."""


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


@dataclass(frozen=True)
class RuleSet:
    """Rules in the order in which they are tried (first match wins), and their applications by name."""

    rules: tuple[Rule, ...]
    applications: Mapping[str, Application]

    @cached_property
    def digest(self) -> bytes:
        """What all gateways with the same rules have in common: comments, layout and line numbers do not matter."""
        digest = hashlib.sha256()
        for rule in self.rules:
            steps = steps_in_words(self.applications[rule.application].steps)
            digest.update(f"{rule.selector.canonical()} {rule.application} {steps}\n".encode())
        return digest.digest()[:DIGEST_LENGTH]
