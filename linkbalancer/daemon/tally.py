"""What was counted since counting began, whatever became of the kernel's table meanwhile.

The kernel's counters begin at 0 with each table. What the tables before had counted, when they were last read, is kept
beside; so no sum ever falls, and who comes after goes on by the file.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.links import Vid


class Key(NamedTuple):
    """What is counted apart: an application's number, the VID that the flow took last (0: none), and the direction."""

    application: int
    vid: Vid
    direction: str


class Count(NamedTuple):
    """How much."""

    packets: int = 0
    bytes: int = 0
    flows: int = 0

    def plus(self, other: "Count") -> "Count":
        """Return both together."""
        return Count(*(one + two for one, two in zip(self, other, strict=True)))

    def since(self, other: "Count") -> "Count":
        """Return what came after another one."""
        return Count(*(one - two for one, two in zip(self, other, strict=True)))


NOTHING = Count()
Counts: TypeAlias = dict[Key, Count]


class Sum(NamedTuple):
    """What is told of a key: everything, what of it came in the last interval, and when something last did."""

    total: Count
    lately: Count
    moved_at: Instant


@dataclass(slots=True)
class Tally:
    """The sums.

    Attributes:
        boot: the boot of which they are: tables are numbered anew after it.
        since: when counting began.
        interval: how long before the last reading the one before was; 0 before there were two.
    """

    boot: str
    since: Instant
    interval: int = 0
    _table: int | None = None
    _before: Counts = field(default_factory=dict)
    _held: Counts = field(default_factory=dict)
    _lately: Counts = field(default_factory=dict)
    _moved_at: dict[Key, Instant] = field(default_factory=dict)
    _at: Instant | None = None

    def take(self, now: Instant, table: int, held: Mapping[Key, Count], applications: Collection[int]) -> bool:
        """Take what a table holds, of these applications alone; return whether anything is otherwise than before.

        What it does not show of what it had shown still is so: a dump may miss an element while the set grows.
        """
        old = self._totals()
        if table != self._table:
            self._before, self._held = old, {}
        for key, count in held.items():
            was = self._held.get(key, NOTHING)
            if any(one < two for one, two in zip(count, was, strict=True)):  # somebody has set it back
                self._before[key] = self._before.get(key, NOTHING).plus(was)
            self._held[key] = count
        for some in (self._before, self._held, self._moved_at):
            for key in [one for one in some if one.application not in applications]:
                del some[key]
        new = self._totals()
        self._lately = {key: one.since(old.get(key, NOTHING)) for key, one in new.items()} if self._at else {}
        self._moved_at |= {key: now for key in new if new[key] != old.get(key)}
        self.interval, self._at = 0 if self._at is None else now - self._at, now
        changed = new != old or table != self._table
        self._table = table
        return changed

    def _totals(self) -> Counts:
        keys = {**self._before, **self._held}
        return {key: self._before.get(key, NOTHING).plus(self._held.get(key, NOTHING)) for key in keys}

    def sums(self) -> dict[Key, Sum]:
        """Return everything."""
        return {
            key: Sum(total, self._lately.get(key, NOTHING), self._moved_at.get(key, 0))
            for key, total in sorted(self._totals().items())
        }

    def describe(self, now: Instant, names: Mapping[int, str]) -> dict[str, Any]:
        """Return everything as JSON-able values: by application, the busiest pair of VID and direction first."""
        found: dict[str, list[dict[str, Any]]] = {}
        seconds = self.interval / SECOND
        for key, one in self.sums().items():
            name = names.get(key.application)
            if name is not None:
                told = {
                    "vid": key.vid or None,
                    "direction": key.direction,
                    **one.total._asdict(),
                    "packets_per_s": round(one.lately.packets / seconds, 3) if seconds else None,
                    "bits_per_s": round(8 * one.lately.bytes / seconds, 3) if seconds else None,
                    "idle_ms": max(0, now - one.moved_at) // MILLISECOND,
                }
                found.setdefault(name, []).append(told)
        spans = {"for_ms": max(0, now - self.since) // MILLISECOND, "interval_ms": self.interval // MILLISECOND}
        return {**spans, "applications": found}

    def to_json(self) -> str:
        """Return what the next process goes on by."""

        def listed(some: Mapping[Key, Count]) -> list[list[Any]]:
            return [[*key, *count] for key, count in some.items()]

        moved = [[*key, at] for key, at in self._moved_at.items()]
        words = {"schema": 1, "boot": self.boot, "since": self.since, "table": self._table, "moved": moved}
        return json.dumps({**words, "before": listed(self._before), "held": listed(self._held)})

    @classmethod
    def of(cls, boot: str, now: Instant, text: str) -> "Tally":
        """Return a tally that goes on by what was written in this boot; a new one where that makes no sense."""
        try:
            words = json.loads(text)
            if words["schema"] != 1 or words["boot"] != boot:
                return cls(boot, now)
            table = words["table"]
            return cls(
                boot,
                int(words["since"]),
                _table=None if table is None else int(table),
                _before=_counts(words["before"]),
                _held=_counts(words["held"]),
                _moved_at={Key(int(one[0]), int(one[1]), str(one[2])): int(one[3]) for one in words["moved"]},
            )
        except (KeyError, TypeError, ValueError, IndexError):
            return cls(boot, now)


def _counts(listed: list[list[Any]]) -> Counts:
    return {Key(int(one[0]), int(one[1]), str(one[2])): Count(*map(int, one[3:6])) for one in listed}
