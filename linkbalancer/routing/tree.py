"""A decision tree over overlapping rules: exact, small, and much the same after a small edit.

A cell with few rules is a leaf, in which they are tried in their order. A cell with more of them is cut along the field
whose borders leave the fewest rules in a part. It is cut at those borders that stand highest by a hash of their value
(as in a skip list): where it is cut depends on the values alone, so that a rule more or less changes the parts that it
lies in and no other.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from linkbalancer.routing.dispatch import Cell, Cut, Entry, Fields, Leaf, Node
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.selector import Interval, Ranges

LEAF_MAX: Final = 8
"""Rules that are tried one by one rather than cut once more: less than a lookup more costs."""
PARTS_MAX: Final = 64
"""About how many parts a cell is cut into at once: an edit loads that many elements anew at every level."""
GROWTH_MAX: Final = 6
"""How often a rule may stand in a tree, on average, before cells are left as they are."""
GROWTH_FREE: Final = 1000
DEPTH_MAX: Final = 3
"""Cuts one below the other: the kernel takes 15 steps from a hook to the last chain, balanced steps among them."""
_WORTH: Final = 0.8

_MIX: Final = 0x9E3779B97F4A7C15
_WORD: Final = 2**64 - 1


def grow(entries: Sequence[Entry], cell: Cell, depth: int = 0, memory: Memory | None = None) -> Node | None:
    """Return the tree for the packets of a cell; None when no rule means any of them.

    `depth` is how many steps it takes to come to the tree, beyond those that it takes to any; `memory` has the parts of
    other trees.
    """
    return _Tree(GROWTH_MAX * len(entries) + GROWTH_FREE, memory or Memory()).grow(entries, cell, depth)


class _Tree:
    """One tree while it grows."""

    def __init__(self, room: int, memory: Memory) -> None:
        self._room, self._memory = room, memory

    def grow(self, entries: Sequence[Entry], cell: Cell, depth: int) -> Node | None:
        met = reached(entries, cell)
        if not met:
            return None
        if len(met) > LEAF_MAX and self._room > 0 and depth < DEPTH_MAX:
            field, borders, mean = _best_cut(met, cell)
            if borders and (mean <= _WORTH * len(met) or len(met) > 4 * LEAF_MAX):
                return self._cut(met, cell, depth, field, _highest(borders, len(met)))
        self._room -= len(met)
        return _leaf(met, cell)

    def _cut(self, entries: Sequence[Entry], cell: Cell, depth: int, field: int, borders: list[int]) -> Node:
        whole = cell[field]
        within: list[list[Entry]] = [[] for _ in range(len(borders) + 1)]
        for entry in entries:
            last = -1
            for one in entry.fields[field] or (whole,):
                if one.last < whole.first or one.first > whole.last:
                    continue
                begin = max(bisect_right(borders, one.first), last + 1)
                last = max(last, bisect_right(borders, one.last))
                for number in range(begin, last + 1):
                    within[number].append(entry)
        parts: list[tuple[Interval, Node]] = []
        for first, last, some in zip(
            [whole.first, *borders], [*(border - 1 for border in borders), whole.last], within, strict=True
        ):
            child = self._part(some, (*cell[:field], Interval(first, last), *cell[field + 1 :]), depth + 1)
            if child is not None:
                _append(parts, first, last, child)
        return Cut(field, tuple(parts))

    def _part(self, entries: Sequence[Entry], cell: Cell, depth: int) -> Node | None:
        def grown() -> tuple[Node | None, int]:
            return self.grow(entries, cell, depth), self._room

        node, self._room = self._memory.part(entries, cell, depth, self._room, grown)
        return node


def _append(parts: list[tuple[Interval, Node]], first: int, last: int, child: Node) -> None:
    """Append a part, or lengthen the one before it if that leads to the same."""
    if parts and not isinstance(child, Cut) and parts[-1][0].last + 1 == first and parts[-1][1] == child:
        parts[-1] = (Interval(parts[-1][0].first, last), child)
    else:
        parts.append((Interval(first, last), child))


def reached(entries: Sequence[Entry], cell: Cell) -> list[Entry]:
    """Return the rules up to the first that takes every packet of the cell.

    What stands behind that one never wins here: not even where it loses to a candidate, for the candidate stood before
    it.
    """
    for number, entry in enumerate(entries, 1):
        if entry.takes_all(cell):
            return list(entries[:number])
    return list(entries)


def _leaf(entries: Sequence[Entry], cell: Cell) -> Node:
    """Return a leaf, what the cell has decided already left out of its rules."""
    bare = [Entry(_open(entry.fields, cell), entry.choice, entry.beats, entry.lookups) for entry in entries]
    first = bare[0]
    if first.beats is None and not any(first.fields) and not first.lookups:
        return first.choice
    return Leaf(tuple(bare))


def _open(fields: Fields, cell: Cell) -> Fields:
    """Return what is left to be asked of each field within a cell."""
    return tuple(_left(ranges, whole) for ranges, whole in zip(fields, cell, strict=True))


def _left(ranges: Ranges | None, whole: Interval) -> Ranges | None:
    if ranges is None:
        return None
    if len(ranges) == 1:
        return None if ranges[0].holds(whole) else ranges  # who is here takes a part of it
    inside = tuple(one for one in ranges if one.first <= whole.last and whole.first <= one.last)
    return None if any(one.holds(whole) for one in inside) else inside


def borders_of(entries: Sequence[Entry], field: int, whole: Interval) -> list[int]:
    """Return where rules begin or end within a range: the first values after the borders, in order."""
    found: set[int] = set()
    for ranges in {id(ranges): ranges for entry in entries for ranges in (entry.fields[field],)}.values():
        for one in ranges or ():
            found.add(one.first)
            found.add(one.last + 1)
    return sorted(border for border in found if whole.first < border <= whole.last)


def spans(entries: Sequence[Entry], field: int, whole: Interval, borders: Sequence[int]) -> list[int]:
    """Return of how many of the parts between borders each rule takes something."""
    place = {border: number for number, border in enumerate(borders, 1)}
    parts = len(borders) + 1
    known: dict[int, int] = {id(None): parts}
    found = []
    for entry in entries:
        ranges = entry.fields[field]
        span = known.get(id(ranges))
        if span is None:
            span = 0
            for one in ranges or ():
                if one.first <= whole.last and whole.first <= one.last:
                    begin = place[one.first] if one.first > whole.first else 0
                    span += (place[one.last + 1] if one.last < whole.last else parts) - begin
            known[id(ranges)] = span
        found.append(span)
    return found


def _best_cut(entries: Sequence[Entry], cell: Cell) -> tuple[int, list[int], float]:
    """Return the field to cut, its borders, and how many rules a part would have if it were cut at all of them.

    Rules that only host names tell apart have no borders.
    """
    found = []
    for field, whole in enumerate(cell):
        borders = borders_of(entries, field, whole)
        if borders:
            mean = sum(spans(entries, field, whole, borders)) / (len(borders) + 1)
            found.append((mean, field, borders))
    mean, field, borders = min(found, key=lambda one: one[:2], default=(len(entries), 0, []))
    return field, borders, mean


def _highest(borders: list[int], rules: int) -> list[int]:
    """Return the highest of some borders: enough for small parts, not many more than `PARTS_MAX`."""
    wanted = min(PARTS_MAX, 1 << (2 * rules // LEAF_MAX).bit_length()) // 2
    if len(borders) <= 2 * wanted:
        return borders
    heights = [_height(border) for border in borders]
    level = max(heights)
    while sum(height >= level for height in heights) < wanted:
        level -= 1
    return [border for border, height in zip(borders, heights, strict=True) if height >= level]


def _height(border: int) -> int:
    """Return a border's height, by its value alone: half of all have 1, a quarter 2, and so on."""
    mixed = (border ^ border >> 64) * _MIX & _WORD
    mixed ^= mixed >> 29
    mixed = mixed * _MIX & _WORD
    return 65 - (mixed | 1).bit_length()
