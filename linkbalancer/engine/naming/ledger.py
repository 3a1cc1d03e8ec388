"""The machine that knows which addresses names have: when each is asked for again, and what is known meanwhile.

It asks nobody itself: `expire` says what is to be asked, `answered` and `refused` tell what came of it. An address
leaves only when an answer came without it, and not before its TTL and a grace beyond that are over: clients keep what
they were told, and flows go on. Without answers everything stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant, earliest
from linkbalancer.engine.naming.message import ADDRESSES_MAX, Answer, Family, Question

FAMILIES: Final[tuple[Family, ...]] = (4, 6)

UNDER_WAY_MAX: Final = 16
"""Questions that are asked at once; the others wait for their turn."""
PATIENCE: Duration = 2 * SECOND
"""How long an answer may take before another resolver is asked."""
TRIES_MAX: Final = 4
"""Resolvers that are asked one after the other before a question has failed; one alone is asked twice."""
AGAIN: Duration = SECOND
AGAIN_MAX: Duration = 60 * SECOND
"""How soon a question that failed is asked again: first, and at most (doubling in between)."""
PACE: Duration = SECOND
"""How often other addresses are put to use at most."""
KEPT_MAX: Final = 4 * ADDRESSES_MAX
"""Addresses of a name and family at once; of more, those that were answered longest ago go first."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How many resolvers there are, the least and the greatest TTL, and how long addresses stay after theirs."""

    resolvers: int
    ttl: tuple[Duration, Duration]
    grace: Duration


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a resolver (by its place) something; `number` tells this time from all others of the same question."""

    question: Question
    resolver: int
    number: int


@dataclass(frozen=True, slots=True)
class Seen:
    """When an address was last answered, and with which TTL (as it counts here)."""

    at: Instant
    ttl: Duration


@dataclass(slots=True)
class Entry:
    """What is known of a question.

    `due` is when it is asked next; while it is asked, `until` is when this try is given up.
    """

    addresses: dict[int, Seen] = field(default_factory=dict)
    due: Instant | None = None
    until: Instant | None = None
    number: int = 0
    tries: int = 0
    failures: int = 0
    failing_since: Instant | None = None
    why: str = ""
    answered_at: Instant | None = None
    expires: Instant | None = None
    missing: bool = False


class Ledger:
    """The names and what is known of them.

    Args:
        names: those that are asked for.
        settings: how.
        now: when it begins; everything is due.
        memory: the addresses that were known to somebody before.
    """

    def __init__(
        self,
        names: Iterable[str],
        settings: Settings,
        now: Instant,
        memory: Mapping[Question, Mapping[int, Seen]] | None = None,
    ) -> None:
        questions = [Question(name, family) for name in names for family in FAMILIES]
        known = memory or {}
        self.entries: dict[Question, Entry] = {one: Entry(dict(known.get(one, {})), now) for one in questions}
        self._settings = settings
        self._good_resolver = 0
        self._numbers = 0
        self._changed = True
        self._next_change: Instant = now

    def deadline(self) -> Instant | None:
        """Return when `expire` is to be called, or `taken` has something."""
        waits = [entry.until for entry in self.entries.values()]
        if self._under_way() < UNDER_WAY_MAX:
            waits += [entry.due for entry in self.entries.values()]
        return earliest(*waits, self._next_change if self._changed else None)

    def expire(self, now: Instant) -> list[Ask]:
        """Give up what takes too long; return what is to be asked now."""
        found = []
        for question, entry in self.entries.items():
            if entry.until is not None and entry.until <= now:
                found += self._failed(now, question, "no answer in time")
        waiting = [
            (entry.due, one) for one, entry in self.entries.items() if entry.due is not None and entry.due <= now
        ]
        for _due, question in sorted(waiting)[: max(0, UNDER_WAY_MAX - self._under_way())]:
            found.append(self._ask(now, question))
        return found

    def answered(self, now: Instant, ask: Ask, answer: Answer) -> None:
        """Take in an answer; one that comes too late counts for nothing."""
        entry = self.entries[ask.question]
        if not self._is_current(entry, ask):
            return
        least, most = self._settings.ttl
        ttl = min(max(answer.ttl, least), most)
        before = entry.addresses.keys()
        kept = {one: seen for one, seen in entry.addresses.items() if now < seen.at + seen.ttl + self._settings.grace}
        kept |= dict.fromkeys(answer.addresses, Seen(now, ttl))
        latest = sorted(kept, key=lambda one: (kept[one].at, one), reverse=True)[:KEPT_MAX]
        self._good_resolver = ask.resolver % self._settings.resolvers
        self._changed |= before != set(latest)
        entry.addresses = {one: kept[one] for one in sorted(latest)}
        entry.answered_at, entry.expires, entry.missing = now, now + ttl, answer.missing
        entry.due, entry.until, entry.tries, entry.failures = now + ttl, None, 0, 0
        entry.failing_since, entry.why = None, ""

    def refused(self, now: Instant, ask: Ask, why: str) -> list[Ask]:
        """Take in that a resolver cannot say; return what is to be asked in its place."""
        return self._failed(now, ask.question, why) if self._is_current(self.entries[ask.question], ask) else []

    def taken(self, now: Instant) -> bool:
        """Return whether other addresses are to be put to use now than the last time that this was so."""
        if not self._changed or now < self._next_change:
            return False
        self._changed, self._next_change = False, now + PACE
        return True

    def addresses(self, name: str, family: Family) -> tuple[int, ...]:
        """Return the addresses of a name, none for a name that is not known."""
        entry = self.entries.get(Question(name, family))
        return () if entry is None else tuple(entry.addresses)

    def ask_others(self, resolvers: int) -> None:
        """Know that there are other resolvers now, and how many; what is under way goes on."""
        self._settings = replace(self._settings, resolvers=resolvers)
        self._good_resolver = 0

    def failing(self) -> dict[Question, Entry]:
        """Return the questions that nobody answers at present."""
        return {one: entry for one, entry in self.entries.items() if entry.failing_since is not None}

    def _under_way(self) -> int:
        return sum(entry.until is not None for entry in self.entries.values())

    @staticmethod
    def _is_current(entry: Entry, ask: Ask) -> bool:
        return entry.until is not None and entry.number == ask.number

    def _ask(self, now: Instant, question: Question) -> Ask:
        """Ask the resolver that answered last, then those after it."""
        entry = self.entries[question]
        self._numbers += 1
        entry.due, entry.until, entry.number = None, now + PATIENCE, self._numbers
        resolver = (self._good_resolver + entry.tries) % self._settings.resolvers
        entry.tries += 1
        return Ask(question, resolver, entry.number)

    def _failed(self, now: Instant, question: Question, why: str) -> list[Ask]:
        entry = self.entries[question]
        if entry.tries < max(2, min(self._settings.resolvers, TRIES_MAX)):
            return [self._ask(now, question)]
        entry.due = now + min(AGAIN << min(entry.failures, 16), AGAIN_MAX)
        entry.until, entry.tries, entry.failures = None, 0, entry.failures + 1
        entry.failing_since = now if entry.failing_since is None else entry.failing_since
        entry.why = why
        return []
