"""Reading one `App=` line: six fields of lists, the VIDs, the options; what is wrong goes to its file, in its place.

A line that names no set says the same wherever it stands, so what it says is kept by its text: of a file that was
edited only the lines that are new are read. Which line, and which file, is filled in when a file takes a reading.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from linkbalancer.config import balancing, rulefields, ruleoptions
from linkbalancer.config.addresssets import FAMILIES, SIGN, Addresses, element
from linkbalancer.config.findings import FieldError, nearest
from linkbalancer.config.reading import Word, said
from linkbalancer.config.rulefile import Options, Reading, RuleFile, told
from linkbalancer.links import Vid
from linkbalancer.routing.application import Step
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector, merged

FIELDS: Final = ("source", "destination", "TOS", "source port", "destination port", "protocol")
_START = re.compile(r"\s*App\s*=")
_KEY = re.compile(r"\s*([A-Za-z]+)\s*=")
_WORD = re.compile(r"\S+")
ValueT = TypeVar("ValueT")

KEPT: Final = 1 << 16
"""Readings that are kept, each of one or two KiB: more lines than any gateway's rules have by now."""


_KNOWN: Final[dict[str, Reading]] = {}
"""The readings of lines that name no set, by the whole line, its comment included."""
known: Final = _KNOWN.get


def read_line(into: RuleFile, number: int, line: str) -> None:
    """Read a line; a rule goes to the file when nothing is wrong with it."""
    reading = _KNOWN.get(line)
    if reading is None:
        text = said(line)
        if SIGN in text:
            reading = _Line(text, lambda word: into.sets.find(word, number)).read()
        else:
            reading = _read_alone(text)
            if len(_KNOWN) >= KEPT:
                _KNOWN.clear()
            _KNOWN[line] = reading
    into.take(number, reading)


@lru_cache(KEPT)
def _read_alone(text: str) -> Reading:
    """Read a line that names no set."""
    return _Line(text, lambda word: element(word.text)).read()


def forget() -> None:
    """Keep no line that was read."""
    _read_alone.cache_clear()
    _KNOWN.clear()


class _Line:
    """One line while it is read; `find` says what an element of its addresses stands for."""

    def __init__(self, text: str, find: Callable[[Word], Addresses | None]) -> None:
        self._into = Reading()
        self._find = find
        self._text = text
        self._good = True
        self._sets_used = ""

    def read(self) -> Reading:
        """Read the line; it has a rule when nothing is wrong with it."""
        self._read_whole()
        return self._into

    def _read_whole(self) -> None:
        if not self._text.strip():
            return
        start = _START.match(self._text)
        column = len(self._text) - len(self._text.lstrip()) + 1
        if start is None:
            self._no_rule(column)
            return
        opening = self._text.find("[", start.end())
        closing = self._text.find("]", opening) if opening >= 0 else -1
        if closing < 0:
            self._no_list(self._words(start.end(), len(self._text)), opening)
            return
        selectors = self._selectors(self._words(start.end(), opening), opening + 1)
        steps = self._steps(self._words(opening + 1, closing), opening + 1)
        options = self._options(self._words(closing + 1, len(self._text)))
        if self._good:
            self._into.rule = told(column, selectors, steps, options)
            if balancing.STICKY in options.fields and all(len(step) == 1 for step in steps):
                at = next(column for field, _, column in self._into.option_uses if field == balancing.STICKY)
                what = "the option sticky says nothing: no step has several VIDs"
                self._into.warn(at, what, "balance a step, such as 1+2, or remove it")
            if options.name is None and self._sets_used:
                what = (
                    f"the line uses {self._sets_used} and has no name: a change of the set makes it another application"
                )
                self._into.warn(column, what, "add name=")

    def _words(self, start: int, end: int) -> list[Word]:
        return [Word(match[0], match.start() + 1) for match in _WORD.finditer(self._text, start, end)]

    def _error(self, column: int, what: str, remedy: str) -> None:
        self._good = False
        self._into.error(column, what, remedy)

    def _no_list(self, words: list[Word], opening: int) -> None:
        if opening >= 0:
            self._error(opening + 1, "the list of VIDs has no end", "close it with ]")
        elif len(words) > len(FIELDS):
            rest = " ".join(word.text for word in words[len(FIELDS) :]).strip("]")
            self._error(words[len(FIELDS)].column, "the VIDs are not in brackets", f"write [{rest}]")
        else:
            self._error(len(self._text) + 1, "the line names no VIDs", "add a list such as [1 2] after the protocol")

    def _no_rule(self, column: int) -> None:
        key = _KEY.match(self._text)
        near = None if key is None else nearest(key[1], ("App", "Set"))
        remedy = "start it with App= or Set=, or make it a comment with #"
        self._error(column, "the line is no rule", f"did you mean {near}=?" if near else remedy)

    def _selectors(self, words: list[Word], end: int) -> list[Selector]:
        """Return what the six fields mean: a selector, or one a family where addresses of both are listed."""
        if len(words) != len(FIELDS):
            self._miscounted(words, end)
            return []
        source, destination = self._addresses(words[0]), self._addresses(words[1])
        dscp = self._ranges(words[2], rulefields.dscp)
        source_port = self._ranges(words[3], rulefields.ports)
        destination_port = self._ranges(words[4], rulefields.ports)
        protocols = self._protocols(words, source_port, destination_port)
        if not self._good:
            return []
        return [
            Selector(
                family=family,
                source=from_addresses,
                destination=to_addresses,
                dscp=dscp,
                source_port=source_port,
                destination_port=destination_port,
                protocols=protocols,
                source_names=from_names,
                destination_names=to_names,
            )
            for family in self._families(words, source, destination)
            for from_addresses, from_names in _ends(source, family)
            for to_addresses, to_names in _ends(destination, family)
        ]

    def _miscounted(self, words: list[Word], end: int) -> None:
        torn = next((word for word in words if word.text.startswith(",") or word.text.endswith(",")), None)
        if torn is not None:
            self._error(torn.column, f"{torn.text!r} ends in the middle of a list", "write lists without blanks: a,b")
        elif len(words) < len(FIELDS):
            remedy = f"write {', '.join(FIELDS)}, with * where any will do"
            self._error(end, f"{len(words)} fields before the VIDs, not {len(FIELDS)}", remedy)
        else:
            extra = words[len(FIELDS)]
            self._error(extra.column, f"{extra.text!r} is one field too many", f"write just {', '.join(FIELDS)}")

    def _families(
        self, words: list[Word], source: Addresses | None, destination: Addresses | None
    ) -> list[rulefields.Family | None]:
        """Return the families for which the line has addresses at both ends; both, as None, where it has none."""
        ends = [end for end in (source, destination) if end is not None]
        if not ends:
            return [None]
        each = [{*end.families} for end in ends]
        families = [family for family in FAMILIES if all(family in one for one in each)]
        if not families:
            (first, *_), (second, *_) = each
            remedy = "give source and destination in one family, or one of them as *"
            self._error(words[1].column, f"the source is IPv{first}, the destination IPv{second}", remedy)
        for here, there, word, names in zip(each, each[::-1], words, ("source", "destination"), strict=False):
            idle = here - there
            if families and idle and SIGN not in word.text:
                other = "destination" if names == "source" else "source"
                what = f"the IPv{idle.pop()} addresses of the {names} match nothing: the {other} has none"
                self._into.warn(word.column, what, "remove them, or give both ends both families")
        return list(families)

    def _addresses(self, word: Word) -> Addresses | None:
        found = self._list(word, self._element)
        return None if found is None else Addresses.joined(found)

    def _element(self, word: Word) -> Addresses | None:
        if word.text.startswith(SIGN):
            self._sets_used = self._sets_used or word.text
        found = self._find(word)
        if found is None:  # its error is said where it is defined
            self._good = False
        return found

    def _ranges(self, word: Word, reader: Callable[[str], Interval]) -> Ranges | None:
        found = self._list(word, lambda part: reader(part.text))
        return None if found is None else merged(found) or None

    def _list(self, word: Word, reader: Callable[[Word], ValueT | None]) -> list[ValueT] | None:
        """Return the elements of a list that are right, None for `*`."""
        if word.text == rulefields.ANY:
            return None
        found: list[ValueT] = []
        for part in word.parts():
            if part.text == rulefields.ANY:
                self._error(part.column, "* stands in a list, and takes everything", "write * alone, or the others")
                continue
            if not part.text:
                self._error(part.column, "the list has an empty place", "write one comma between two, and no blank")
                continue
            try:
                value = reader(part)
            except FieldError as error:
                self._error(part.column, error.what, error.remedy)
                continue
            if value is not None:
                found.append(value)
        return found

    def _protocols(
        self, words: list[Word], source_port: Ranges | None, destination_port: Ranges | None
    ) -> tuple[int, ...] | None:
        found = self._list(words[5], lambda part: rulefields.protocol(part.text))
        numbers = None if found is None else tuple(sorted(set(found)))
        if source_port is None and destination_port is None:
            return numbers
        if numbers is None:
            return PROTOCOLS_WITH_PORTS
        portless = [protocol_name(number) for number in numbers if number not in PROTOCOLS_WITH_PORTS]
        if portless:
            where = words[3] if source_port else words[4]
            named = ", ".join(map(protocol_name, PROTOCOLS_WITH_PORTS))
            told = words[5].text if len(numbers) == 1 else portless[0]
            self._error(
                where.column,
                f"the port {where.text} with protocol {told}, which has no ports",
                f"write *, or one of the protocols {named}",
            )
        return numbers

    def _steps(self, words: list[Word], opening: int) -> tuple[Step, ...]:
        if not words:
            self._error(opening, "the list of VIDs is empty", "name at least one VID")
        steps: list[Step] = []
        seen: set[Vid] = set()
        for word in words:
            step = self._read(word, rulefields.step)
            if step is None:
                continue
            for member in step:
                if member.vid in seen:
                    self._error(word.column, f"the VID {member.vid} is in the list twice", "name each VID once")
                seen.add(member.vid)
            self._into.uses.append((step, word.column))
            for what, remedy in balancing.too_light(step):
                self._into.warn(word.column, what, remedy)
            steps.append(step)
        return tuple(steps)

    def _options(self, words: list[Word]) -> Options:
        name: Word | None = None
        values: dict[str, Any] = {}
        seen: set[str] = set()
        for word in words:
            key, equals, value = word.text.partition("=")
            after = Word(value, word.column + len(key) + 1)
            if not equals:
                self._error(word.column, f"{word.text!r} is no option", "write option=value, or # before a comment")
            elif key in seen:
                self._error(word.column, f"the option {key} is given twice", "give it once")
            elif key == ruleoptions.NAME:
                name = Word(self._read(after, rulefields.name) or "", after.column)
            elif key in ruleoptions.READERS:
                field = ruleoptions.field_of(key)
                values[field] = self._read(after, ruleoptions.READERS[key])
                self._into.option_uses.append((field, word.text, word.column))
            else:
                refusal = ruleoptions.unknown(key)
                self._error(word.column, refusal.what, refusal.remedy)
            seen.add(key)
        return Options(name, values)

    def _read(self, word: Word, reader: Callable[[str], ValueT]) -> ValueT | None:
        try:
            return reader(word.text)
        except FieldError as error:
            self._error(word.column, error.what, error.remedy)
            return None


def _ends(end: Addresses | None, family: rulefields.Family | None) -> list[tuple[Ranges | None, tuple[str, ...]]]:
    """Return what the selectors of a family have at an end, each addresses or names; `*` is one of anything."""
    return [(None, ())] if end is None else list(end.parts(family))
