"""A rule: one line of a rule file; and a rule set: all of them in order, with the applications that they make."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

from linkbalancer.routing.application import Application
from linkbalancer.routing.selector import Interval, Ranges, Selector, merged

DIGEST_LENGTH: Final = 16
"""Bytes of a rule set's digest."""

Addresses: TypeAlias = Callable[[str, Literal[4, 6]], Iterable[int]]
"""The addresses of a family that a host name has at present, as integers."""


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

    def resolved(self, addresses: Addresses) -> "Rule":
        """Return the rule with the addresses that its names have at present; without names, the rule itself."""
        selector = self.selector
        if not selector.names:
            return self

        def known(names: tuple[str, ...], fixed: Ranges | None) -> Ranges | None:
            if not names:
                return fixed
            family: Literal[4, 6] = 6 if selector.family == 6 else 4
            return merged(Interval(one, one) for name in names for one in addresses(name, family))

        source = known(selector.source_names, selector.source)
        destination = known(selector.destination_names, selector.destination)
        return replace(self, selector=replace(selector, source=source, destination=destination))


@dataclass(frozen=True)
class RuleSet:
    """Rules in the order in which they are tried (first match wins), and their applications by name."""

    rules: tuple[Rule, ...]
    applications: Mapping[str, Application]

    @cached_property
    def digest(self) -> bytes:
        """What all gateways with the same rules have in common: comments, layout and line numbers do not matter."""
        words = {name: f" {name} {one.words}\n" for name, one in self.applications.items()}
        told = [rule.selector.canonical() + words[rule.application] for rule in self.rules]
        return hashlib.sha256("".join(told).encode()).digest()[:DIGEST_LENGTH]

    @property
    def names(self) -> tuple[str, ...]:
        """The host names that rules select by, sorted."""
        return tuple(sorted({name for rule in self.rules for name in rule.selector.names}))

    def resolved(self, addresses: Addresses) -> "RuleSet":
        """Return the rules with the addresses that their names have at present: the same rules, by the same digest."""
        return self if not self.names else replace(self, rules=tuple(rule.resolved(addresses) for rule in self.rules))
