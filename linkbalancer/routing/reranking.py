"""Ranks after an edit: of a group whose rules are ranked only those are reckoned anew that an edit reaches.

A rule's depth, whether it is a candidate, and whether it has one to beat follow from the rules before it that it
overlaps (`routing.ranking`). So what is new is reckoned by itself, and from there on every later rule to which that,
or what is gone, made or makes a difference. Where that would be many, all are reckoned at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from linkbalancer.routing.dispatch import Entry, Fields

EDITED_MAX: Final = 4
"""Rules that are new or gone; with more of them all are reckoned."""
RECKONED_MAX: Final = 10
"""Rules that are reckoned one by one, in two passes over all of them; more cost as much as all."""


class Rank(NamedTuple):
    """What a rule's place among the others comes to."""

    depth: int = 0
    candidate: bool = False
    beats: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rules in their order, in which tree each stands, and what was reckoned of each."""

    entries: Sequence[Entry]
    homes: Sequence[int]
    ranks: Sequence[Rank]


def edited(last: Ranking, entries: Sequence[Entry], homes: Sequence[int], limit: int) -> list[Rank] | None:
    """Return the ranks of rules by those of much the same rules; None where many are to be reckoned.

    None as well where a depth comes to `limit`.
    """
    first = common(last, entries, homes)
    rest = common(last, entries, homes, first)
    gone = range(first, len(last.entries) - rest)
    come = range(first, len(entries) - rest)
    if len(gone) + len(come) > EDITED_MAX:
        return None
    ranks = [*last.ranks[:first], *(Rank() for _ in come), *last.ranks[len(last.entries) - rest :]]
    edit = _Edit(entries, homes, ranks)
    touched = set(come)
    for place in gone:
        told = last.entries[place].fields, last.homes[place]
        touched.update(edit.reached(*told, range(come.stop, len(entries)), last.ranks[place], None))
    return edit.reckoned(touched, come, limit)


def common(last: Ranking, entries: Sequence[Entry], homes: Sequence[int], first: int | None = None) -> int:
    """Return how many rules at the beginning are the same, in the same trees; at the end, behind the `first` ones."""
    both = min(len(last.entries), len(entries)) - (first or 0)
    step = 1 if first is None else -1
    pairs = zip(last.entries[::step], entries[::step], last.homes[::step], homes[::step], strict=False)
    for place, (was, now, there, here) in enumerate(pairs):
        if place == both or was is not now or there != here:
            return place
    return both


class _Edit:
    """Rules while they are reckoned again."""

    def __init__(self, entries: Sequence[Entry], homes: Sequence[int], ranks: list[Rank]) -> None:
        self._fields = [entry.fields for entry in entries]
        self._homes, self._ranks = homes, ranks

    def reckoned(self, touched: set[int], come: range, limit: int) -> list[Rank] | None:
        """Reckon places, and what follows from them, in order."""
        waiting = list(touched)
        heapify(waiting)
        for _many in range(RECKONED_MAX):
            if not waiting:
                return self._ranks
            place = heappop(waiting)
            was, now = self._ranks[place], self._reckoned(place)
            if now.depth >= limit:
                return None
            self._ranks[place] = now
            if now != was or place in come:
                later = range(place + 1, len(self._fields))
                old = None if place in come else was
                for one in self.reached(self._fields[place], self._homes[place], later, old, now):
                    if one not in touched:
                        touched.add(one)
                        heappush(waiting, one)
        return self._ranks if not waiting else None

    def _reckoned(self, place: int) -> Rank:
        home, depth, candidate, beats = self._homes[place], 0, False, False
        for one in self._overlapping(self._fields[place], range(place)):
            there, rank = self._homes[one], self._ranks[one]
            if there != home:
                depth = max(depth, rank.depth + (there > home))
                candidate |= there > home
                beats |= there < home and rank.candidate
        return Rank(depth, candidate, beats)

    def reached(self, fields: Fields, home: int, later: range, old: Rank | None, new: Rank | None) -> Iterator[int]:
        """Yield later rules for which a rule that was `old`, or is `new`, may make a difference."""
        for one in self._overlapping(fields, later):
            there, rank = self._homes[one], self._ranks[one]
            above = home > there
            made = old is not None and _made(old, rank, above=above)
            makes = new is not None and _makes(new, rank, above=above)
            if there != home and (made or makes):
                yield one

    def _overlapping(self, mine: Fields, places: range) -> list[int]:
        """Return which of some rules overlap one; of several ranges in a field only the ends of all count."""
        found = list(places)
        for field, ranges in enumerate(mine):
            if ranges is not None:
                first, last, all_fields = ranges[0].first, ranges[-1].last, self._fields
                found = [
                    place
                    for place in found
                    for its in (all_fields[place][field],)
                    if its is None or (its[0].first <= last and first <= its[-1].last)
                ]
        return found


def _made(old: Rank, later: Rank, *, above: bool) -> bool:
    """Return whether a rule may be why a later one is what it is; `above`: it stands in a later tree."""
    return (
        0 < old.depth + above == later.depth
        or (above and later.candidate)
        or (not above and old.candidate and later.beats)
    )


def _makes(new: Rank, later: Rank, *, above: bool) -> bool:
    """Return whether a rule makes something else of a later one."""
    return (
        new.depth + above > later.depth
        or (above and not later.candidate)
        or (not above and new.candidate and not later.beats)
    )
