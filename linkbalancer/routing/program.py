"""The compiler: from rules in order to the groups of trees that a kernel walks."""

from collections.abc import Sequence
from typing import NamedTuple

from linkbalancer.routing.dispatch import (
    FAMILIES,
    Family,
    Group,
    Protocols,
    by_protocol,
    everything,
    lookups_of,
)
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.ranking import rounds
from linkbalancer.routing.rule import Rule


def compiled(rules: Sequence[Rule], ranks: int, memory: Memory | None = None) -> dict[Family, Protocols]:
    """Return for each family what its packets walk through; a packet that leaves all trees has no rule.

    `ranks` is the greatest rank that a packet can carry; `memory` what compilations of much the same rules left.
    """
    memory = memory or Memory()
    memory.begin()
    return {family: _protocols(rules, family, ranks, memory) for family in FAMILIES}


def _protocols(rules: Sequence[Rule], family: Family, ranks: int, memory: Memory) -> Protocols:
    known: dict[tuple[int, ...], Group] = {}
    named: dict[int, Group] = {}
    wanted, others = by_protocol(rules, family)
    compiler = _Compiler(rules, family, ranks, memory)
    for protocol, numbers in wanted.items():
        if numbers not in known:
            known[numbers] = compiler.group(protocol_name(protocol), numbers, alone=True)
        named[protocol] = known[numbers]
    return Protocols(named, compiler.group("other", others, alone=False))


class _Compiler(NamedTuple):
    """A family's groups, one after the other."""

    rules: Sequence[Rule]
    family: Family
    ranks: int
    memory: Memory

    def group(self, name: str, numbers: Sequence[int], *, alone: bool) -> Group:
        """Compile a group's rules; for a protocol that is `alone`, the protocol is no question any more."""
        some = [self.rules[number] for number in numbers]
        rules = [(self.memory.fields_of(one.selector, alone=alone), one.application) for one in some]

        def made() -> Group:
            selectors = [one.selector for one in some]
            by_name = [place for place, one in enumerate(selectors) if one.source_names or one.destination_names]
            lookups = {place: lookups_of(selectors[place]) for place in by_name}
            known = (self.family, name, self.ranks)
            return Group(name, rounds(rules, everything(self.family), self.ranks, lookups, self.memory, group=known))

        return self.memory.group(self.family, name, self.ranks, rules, made)
