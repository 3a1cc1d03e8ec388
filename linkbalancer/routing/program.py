"""The compiler: from rules in order to the groups of trees that a kernel walks."""

from collections.abc import Sequence

from linkbalancer.routing.dispatch import (
    FAMILIES,
    PROTOCOL,
    Family,
    Group,
    Protocols,
    by_protocol,
    everything,
    fields_of,
    lookups_of,
)
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.ranking import rounds
from linkbalancer.routing.rule import Rule


def compiled(rules: Sequence[Rule], ranks: int) -> dict[Family, Protocols]:
    """Return for each family what its packets walk through; a packet that leaves all trees has no rule.

    `ranks` is the greatest rank that a packet can carry.
    """
    return {family: _protocols(rules, family, ranks) for family in FAMILIES}


def _protocols(rules: Sequence[Rule], family: Family, ranks: int) -> Protocols:
    known: dict[tuple[int, ...], Group] = {}
    named: dict[int, Group] = {}
    wanted, others = by_protocol(rules, family)
    for protocol, numbers in wanted.items():
        if numbers not in known:
            known[numbers] = _group(protocol_name(protocol), rules, numbers, family, ranks)
        named[protocol] = known[numbers]
    return Protocols(named, _group("other", rules, others, family, ranks, alone=False))


def _group(
    name: str, rules: Sequence[Rule], numbers: Sequence[int], family: Family, ranks: int, *, alone: bool = True
) -> Group:
    """Compile a group's rules; for a protocol that is `alone`, the protocol is no question any more."""
    some = []
    lookups = {place: asked for place, number in enumerate(numbers) for asked in [lookups_of(rules[number].selector)]}
    for number in numbers:
        fields = fields_of(rules[number].selector)
        some.append(((*fields[:PROTOCOL], None) if alone else fields, rules[number].application))
    return Group(name, rounds(some, everything(family), ranks, lookups))
