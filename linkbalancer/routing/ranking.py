"""Which of a group's trees a rule stands in, and the ranks by which rules of different trees are compared.

A rank is not a rule's number: only rules that overlap and stand in different trees need to differ, so that few ranks do
for thousands of rules. They have to, for a packet carries its candidate's rank in the bits that its VID will have.
"""

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate
from math import log2
from operator import or_
from types import MappingProxyType
from typing import Final, TypeAlias

from linkbalancer.routing.dispatch import Cell, Entry, Fields, Lookups, Node
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.reranking import Rank, Ranking, common, edited
from linkbalancer.routing.tree import LEAF_MAX, borders_of, grow, reached, spans

TREES_MAX: Final = 4
"""Trees side by side: each costs every packet that meets nothing in it a lookup or two."""
SPAN_MAX: Final = 4
"""A rule belongs to a tree by a field if it takes at most so many of the parts that borders cut it into."""
_SHARE_MIN: Final = 0.05
_NO_LOOKUPS: Final[Mapping[int, Lookups]] = MappingProxyType({})

_Sums: TypeAlias = tuple[list[int], list[int]]


def rounds(
    rules: Sequence[tuple[Fields, str]],
    cell: Cell,
    ranks: int,
    lookups: Mapping[int, Lookups] = _NO_LOOKUPS,
    memory: Memory | None = None,
    *,
    group: Hashable = None,
) -> tuple[tuple[Node, ...], ...]:
    """Return the trees for rules (fields and application) in their order; ranks are 1 to `ranks`.

    `lookups` are those of rules by their place; `memory` is what other compilations left, `group` what these rules are
    called there.

    Where the ranks do not suffice, the rules from there on get a round of their own: they come after all others, so a
    packet meets them only if no rule before them means it.
    """
    memory = memory or Memory()
    found: list[tuple[Node, ...]] = []
    entries = [
        memory.entry(fields, application, lookups.get(place, ())) for place, (fields, application) in enumerate(rules)
    ]
    left = reached(entries, cell)
    while left:
        homes = _homes(left, cell)
        ranked = _ranked(left, homes, ranks, memory, (group, len(found)))
        own = [[entry for entry, one in zip(ranked, homes, strict=False) if one == home] for home in range(TREES_MAX)]
        trees = [grow(entries, cell, len(found), memory) for entries in own]
        found.append(tuple(tree for tree in trees if tree is not None))
        left = left[len(ranked) :]
    return tuple(found)


def _homes(entries: Sequence[Entry], cell: Cell) -> list[int]:
    """Return in which tree each rule stands: by the field that tells most of them apart, the rest by the next one."""
    homes = [0] * len(entries)
    left = list(range(len(entries)))
    for home in range(TREES_MAX - 1):
        chosen = _told_apart([entries[number] for number in left], cell) if len(left) > 2 * LEAF_MAX else []
        if len(chosen) < max(LEAF_MAX, _SHARE_MIN * len(left)):
            break
        kept = set(chosen)
        left = [number for place, number in enumerate(left) if place not in kept]
        for number in left:
            homes[number] = home + 1
    return homes


def _told_apart(entries: Sequence[Entry], cell: Cell) -> list[int]:
    """Return the places of the rules that take a small part of a field, for the field where most do."""
    best: tuple[float, list[int]] = (0.0, [])
    for field, whole in enumerate(cell):
        borders = borders_of(entries, field, whole)
        limit = min(SPAN_MAX, len(borders) // 4)
        if limit:
            narrow = [place for place, span in enumerate(spans(entries, field, whole, borders)) if span <= limit]
            best = max(best, (len(narrow) * log2(len(borders)), narrow), key=lambda one: one[0])
    return best[1]


def _ranked(entries: Sequence[Entry], homes: Sequence[int], ranks: int, memory: Memory, group: Hashable) -> list[Entry]:
    """Return the first of some rules, as many as ranks suffice for, with rank and what they beat where it matters."""
    if max(homes) == 0:
        return list(entries)
    last = memory.ranking(group)
    reckoned = None if last is None else edited(last, entries, homes, ranks)
    if reckoned is None:
        known = [] if last is None else last.ranks[: common(last, entries, homes)]
        reckoned = _reckoned(entries, homes, ranks, known)
    found = [
        memory.entry(
            entry.fields,
            entry.choice.application,
            entry.lookups,
            ranks - one.depth if one.candidate else 0,
            ranks - one.depth if one.beats else None,
        )
        for entry, one in zip(entries, reckoned, strict=False)
    ]
    whole = len(found) == len(entries)
    memory.rank(group, Ranking(list(entries), list(homes), reckoned) if whole else None)
    return found


def _reckoned(entries: Sequence[Entry], homes: Sequence[int], ranks: int, known: Sequence[Rank] = ()) -> list[Rank]:
    """Return what rules come to, as many as ranks suffice for; of those at the beginning it may be `known`.

    A rule's depth is the longest chain of earlier rules that it overlaps and that must count as earlier; an earlier
    one of an earlier tree may have the same depth, for the rule must beat a candidate to win.
    """
    count = max(homes) + 1
    overlaps = _Overlaps([entry.fields for entry in entries])
    by_depth: list[list[int]] = [[0] for _ in range(count)]
    later = [sum(1 << place for place, one in enumerate(homes) if one > home) for home in range(count)]
    earlier = [sum(1 << place for place, one in enumerate(homes) if one < home) for home in range(count)]
    candidates = 0
    found: list[Rank] = []
    for place, (entry, home) in enumerate(zip(entries, homes, strict=True)):
        if place < len(known):
            rank = known[place]
        else:
            before = overlaps.of(entry.fields) & ((1 << place) - 1)
            depth = 0
            for other in range(count):
                if other != home:
                    deepest = _deepest(by_depth[other], before)
                    depth = max(depth, deepest + (other > home))
            rank = Rank(depth, bool(before & later[home]), bool(before & earlier[home] & candidates))
        if rank.depth >= ranks:
            break
        own = by_depth[home]
        own += [0] * (rank.depth + 1 - len(own))
        own[rank.depth] |= 1 << place
        if rank.candidate:
            candidates |= 1 << place
        found.append(rank)
    return found


def _deepest(by_depth: Sequence[int], before: int) -> int:
    """Return the greatest depth of some rules of one tree; -1 without any."""
    for depth in range(len(by_depth) - 1, -1, -1):
        if by_depth[depth] & before:
            return depth
    return -1


class _Overlaps:
    """Which rules overlap, as bits of an integer; of several ranges in a field only the ends of all count.

    So some are said to overlap that do not, which costs a rank at worst.
    """

    def __init__(self, rules: Sequence[Fields]) -> None:
        every = (1 << len(rules)) - 1
        self._fields: list[tuple[int, int, _Sums, _Sums]] = []
        for field in range(len(rules[0])):
            begins: dict[int, int] = {}
            ends: dict[int, int] = {}
            everywhere = every
            for place, fields in enumerate(rules):
                ranges = fields[field]
                if ranges is not None:
                    bit = 1 << place
                    everywhere ^= bit
                    first, last = ranges[0].first, ranges[-1].last
                    begins[first] = begins.get(first, 0) | bit
                    ends[last + 1] = ends.get(last + 1, 0) | bit
            if begins:
                self._fields.append((field, everywhere, _summed(begins), _summed(ends)))

    def of(self, fields: Fields) -> int:
        """Return the rules that overlap one with these fields."""
        found = -1
        for field, everywhere, begun, ended in self._fields:
            ranges = fields[field]
            if ranges is not None:
                by_then = begun[1][bisect_right(begun[0], ranges[-1].last)]
                found &= everywhere | by_then & ~ended[1][bisect_right(ended[0], ranges[0].first)]
        return found


def _summed(sets: dict[int, int]) -> _Sums:
    """Return the values in order, and the sets of all rules up to each of them, the empty one first."""
    values = sorted(sets)
    return values, [0, *accumulate((sets[value] for value in values), or_)]
