"""Statements: a keepalived.conf as nested blocks, each line a statement, and which of their words were understood."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.config.findings import Finding
from linkbalancer.config.keepalived.lines import Line
from linkbalancer.config.keepalived.remarks import Kind, Remark
from linkbalancer.config.keepalived.words import OPENS, Word, words

DEPTH_MAX: Final = 32
"""How deep blocks may stand in each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A line's words, and the statements in its braces (None: it has no braces)."""

    words: tuple[Word, ...]
    block: "list[Statement] | None" = None

    @property
    def keyword(self) -> str:
        """What it is about."""
        return self.words[0].text

    @property
    def values(self) -> tuple[str, ...]:
        """The words after the keyword."""
        return tuple(word.text for word in self.words[1:])

    def inner(self) -> "list[Statement]":
        """Return the statements in its braces, none where it has no braces."""
        return self.block or []

    def everything(self) -> Iterator[Word]:
        """Yield every word of it, inner ones included."""
        waiting = [self]
        while waiting:
            statement = waiting.pop()
            yield from statement.words
            waiting += reversed(statement.inner())


def parse(lines: Iterable[Line]) -> tuple[list[Statement], list[Finding]]:
    """Return the statements of a configuration, and what is wrong with its braces."""
    reader = _Reader()
    for line in lines:
        reader.take(line)
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._top: list[Statement] = []
        self._open: list[tuple[Word, list[Statement]]] = []
        self._errors: list[Finding] = []

    def take(self, line: Line) -> None:
        """Take a line; a brace on a line of its own opens the block of the statement before it."""
        pending: list[Word] = []
        for word in words(line):
            if not word.brace:
                pending.append(word)
            elif word.text == OPENS:
                self._opens(word, pending)
                pending = []
            else:
                self._keep(pending)
                pending = []
                self._closes(word)
        self._keep(pending)

    def finish(self) -> tuple[list[Statement], list[Finding]]:
        """Return what was read."""
        for brace, _ in self._open:
            self._errors.append(brace.finding("the block is not closed", "close it with }"))
        return self._top, self._errors

    @property
    def _here(self) -> list[Statement]:
        return self._open[-1][1] if self._open else self._top

    def _keep(self, pending: list[Word]) -> None:
        if pending:
            self._here.append(Statement(tuple(pending)))

    def _opens(self, brace: Word, pending: list[Word]) -> None:
        if len(self._open) == DEPTH_MAX:
            self._errors.append(brace.finding(f"blocks are nested more than {DEPTH_MAX} deep", "write them flat"))
        block: list[Statement] = []
        here = self._here
        if pending:
            here.append(Statement(tuple(pending), block))
        elif here and here[-1].block is None:
            here[-1] = Statement(here[-1].words, block)
        else:
            self._errors.append(brace.finding("a block without a name", "write what it is about before {"))
        self._open.append((brace, block))

    def _closes(self, brace: Word) -> None:
        if self._open:
            self._open.pop()
        else:
            self._errors.append(brace.finding("} closes nothing", "remove it"))


@dataclass(slots=True)
class Ledger:
    """Which words became part of our configuration, and what is said of the others: nothing is dropped in silence."""

    remarks: list[Remark] = field(default_factory=list)
    _known: set[Word] = field(default_factory=set)

    def carried(self, statement: Statement, count: int | None = None) -> None:
        """Note that a statement's words (the first `count` of them) are carried over."""
        self._known.update(statement.words[:count])

    def lost(self, statement: Statement, what: str, remedy: str) -> None:
        """Note that a statement, with all that is in it, is not carried over."""
        self._say(Kind.LOST, statement.words[0], what, remedy, statement.everything())

    def carried_words(self, *some: Word) -> None:
        """Note that words are carried over."""
        self._known.update(some)

    def lost_words(self, some: Sequence[Word], what: str, remedy: str) -> None:
        """Note that some words of a statement are not carried over."""
        self._say(Kind.LOST, some[0], what, remedy, some)

    def changed(self, statement: Statement, what: str, remedy: str) -> None:
        """Note that a statement's own words are carried over, and that something is different."""
        self._say(Kind.CHANGED, statement.words[0], what, remedy, statement.words)

    def needless(self, statement: Statement, what: str, remedy: str = "nothing to do") -> None:
        """Note that nothing of ours has to say what a statement says."""
        self._say(Kind.NEEDLESS, statement.words[0], what, remedy, statement.everything())

    def knows(self, word: Word) -> bool:
        """Whether a word is accounted for."""
        return word in self._known

    def leftovers(self, statements: Iterable[Statement]) -> None:
        """Name what nobody has spoken of: keywords that are unknown, and words too many."""
        for statement in statements:
            if statement.words[0] not in self._known:
                self.lost(statement, f"{statement.keyword!r} is not known", "look it up in keepalived.conf(5)")
                continue
            extra = [word for word in statement.words if word not in self._known]
            if extra:
                said = " ".join(word.text for word in extra)
                what = f"{said!r} after {statement.keyword} is not understood"
                self._say(Kind.LOST, extra[0], what, "remove it, or look it up in keepalived.conf(5)", extra)
            self.leftovers(statement.inner())

    def say(self, kind: Kind, at: Word, what: str, remedy: str) -> None:
        """Say something of a word that is accounted for otherwise."""
        self.remarks.append(Remark(at.finding(what, remedy), kind))

    def _say(self, kind: Kind, at: Word, what: str, remedy: str, of: Iterable[Word]) -> None:
        self.remarks.append(Remark(at.finding(what, remedy), kind))
        self._known.update(of)
