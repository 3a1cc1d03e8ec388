"""Shadowed rules: lines that no packet reaches, because others before them take all of theirs, alone or together.

What a rule selects is a box; the first rule that takes one of its packets is cut out of the box, and so on with what is
left, until a packet is found that reaches the rule, or nothing is left. That is exact, however rules overlap. In the
worst case it is also endless (the question is as hard as any), so the work has a bound, and what is not decided by then
is not said to be shadowed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import groupby
from typing import Final, Literal, TypeAlias

from linkbalancer.config.findings import Finding
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import LAST_PORT, Interval, Ranges, Selector, difference, intersection

CUTS_MAX: Final = 2000
"""Boxes looked at for one rule."""
WORK_MAX: Final = 60_000
"""Ranges looked at for a whole file beyond the first box of each rule: about half a second."""
NAMED: Final = 5
"""Lines that a finding names."""

_LAST_ADDRESS: Final = {4: 2**32 - 1, 6: 2**128 - 1}
_LAST: Final = (LAST_PORT, LAST_PORT, 63, 255)

_Box: TypeAlias = tuple[Ranges, ...]
_Family: TypeAlias = Literal[4, 6]


def shadowed(parsed: RuleFile) -> Iterator[Finding]:
    """Yield a finding for each line that never matches, and for each that names both families and never matches one."""
    search = _Search(Classifier(parsed.rules), WORK_MAX)
    for line, rules in groupby(parsed.rules, key=lambda rule: rule.line):
        own = list(rules)
        answers = [(family, search.takers(rule, family)) for rule in own for family in _families(rule.selector)]
        found = [(family, takers) for family, takers in answers if takers]
        if not found or (len(own) == 1 and len(found) < len(answers)):
            continue
        takers = list({taker.line: taker for _family, some in found for taker in some or ()}.values())
        part = "never matches" if len(found) == len(answers) else f"never matches IPv{found[0][0]}"
        what, remedy = _words(own, sorted(takers, key=lambda taker: taker.line))
        yield Finding(parsed.file, line, parsed.columns[line], f"{part}: {what}", remedy)


def _families(selector: Selector) -> tuple[_Family, ...]:
    return (4, 6) if selector.family is None else (selector.family,)


def _words(own: Sequence[Rule], takers: Sequence[Rule]) -> tuple[str, str]:
    """Say which lines take the packets, and what to do about it."""
    numbers = [taker.line for taker in takers]
    if len(numbers) == 1 and all(rule.selector in {taker.selector for taker in takers} for rule in own):
        return f"line {numbers[0]} selects the same packets", "remove one of the two"
    named = ", ".join(map(str, numbers[:NAMED]))
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    who = f"line {named} takes all its packets before"
    if len(numbers) > 1:
        who = f"lines {named}{more} take all its packets before, together"
    if {taker.application for taker in takers} == {own[0].application}:
        return who, "remove it: they are of the same application"
    return who, f"move it above line {numbers[0]}, or remove it"


@dataclass(slots=True)
class _Search:
    """The search for packets that reach a rule, within the bound."""

    classifier: Classifier
    work: int

    def takers(self, rule: Rule, family: _Family) -> list[Rule] | None:
        """Return the rules that take all packets of a family from one, None where they do not, or it is unknown."""
        boxes = [_box(rule.selector, family)]
        found: dict[int, Rule] = {}
        for _cut in range(CUTS_MAX):
            if not boxes:
                return list(found.values())
            box = boxes.pop()
            taker = self.classifier.lookup(_corner(box, family))
            if taker is None or taker is rule:
                return None
            found[taker.line] = taker
            left = list(_without(box, _box(taker.selector, family)))
            boxes += left
            self.work -= sum(len(field) for one in left for field in one)
            if self.work < 0:
                return None
        return None


def _box(selector: Selector, family: _Family) -> _Box:
    """Return a selector's fields, everything where it takes everything."""
    protocols = None if selector.protocols is None else tuple(Interval(one, one) for one in selector.protocols)
    ends = (selector.source, selector.destination)
    rest = (selector.source_port, selector.destination_port, selector.dscp, protocols)
    addresses = [field or (Interval(0, _LAST_ADDRESS[family]),) for field in ends]
    return (*addresses, *(field or (Interval(0, last),) for field, last in zip(rest, _LAST, strict=True)))


def _corner(box: _Box, family: _Family) -> Packet:
    """Return the first packet of a box."""
    source, destination, source_port, destination_port, dscp, protocol = (field[0].first for field in box)
    make = IPv4Address if family == 4 else IPv6Address
    return Packet(make(source), make(destination), protocol, source_port, destination_port, dscp << 2)


def _without(box: _Box, taker: _Box) -> Iterator[_Box]:
    """Yield boxes, none of which overlaps another, that make up what is left of a box without another one."""
    inside: list[Ranges] = []
    for index, (mine, its) in enumerate(zip(box, taker, strict=True)):
        left = difference(mine, its)
        if left:
            yield (*inside, left, *box[index + 1 :])
        inside.append(intersection(mine, its))
