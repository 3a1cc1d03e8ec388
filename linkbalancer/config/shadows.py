"""Shadowed rules: lines that no packet reaches, because others before them take all of theirs, alone or together.

What a rule selects is a box; the first rule that takes one of its packets is cut out of the box, and so on with what is
left, until a packet is found that reaches the rule, or nothing is left. That is exact, however rules overlap. In the
worst case it is also endless (the question is as hard as any), so the work has a bound, and what is not decided by then
is not said to be shadowed.

Of an edited file most of that is known already: the search for a rule is a row of packets, each with the first rule
that takes it, and goes the same way again unless a rule that is new takes one of these packets, or one of these takers
is gone. So a file costs what an edit reaches, where the rules that stay are those of the file before, in its order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
NEW_MAX: Final = 16
"""With more rules that are new than these everything is searched anew."""
LOOKED_MAX: Final = 12
"""So many packets are looked up by trying rule after rule, a few milliseconds each for thousands of them."""
NAMED: Final = 5
"""Lines that a finding names."""

_LAST_ADDRESS: Final = {4: 2**32 - 1, 6: 2**128 - 1}
_LAST: Final = (LAST_PORT, LAST_PORT, 63, 255)

_Box: TypeAlias = tuple[Ranges, ...]
_Corner: TypeAlias = tuple[int, int, int, int, int, int]
"""A packet: its source, destination, source port, destination port, DSCP and protocol."""
_Key: TypeAlias = tuple[int, int]
"""A rule, wherever it stands: the identity of its selector, and the how-manieth it is with that one."""
_Family: TypeAlias = Literal[4, 6]
_FAMILIES: Final[Mapping[_Family | None, tuple[_Family, ...]]] = {None: (4, 6), 4: (4,), 6: (6,)}


@dataclass(frozen=True, slots=True)
class _Trace:
    """A search that ran to its end: the packets that it asked for, each with its taker, and the work that it took."""

    steps: tuple[tuple[_Corner, Selector | None], ...]
    shadowed: bool
    work: int


@dataclass(slots=True)
class Searches:
    """What the last file was: its selectors in order, and the searches for them."""

    order: dict[_Key, int] = field(default_factory=dict)
    selectors: Sequence[Selector] = ()
    traces: dict[tuple[_Key, _Family], _Trace] = field(default_factory=dict)


_SEARCHES: Final = Searches()


def shadowed(parsed: RuleFile, last: Searches | None = None) -> Iterator[Finding]:
    """Yield a finding for each line that never matches, and for each that names both families and never matches one.

    `last` is what is known of the file before; without it, what this process looked at last.
    """
    search = _Search(parsed.rules, WORK_MAX, last or _SEARCHES)
    taken: dict[int, list[tuple[_Family, list[Rule]]]] = {}
    for number, rule in enumerate(parsed.rules):
        for family in _FAMILIES[rule.selector.family]:
            by = search.takers(number, family)
            if by:
                taken.setdefault(rule.line, []).append((family, by))
    for line, rules in groupby((rule for rule in parsed.rules if rule.line in taken), key=lambda rule: rule.line):
        own, found = list(rules), taken[line]
        asked = sum(len(_FAMILIES[rule.selector.family]) for rule in own)
        if len(own) == 1 and len(found) < asked:
            continue
        takers = list({taker.line: taker for _family, some in found for taker in some}.values())
        part = "never matches" if len(found) == asked else f"never matches IPv{found[0][0]}"
        what, remedy = _words(own, sorted(takers, key=lambda taker: taker.line))
        yield Finding(parsed.file, line, parsed.columns[line], f"{part}: {what}", remedy)
    search.remember()


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


class _Search:
    """The search for packets that reach a rule, within the bound."""

    def __init__(self, rules: Sequence[Rule], work: int, memory: Searches) -> None:
        self._rules, self._work, self._memory = rules, work, memory
        self._classifier = Classifier(rules)
        self._looked = 0
        self._keys: list[_Key] = []
        self._first: dict[int, int] = {}
        seen: dict[int, int] = {}
        for number, rule in enumerate(rules):
            name = id(rule.selector)
            if name in seen:
                seen[name] += 1
            else:
                seen[name], self._first[name] = 0, number
            self._keys.append((name, seen[name]))
        self._new = self._added()
        self._traces: dict[tuple[_Key, _Family], _Trace] = {}

    def _added(self) -> list[int] | None:
        """Return the places of rules that are new, None where they are many, or others have changed places."""
        last, added = -1, []
        for place, key in enumerate(self._keys):
            was = self._memory.order.get(key)
            if was is None:
                added.append(place)
            elif was < last:
                return None
            else:
                last = was
            if len(added) > NEW_MAX:
                return None
        return added

    def remember(self) -> None:
        """Leave to the next file what is known of this one."""
        memory = self._memory
        memory.order = dict(zip(self._keys, range(len(self._keys)), strict=True))
        memory.selectors, memory.traces = [rule.selector for rule in self._rules], self._traces

    def takers(self, number: int, family: _Family) -> list[Rule] | None:
        """Return the rules that take all packets of a family from one, None where they do not, or it is unknown."""
        key = self._keys[number], family
        trace = self._memory.traces.get(key)
        if trace is None or trace.work > self._work or not self._holds(trace, family):
            trace = self._traced(number, family)
        else:
            self._work -= trace.work
        if trace is None:
            return None
        self._traces[key] = trace
        if not trace.shadowed:
            return None
        rules = (self._rules[self._first[id(taker)]] for _corner, taker in trace.steps)
        return list({rule.line: rule for rule in rules}.values())

    def _holds(self, trace: _Trace, family: _Family) -> bool:
        """Return whether a search would go the same way among these rules."""
        if self._new is None:
            return False
        first, new = self._first, self._new
        for _corner, taker in trace.steps:
            if taker is not None and id(taker) not in first:
                return False
        if not new:
            return True
        for corner, taker in trace.steps:
            at = len(self._rules) if taker is None else first[id(taker)]
            for place in new:
                if place < at and _means(self._rules[place].selector, corner, family):
                    return False
        return True

    def _traced(self, number: int, family: _Family) -> _Trace | None:
        """Search; return None where the bound ends it."""
        rule, before = self._rules[number], self._work
        boxes = [_box(rule.selector, family)]
        steps: list[tuple[_Corner, Selector | None]] = []
        for _cut in range(CUTS_MAX):
            if not boxes:
                return _Trace(tuple(steps), shadowed=True, work=before - self._work)
            box = boxes.pop()
            corner = _corner(box)
            taker = self._lookup(corner, family)
            steps.append((corner, None if taker is None else taker.selector))
            if taker is None or taker is rule:
                return _Trace(tuple(steps), shadowed=False, work=before - self._work)
            left = list(_without(box, _box(taker.selector, family)))
            boxes += left
            self._work -= sum(len(one) for parts in left for one in parts)
            if self._work < 0:
                return None
        return None

    def _lookup(self, corner: _Corner, family: _Family) -> Rule | None:
        """Return the first rule that takes a packet: of few by trying all, for the classifier has to be made."""
        self._looked += 1
        if self._looked > LOOKED_MAX:
            return self._classifier.lookup(_packet(corner, family))
        return next((rule for rule in self._rules if _means(rule.selector, corner, family)), None)


def _means(selector: Selector, corner: _Corner, family: _Family) -> bool:
    """Return whether a selector means a packet."""
    if selector.family not in {None, family}:
        return False
    source, destination, source_port, destination_port, dscp, protocol = corner
    return (
        _has(selector.destination, destination)
        and _has(selector.source, source)
        and _has(selector.destination_port, destination_port)
        and _has(selector.source_port, source_port)
        and (selector.protocols is None or protocol in selector.protocols)
        and _has(selector.dscp, dscp)
    )


def _has(ranges: Ranges | None, value: int) -> bool:
    if ranges is None:
        return True
    if len(ranges) == 1:  # nearly all, and a generator costs more than the rest
        return ranges[0].first <= value <= ranges[0].last
    return any(one.first <= value <= one.last for one in ranges)


def _box(selector: Selector, family: _Family) -> _Box:
    """Return a selector's fields, everything where it takes everything."""
    protocols = None if selector.protocols is None else tuple(Interval(one, one) for one in selector.protocols)
    ends = (selector.source, selector.destination)
    rest = (selector.source_port, selector.destination_port, selector.dscp, protocols)
    addresses = [field or (Interval(0, _LAST_ADDRESS[family]),) for field in ends]
    return (*addresses, *(field or (Interval(0, last),) for field, last in zip(rest, _LAST, strict=True)))


def _corner(box: _Box) -> _Corner:
    """Return the first packet of a box."""
    source, destination, source_port, destination_port, dscp, protocol = box
    ends = source[0].first, destination[0].first, source_port[0].first, destination_port[0].first
    return (*ends, dscp[0].first, protocol[0].first)


def _packet(corner: _Corner, family: _Family) -> Packet:
    source, destination, source_port, destination_port, dscp, protocol = corner
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
