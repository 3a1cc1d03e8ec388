"""What every tracker of the checker is: something that has a report, and says when it changes."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.health.debounce import Debounce
from linkbalancer.health.report import Report

Changed: TypeAlias = Callable[[str], None]
"""Told the name of what has another report than before."""


class Tracked(Protocol):
    """One tracker, or one gateway; a source of the loop."""

    name: str

    def report(self) -> Report:
        """Return what is believed now."""

    def recall(self, report: Report) -> None:
        """Go on from what a predecessor believed, unless something is known already."""

    def begin(self, now: Instant) -> None:
        """Begin to watch."""

    def deadline(self) -> Instant | None:
        """Return when something is due."""

    def expire(self, now: Instant) -> None:
        """Do what is due."""

    def close(self) -> None:
        """End what was begun."""


class Watch(Protocol):
    """What several trackers of one kind share: a socket or the like, in the loop."""

    def begin(self, now: Instant) -> None:
        """See how all of them are."""


class Believed:
    """The part that all of them share: what is believed, since when, and the last words; with delays where asked.

    Args:
        kind: the tracker's kind.
        name: its name.
        changed: told when the report is another one.
        delays: how long it must be good, or bad, before that is believed.
    """

    def __init__(self, kind: str, name: str, changed: Changed, delays: tuple[int, int] = (0, 0)) -> None:
        self.kind, self.name, self._changed = kind, name, changed
        self._debounce = Debounce(*delays)
        self._since: Instant = 0
        self._text = ""
        self._value: int | None = None

    @property
    def ok(self) -> bool | None:
        """What is believed."""
        return self._debounce.ok

    def report(self) -> Report:
        """Return what is believed now."""
        return Report(self.kind, self.ok, self._since, self._text, self._value)

    def recall(self, report: Report) -> None:
        """Go on from what a predecessor believed, unless something is known already."""
        if self.ok is None and report.ok is not None and report.kind == self.kind:
            self._debounce.recall(ok=report.ok)
            self._since, self._text, self._value = report.since, report.text, report.value

    def deadline(self) -> Instant | None:
        """Return when what is seen is believed."""
        return self._debounce.deadline()

    def expire(self, now: Instant) -> None:
        """Believe what has been seen for long enough."""
        if self._debounce.expire(now):
            self._since = now
            self._changed(self.name)

    def see(self, now: Instant, *, ok: bool, text: str, value: int | None = None) -> None:
        """Take in what is seen now."""
        before = self.report()
        if self._debounce.see(now, up=ok):
            self._since = now
        self._text, self._value = text, value
        if self.report() != before:
            self._changed(self.name)
