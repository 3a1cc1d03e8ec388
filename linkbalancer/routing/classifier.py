"""The classifier: rules compiled so that the first match is found at once, exactly, however they overlap.

Every field's values are cut into the elementary ranges between the rules' borders; each range knows the set of rules
that take it, as the bits of one integer. A packet's rules are the AND of its fields' sets, and the lowest bit is the
first match. The kernel gets the same boxes in the same order, or trees that find the same (`program`), so that what
`explain` says is what packets meet.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from linkbalancer.routing.dispatch import FAMILIES, Family, Protocols
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.program import compiled
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import Interval, Ranges, Selector, merged

__all__ = ["Box", "Classifier", "Packet", "compile_rules"]


@dataclass(frozen=True, slots=True)
class Box:
    """A selector and the application of the packets in it: what the kernel is given, in order."""

    application: str
    selector: Selector


class Classifier:
    """Rules in order, first match wins; `mirrored()` is the same for the other direction (mission A2, design 5)."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules: Final = tuple(rules)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """The boxes to try, in order: the first that a packet lies in names its application."""
        return tuple(Box(rule.application, rule.selector) for rule in self.rules)

    @cached_property
    def digest(self) -> str:
        """A SHA-256 (hex) over boxes and applications: the same for files that differ in comments or layout alone."""
        told = [f"{rule.selector.canonical()} {rule.application}\n" for rule in self.rules]
        return hashlib.sha256("".join(told).encode()).hexdigest()

    def lookup(self, packet: Packet) -> Rule | None:
        """Return the first rule that means the packet, None when there is none (the default application)."""
        found = self._fields[packet.source.version].candidates(packet)
        if not found:
            return None
        return self.rules[(found & -found).bit_length() - 1]

    def mirrored(self) -> "Classifier":
        """Return the classifier for packets that run the other way: every rule mirrored, order and lines kept."""
        return Classifier([rule.mirrored() for rule in self.rules])

    def program(self, ranks: int, memory: Memory | None = None) -> dict[Family, Protocols]:
        """Return what a kernel walks through; `ranks` is the greatest rank that a packet can carry.

        `memory` is what was left by compilations of much the same rules.
        """
        return compiled(self.rules, ranks, memory)

    @cached_property
    def _fields(self) -> dict[int, "_Fields"]:
        # Made at the first lookup: a process that only hands boxes on never pays for them.
        return {family: _Fields([rule.selector for rule in self.rules], family) for family in FAMILIES}


def compile_rules(ruleset: RuleSet) -> Classifier:
    """Compile a rule set."""
    return Classifier(ruleset.rules)


class _Ranges:
    """One field: the sets of rules (bit n = rule n) of the elementary ranges of its values."""

    def __init__(self, fields: Sequence[Ranges | None], family_rules: int) -> None:
        everywhere = 0
        edges: dict[int, int] = {}
        for index, wanted in enumerate(fields):
            bit = 1 << index
            if not bit & family_rules:
                continue
            if wanted is None:
                everywhere |= bit
                continue
            for interval in wanted:
                # One rule's intervals are disjoint, so a border turns its bit on or off, or (touching) does neither.
                edges[interval.first] = edges.get(interval.first, 0) ^ bit
                edges[interval.last + 1] = edges.get(interval.last + 1, 0) ^ bit
        self._starts = [0]
        self._sets = [everywhere]
        for start in sorted(edges):
            self._starts.append(start)
            self._sets.append(self._sets[-1] ^ edges[start])

    def at(self, value: int) -> int:
        return self._sets[bisect_right(self._starts, value) - 1]


class _Fields:
    """All fields of the rules of one address family."""

    def __init__(self, selectors: Sequence[Selector], family: Family) -> None:
        family_rules = sum(1 << index for index, one in enumerate(selectors) if one.family in {None, family})

        def ranges(field: Callable[[Selector], Ranges | None]) -> _Ranges:
            return _Ranges([field(selector) for selector in selectors], family_rules)

        self._source = ranges(lambda one: one.source)
        self._destination = ranges(lambda one: one.destination)
        self._source_port = ranges(lambda one: one.source_port)
        self._destination_port = ranges(lambda one: one.destination_port)
        self._dscp = ranges(lambda one: one.dscp)
        self._protocol = ranges(lambda one: None if one.protocols is None else _numbers(one.protocols))

    def candidates(self, packet: Packet) -> int:
        """Return the set of the rules that mean the packet."""
        return (
            self._source.at(int(packet.source))
            & self._destination.at(int(packet.destination))
            & self._destination_port.at(packet.destination_port)
            & self._source_port.at(packet.source_port)
            & self._protocol.at(packet.protocol)
            & self._dscp.at(packet.tos >> 2)
        )


def _numbers(numbers: Sequence[int]) -> Ranges:
    return merged(Interval(number, number) for number in numbers)
