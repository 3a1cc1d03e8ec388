"""What changes between two rule files: lines new, gone, moved, or of another application; layout does not count."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from typing import TypeAlias

from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.load import Loaded
from linkbalancer.routing.rule import Rule

SHOWN = 100
"""Characters of a line that are shown."""

_Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file: its name, its rules, and its lines."""

    name: str
    rules: tuple[Rule, ...]
    lines: Sequence[str]

    def keys(self) -> list[_Key]:
        """Return what each rule means, in order."""
        return [(rule.selector.canonical(), rule.application) for rule in self.rules]

    def shown(self, rule: Rule) -> str:
        """Return a rule as it is written, without its comment and its layout."""
        if rule.line > len(self.lines):
            return f"{rule.selector.canonical()} {rule.application}"
        text = " ".join(self.lines[rule.line - 1].partition("#")[0].split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def changes(old: Loaded, old_text: str, new: Loaded, new_text: str) -> Iterator[Change]:
    """Yield the changes in the order of the new file's lines; what is gone comes where it was."""
    was, will = _file(old, old_text), _file(new, new_text)
    removed, added = _edits(was.keys(), will.keys())
    gone = {was.keys()[index]: was.rules[index] for index in removed} if removed else {}
    selectors = {key[0]: key for key in gone}
    found: list[tuple[int, Change]] = []
    will_keys = will.keys() if added else []
    for index in added:
        key, rule = will_keys[index], will.rules[index]
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
    return _File(PurePosixPath(loaded.config.applications).name, loaded.rules.rules, text.split("\n"))


def _edits(was: list[_Key], will: list[_Key]) -> tuple[list[int], list[int]]:
    """Return the places of what is removed of the one and added in the other."""
    start = 0
    while start < min(len(was), len(will)) and was[start] == will[start]:
        start += 1
    end = 0
    while end < min(len(was), len(will)) - start and was[-1 - end] == will[-1 - end]:
        end += 1
    matcher = SequenceMatcher(None, was[start : len(was) - end], will[start : len(will) - end], autojunk=False)
    removed: list[int] = []
    added: list[int] = []
    for tag, first, last, first_new, last_new in matcher.get_opcodes():
        if tag != "equal":
            removed += range(start + first, start + last)
            added += range(start + first_new, start + last_new)
    return removed, added
