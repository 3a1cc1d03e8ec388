"""What changes between two rule files: lines new, gone, moved, or of another application; layout does not count."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.load import Loaded
from linkbalancer.routing.rule import Rule

SHOWN = 100
"""Characters of a line that are shown."""

_Key: TypeAlias = tuple[str, str, int]
"""What a rule means, its application, and the how-manieth of its kind it is."""


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file: its name, its rules, and its lines."""

    name: str
    rules: tuple[Rule, ...]
    lines: Sequence[str]

    def keys(self) -> list[_Key]:
        """Return what each rule means, in order; all of them are different."""
        seen: dict[tuple[str, str], int] = {}
        keys = []
        for rule in self.rules:
            meaning = rule.selector.canonical(), rule.application
            seen[meaning] = seen.get(meaning, 0) + 1
            keys.append((*meaning, seen[meaning]))
        return keys

    def shown(self, rule: Rule) -> str:
        """Return a rule as it is written, without its comment and its layout."""
        if rule.line > len(self.lines):
            return f"{rule.selector.canonical()} {rule.application}"
        text = " ".join(self.lines[rule.line - 1].partition("#")[0].split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def changes(old: Loaded, old_text: str, new: Loaded, new_text: str) -> Iterator[Change]:
    """Yield the changes in the order of the new file's lines; what is gone comes where it was."""
    was, will = _file(old, old_text), _file(new, new_text)
    old_keys, new_keys = was.keys(), will.keys()
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
            what = f"application {gone.pop(other).application} -> {rule.application}: {will.shown(rule)}"
            found.append((rule.line, Change(Kind.CHANGED, subject, what)))
        else:
            found.append((rule.line, Change(Kind.NEW, subject, will.shown(rule))))
    found += [(rule.line, Change(Kind.GONE, f"rule {was.name}:{rule.line}", was.shown(rule))) for rule in gone.values()]
    yield from (change for _line, change in sorted(found, key=lambda one: one[0]))


def _file(loaded: Loaded, text: str) -> _File:
    return _File(PurePosixPath(loaded.rule_file).name, loaded.rules.rules, text.split("\n"))


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
