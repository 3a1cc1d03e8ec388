"""What one compilation leaves to the next: of an edited rule set only what an edit reaches is compiled anew.

Everything is known by its identity, which costs hardly anything to ask for: rules that stay have the same selectors
(a reader of rule files keeps them), those the same fields and entries, and a part of a tree that is made of the same
entries, at the same place, is the part that was made. What is not the same object is compiled, so that a memory never
changes what comes out, only how soon. Objects are kept as long as something is known by them, so that no other one can
get their identity.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from linkbalancer.routing.dispatch import PROTOCOL, Cell, Choice, Entry, Family, Fields, Group, Lookups, Node
from linkbalancer.routing.dispatch import fields_of as plain_fields_of
from linkbalancer.routing.reranking import Ranking
from linkbalancer.routing.selector import Ranges, Selector

ROOM: Final = 4_000_000
"""References that are kept, 8 bytes each and what they lead to; with more of them it is begun again."""

Rules: TypeAlias = Sequence[tuple[Fields, str]]
"""Rules of a group: fields and application."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a tree: what it was made of, what came out, and how many places of rules its leaves took."""

    entries: tuple[Entry, ...]
    node: Node | None
    taken: int


@dataclass(slots=True)
class Memory:
    """The memory of compilations that follow each other; `room` is for how many references."""

    room: int = ROOM
    _kept: int = 0
    _fields: dict[tuple[int, bool], tuple[Selector, Fields]] = field(default_factory=dict)
    _ranges: dict[Ranges, Ranges] = field(default_factory=dict)
    _entries: dict[tuple[int, str, int, int | None], Entry] = field(default_factory=dict)
    _parts: dict[tuple[object, ...], _Part] = field(default_factory=dict)
    _rankings: dict[Hashable, Ranking] = field(default_factory=dict)
    _groups: dict[tuple[Family, str, int], tuple[Rules, Group]] = field(default_factory=dict)

    def begin(self) -> None:
        """Begin a compilation: with nothing, where too much is kept."""
        if self._kept + len(self._fields) + len(self._entries) > self.room:
            self._kept = 0
            for one in (self._fields, self._ranges, self._entries, self._parts, self._groups, self._rankings):
                one.clear()

    def fields_of(self, selector: Selector, *, alone: bool) -> Fields:
        """Return a selector's fields; where its protocol is `alone`, the protocol is no question any more.

        Ranges that are equal are the same object in all of them, so that who looks at thousands looks at few.
        """
        known = self._fields.get((id(selector), alone))
        if known is not None:
            return known[1]
        ranges = self._ranges
        fields = tuple(one if one is None else ranges.setdefault(one, one) for one in plain_fields_of(selector))
        if alone:
            fields = (*fields[:PROTOCOL], None)
        self._fields[id(selector), alone] = selector, fields
        return fields

    def entry(
        self, fields: Fields, application: str, lookups: Lookups, rank: int = 0, beats: int | None = None
    ) -> Entry:
        """Return the entry of these parts."""
        key = (id(fields), application, rank, beats)
        known = self._entries.get(key)
        if known is None or known.lookups != lookups:
            known = self._entries[key] = Entry(fields, Choice(application, rank), beats, lookups)
        return known

    def part(
        self, entries: Sequence[Entry], cell: Cell, depth: int, room: int, grow: Callable[[], tuple[Node | None, int]]
    ) -> tuple[Node | None, int]:
        """Return a part of a tree and how much of its room is left then; `grow` makes it.

        A part that had room all the time comes out the same wherever it has.
        """
        key = (depth, cell, *map(id, entries))
        known = self._parts.get(key)
        if known is not None and room > known.taken:
            return known.node, room - known.taken
        node, left = grow()
        if left > 0:
            self._kept += 2 * len(entries)
            self._parts[key] = _Part(tuple(entries), node, room - left)
        return node, left

    def ranking(self, group: Hashable) -> Ranking | None:
        """Return how a group was ranked the last time."""
        return self._rankings.get(group)

    def rank(self, group: Hashable, ranking: Ranking | None) -> None:
        """Remember how a group is ranked; None: not at all."""
        if ranking is None:
            self._rankings.pop(group, None)
        else:
            self._rankings[group] = ranking

    def group(self, family: Family, name: str, ranks: int, rules: Rules, make: Callable[[], Group]) -> Group:
        """Return a group's trees; `make` makes them where its rules are not those of the last time."""
        known = self._groups.get((family, name, ranks))
        if known is not None and len(known[0]) == len(rules):
            pairs = zip(known[0], rules, strict=True)
            if all(was[0] is now[0] and was[1] == now[1] for was, now in pairs):
                return known[1]
        made = make()
        self._groups[family, name, ranks] = rules, made
        return made
