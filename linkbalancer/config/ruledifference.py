"""What changes between two rule files: lines new, gone, moved, or of another application; layout does not count."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import TypeAlias

from linkbalancer.config.addresssets import SIGN, Addresses
from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.load import Loaded
from linkbalancer.config.rulewriting import in_words, line_of
from linkbalancer.routing.application import Application
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Selector

SHOWN = 100
"""Characters of a line that are shown."""
RANGES_SHOWN = 8
"""Ranges of a set that are shown."""

_Key: TypeAlias = tuple[str, str, int]
"""What a rule means, its application, and the how-manieth of its kind it is."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is a rule, or two where it has addresses of both families."""

    line: int
    application: Application
    selectors: tuple[Selector, ...]

    @property
    def canonical(self) -> str:
        """What it selects."""
        return " and ".join(selector.canonical() for selector in self.selectors)


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file: its name, its rules by line, and its lines."""

    name: str
    rules: tuple[_Line, ...]
    lines: Sequence[str]

    def keys(self, by_words: AbstractSet[str]) -> list[_Key]:
        """Return what each rule means, in order; all of them are different.

        Some are taken by their words: lines with sets that are in both files, whatever their sets hold.
        """
        seen: dict[tuple[str, str], int] = {}
        keys = []
        for rule in self.rules:
            words = self.words(rule) if by_words else ""
            meaning = words if words in by_words else rule.canonical, rule.application.name
            seen[meaning] = seen.get(meaning, 0) + 1
            keys.append((*meaning, seen[meaning]))
        return keys

    def words(self, rule: _Line) -> str:
        """Return a rule as it is written, without its comment and its layout; empty where its text is not at hand."""
        return " ".join(word for line in self._text(rule) for word in line.partition("#")[0].split())

    def _text(self, rule: _Line) -> Sequence[str]:
        """Return a rule's line, none where its text is not at hand."""
        return self.lines[rule.line - 1 : rule.line]

    def by_sets(self) -> AbstractSet[str]:
        """Return the words of the rules that name sets."""
        words = (self.words(rule) for rule in self.rules if any(SIGN in one for one in self._text(rule)))
        return {one for one in words if SIGN in one.partition("[")[0]}

    def shown(self, rule: _Line) -> str:
        """Return a rule's words for people."""
        text = self.words(rule) or line_of(rule.selectors, rule.application)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def changes(old: Loaded, old_text: str, new: Loaded, new_text: str) -> Iterator[Change]:
    """Yield the changes of sets, then those of rules in the order of the new lines; what is gone where it was."""
    yield from _sets(old.sets, new.sets)
    first, last = _common(old.rules.rules, new.rules.rules)
    was, will = _file(old, old_text, first, last), _file(new, new_text, first, last)
    by_words = was.by_sets() & will.by_sets()
    old_keys, new_keys = was.keys(by_words), will.keys(by_words)
    removed, added = _edits(old_keys, new_keys)
    gone = {old_keys[index]: was.rules[index] for index in removed}
    selectors = {key[0]: key for key in gone}
    found: list[tuple[int, Change]] = []
    for index in added:
        key, rule = new_keys[index], will.rules[index]
        subject = f"rule {will.name}:{rule.line}"
        if key in gone:
            found.append(
                (rule.line, Change(Kind.MOVED, subject, f"from line {gone.pop(key).line}: {will.shown(rule)}"))
            )
        elif (other := selectors.get(key[0])) is not None and other in gone:
            what = f"application {gone.pop(other).application.name} -> {rule.application.name}: {will.shown(rule)}"
            found.append((rule.line, Change(Kind.CHANGED, subject, what)))
        else:
            found.append((rule.line, Change(Kind.NEW, subject, will.shown(rule))))
    found += [(rule.line, Change(Kind.GONE, f"rule {was.name}:{rule.line}", was.shown(rule))) for rule in gone.values()]
    yield from (change for _line, change in sorted(found, key=lambda one: one[0]))


def _common(was: Sequence[Rule], will: Sequence[Rule]) -> tuple[int, int]:
    """Return how many rules at the beginning, and at the end, are the very same in both; whole lines of them.

    Lines that were read once for both files have the same selectors, and no others have: so no line is divided.
    """
    both = min(len(was), len(will))
    first = next((place for place in range(both) if not _same(was[place], will[place])), both)
    rest = range(1, both - first + 1)
    last = next((place - 1 for place in rest if not _same(was[-place], will[-place])), both - first)
    return first, last


def _same(one: Rule, other: Rule) -> bool:
    return one.selector is other.selector and one.application == other.application


def _file(loaded: Loaded, text: str, first: int, last: int) -> _File:
    """Return a rule file without so many rules at its beginning and at its end."""
    lines, some = [], loaded.rules.rules
    for line, rules in groupby(some[first : len(some) - last], key=lambda rule: rule.line):
        own = tuple(rules)
        lines.append(_Line(line, loaded.rules.applications[own[0].application], tuple(rule.selector for rule in own)))
    return _File(PurePosixPath(loaded.rule_file).name, tuple(lines), text.split("\n"))


def _sets(old: Mapping[str, Addresses], new: Mapping[str, Addresses]) -> Iterator[Change]:
    """Yield what comes into sets and what leaves them."""
    for name in sorted({*old, *new}):
        was, will = old.get(name, Addresses()), new.get(name, Addresses())
        if name not in old:
            yield Change(Kind.NEW, f"set {name}", _ranges(will))
        elif name not in new:
            yield Change(Kind.GONE, f"set {name}", _ranges(was))
        elif was != will:
            come, gone = _ranges(will.without(was)), _ranges(was.without(will))
            parts = [f"{word} {some}" for word, some in (("with", come), ("without", gone)) if some]
            yield Change(Kind.CHANGED, f"set {name}", ", ".join(parts))


def _ranges(addresses: Addresses) -> str:
    """Write ranges of addresses, the first of them."""
    found = [in_words(one, 4) for one in addresses.four] + [in_words(one, 6) for one in addresses.six]
    found += addresses.names
    more = f" and {len(found) - RANGES_SHOWN} more" if len(found) > RANGES_SHOWN else ""
    return ", ".join(found[:RANGES_SHOWN]) + more


def _edits(was: list[_Key], will: list[_Key]) -> tuple[list[int], list[int]]:
    """Return the places of what is removed of the one and added in the other.

    What stays is the longest run of rules that are in both in one order, so that the fewest are said to have moved.
    """
    places = {key: place for place, key in enumerate(was)}
    both = [(place, places[key]) for place, key in enumerate(will) if key in places]
    stays = _longest_rising([old for _new, old in both])
    kept = {both[index] for index in stays}
    kept_new, kept_old = {new for new, _old in kept}, {old for _new, old in kept}
    removed = [place for place in range(len(was)) if place not in kept_old]
    return removed, [place for place in range(len(will)) if place not in kept_new]


def _longest_rising(numbers: list[int]) -> list[int]:
    """Return the places of a longest rising subsequence of different numbers (patience sorting)."""
    ends: list[int] = []  # the smallest number with which a sequence of each length ends
    ends_at: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(ends, number)
        before.append(ends_at[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        ends_at[length : length + 1] = [place]
    found: list[int] = []
    place = ends_at[-1] if ends_at else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]
