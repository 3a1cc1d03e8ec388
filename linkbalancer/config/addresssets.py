"""Sets of addresses with a name: defined in the rule file by a line of their own, or kept in a file beside it.

Set=@branch 10.1.0.0/16,10.2.0.0/16   # then App=@branch ..., or @branch in another set further down
App=@file:branches.txt ...            # addresses, prefixes and ranges, by blanks, commas or lines
Set=@saas teams.example.com           # a host's name: whatever addresses it has, asked for by the running daemon
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from linkbalancer.config import rulefields
from linkbalancer.config.findings import ConfigErrors, FieldError, Finding, suggestion
from linkbalancer.config.hostnames import NAMES_MAX, host_name, is_like_a_name
from linkbalancer.config.reading import Word, read_text
from linkbalancer.routing.selector import Interval, Ranges, difference, merged

SIGN: Final = "@"
FILE: Final = "@file:"
RANGES_MAX: Final = 10_000
"""Ranges in a set, those that touch taken together: each rule that names it carries them all into the kernel."""

_START = re.compile(r"\s*Set\s*=\s*")
_WORD = re.compile(r"\S+")
_ELEMENT = re.compile(r"[^\s,]+")
_NAME = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)

FAMILIES: Final[tuple[rulefields.Family, ...]] = (4, 6)

Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of both families; a family that has none is empty. `names`: those that hosts of these names have."""

    four: Ranges = ()
    six: Ranges = ()
    names: tuple[str, ...] = ()

    @property
    def families(self) -> frozenset[rulefields.Family]:
        """The families that there are addresses of; a name may have those of both."""
        return frozenset(family for family in FAMILIES if self.names or self.of(family))

    def parts(self, family: rulefields.Family | None) -> Iterator[tuple[Ranges, tuple[str, ...]]]:
        """Yield what a selector can have at an end: addresses of a family, or names."""
        if self.of(family):
            yield self.of(family), ()
        if self.names:
            yield (), self.names

    def of(self, family: rulefields.Family | None) -> Ranges:
        """Return those of a family."""
        return self.four if family == 4 else self.six

    @staticmethod
    def joined(some: Iterable["Addresses"]) -> "Addresses":
        """Return the addresses of all of them."""
        each = list(some)
        if len(each) == 1:
            return each[0]
        names = tuple(sorted({name for one in each for name in one.names}))
        return Addresses(merged(i for one in each for i in one.four), merged(i for one in each for i in one.six), names)

    def without(self, other: "Addresses") -> "Addresses":
        """Return those that another one does not have."""
        names = tuple(name for name in self.names if name not in other.names)
        return Addresses(difference(self.four, other.four), difference(self.six, other.six), names)

    def __len__(self) -> int:
        """Return how many ranges and names there are."""
        return len(self.four) + len(self.six) + len(self.names)


@dataclass(slots=True)
class AddressSet:
    """A set by its name, and where it is defined (or used first, when it is a file); None where it is faulty."""

    name: str
    line: int
    column: int
    addresses: Addresses | None
    used: bool = False


def is_set_line(text: str) -> bool:
    """Return whether a line defines a set."""
    return _START.match(text) is not None


@lru_cache(maxsize=8192)
def element(word: str) -> Addresses:
    """Read an address, a prefix or a range. Raises FieldError."""
    if is_like_a_name(word.removeprefix(SIGN)):
        named = word.removeprefix(SIGN)
        remedy = f"give a set of names a name, and write that here: Set=@{named.partition('.')[0]} {named}"
        raise FieldError(f"{word!r} is the name of a host, and stands in sets alone", remedy)
    family, interval = rulefields.address_range(word)
    return Addresses((interval,)) if family == 4 else Addresses((), (interval,))


@dataclass(slots=True)
class Sets:
    """The sets of a rule file: those that it defines, and the files that it names.

    `read` returns a file's text; a relative name starts at the rule file's folder. What is wrong goes to `errors`.
    """

    file: str
    read: Read
    named: dict[str, AddressSet] = field(default_factory=dict)
    files: dict[str, AddressSet] = field(default_factory=dict)
    errors: list[Finding] = field(default_factory=list)
    _hosts: set[str] = field(default_factory=set)

    def define(self, number: int, text: str) -> None:
        """Take in a line that defines a set."""
        start = _START.match(text)
        assert start is not None
        name = _WORD.match(text, start.end())
        if name is None:
            self._error(number, len(text) + 1, "the line names no set", "write such as Set=@branch 10.1.0.0/16")
            return
        word = Word(name[0], name.start() + 1)
        if not _NAME.fullmatch(word.text):
            remedy = "write @, and up to 63 letters, digits and _ - (the first a letter or digit)"
            self._error(number, word.column, f"{word.text!r} is no name of a set", remedy)
            return
        if word.text in self.named:
            there = self.named[word.text].line
            what = f"the set {word.text} is defined twice, first on line {there}"
            self._error(number, word.column, what, "write its addresses into one line, or give this one another name")
            return
        elements = [Word(one[0], one.start() + 1) for one in _ELEMENT.finditer(text, name.end())]
        found = self._elements(number, elements, lambda one: self._member(one, number))
        if not elements:
            what = f"the set {word.text} is empty"
            self._error(number, len(text) + 1, what, "give it an address, or remove it and the lines that use it")
        self.named[word.text] = AddressSet(word.text, number, word.column, self._bounded(number, word, found))

    def find(self, word: Word, line: int) -> Addresses | None:
        """Return what an element of a line stands for; None where it is a set whose error is said already.

        Raises:
            FieldError: it is neither a set nor an address.
        """
        if word.text.startswith(FILE):
            return self._file(word, line)
        if not word.text.startswith(SIGN):
            return element(word.text)
        known = self.named.get(word.text)
        if known is None:
            if is_like_a_name(word.text.removeprefix(SIGN)):
                return element(word.text)  # its error
            remedy = suggestion(word.text, self.named) if self.named else f"define it: Set={word.text} 10.1.0.0/16"
            raise FieldError(f"there is no set {word.text}", remedy)
        known.used = True
        return known.addresses

    def unused(self) -> Iterator[AddressSet]:
        """Yield the sets that no rule and no other set names."""
        return (one for one in self.named.values() if not one.used)

    def contents(self) -> Mapping[str, Addresses]:
        """Return every set's addresses by its name, files by theirs."""
        each = [*self.named.values(), *self.files.values()]
        return {one.name: one.addresses for one in each if one.addresses is not None}

    def paths(self) -> tuple[str, ...]:
        """Return the paths of the files that sets are kept in."""
        return tuple(self.files)

    def hosts(self) -> tuple[str, ...]:
        """Return the host names that sets have."""
        return tuple(sorted(self._hosts))

    def _member(self, word: Word, line: int) -> Addresses | None:
        """Return what an element of a set stands for, which may be the name of a host. Raises FieldError."""
        if not is_like_a_name(word.text):
            return self.find(word, line)
        name = host_name(word.text)
        if name not in self._hosts and len(self._hosts) == NAMES_MAX:
            raise FieldError(
                f"a rule file has {NAMES_MAX} host names at most", "name fewer, or prefixes in their place"
            )
        self._hosts.add(name)
        return Addresses((), (), (name,))

    def _plain(self, word: Word) -> Addresses | None:
        """Read an element of a set's file: no other set. Raises FieldError."""
        if word.text.startswith(SIGN):
            raise FieldError(f"{word.text} in a set's file", "write addresses, prefixes, ranges and host names only")
        return self._member(word, 0)

    def _file(self, word: Word, line: int) -> Addresses | None:
        name = word.text.removeprefix(FILE)
        if not name or not name.isprintable():
            raise FieldError(f"{FILE} names no file", f"write such as {FILE}branches.txt")
        path = str(PurePosixPath(self.file).parent / name)
        if path not in self.files:
            self.files[path] = AddressSet(word.text, line, word.column, self._content(path, word, line))
        return self.files[path].addresses

    def _content(self, path: str, word: Word, line: int) -> Addresses | None:
        """Read a set's file; what is wrong in it is said there, once."""
        try:
            text = read_text(path, self.read)
        except OSError as error:
            what = f"cannot read {path}: {error.strerror or error}"
            self._error(line, word.column, what, "write the set's file there, or name another one")
            return None
        except ConfigErrors as error:
            self.errors += error.findings
            return None
        found: list[Addresses | None] = []
        for number, content in enumerate(text.split("\n"), start=1):
            words = [Word(one[0], one.start() + 1) for one in _ELEMENT.finditer(content.partition("#")[0])]
            found += self._elements(number, words, self._plain, path)
        if not found:
            self._error(
                line, word.column, f"the set's file {path} has no address", "write addresses into it, one a line"
            )
        return self._bounded(line, word, found)

    def _elements(
        self, number: int, words: Iterable[Word], find: Callable[[Word], Addresses | None], file: str | None = None
    ) -> list[Addresses | None]:
        found: list[Addresses | None] = []
        for word in words:
            try:
                found.append(find(word))
            except FieldError as error:
                self.errors.append(Finding(file or self.file, number, word.column, error.what, error.remedy))
                found.append(None)
        return found

    def _bounded(self, line: int, word: Word, found: list[Addresses | None]) -> Addresses | None:
        """Return the elements joined, None where there is none or one is faulty, or where they are too many."""
        good = [one for one in found if one is not None]
        if not good or len(good) < len(found):
            return None
        joined = Addresses.joined(good)
        if len(joined) > RANGES_MAX:
            what = f"{word.text} has {len(joined)} ranges of addresses, {RANGES_MAX} at most"
            self._error(line, word.column, what, "write wider prefixes, or spread them over several sets and lines")
            return None
        return joined

    def _error(self, line: int, column: int, what: str, remedy: str) -> None:
        self.errors.append(Finding(self.file, line, column, what, remedy))


class AnySets(Sets):
    """Sets of which every name is known: for those who ask only whether a line is a rule."""

    def find(self, word: Word, line: int) -> Addresses | None:
        """Return any addresses for a set."""
        if word.text.startswith(SIGN):
            return Addresses((Interval(0, 0),), (Interval(0, 0),))
        return Sets.find(self, word, line)
