"""What people ask of the whole service (reload, upgrade): one run after the other, equal ones together.

A request that comes while another one runs waits, because what it is about may have been edited after that one read it.
Equal requests that wait become one run; everybody who asked gets the outcome, once.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from linkbalancer.clock import Duration, Instant

WAITING_LIMIT = 64
"""Requests that wait at most, equal ones counted each."""


class Kind(StrEnum):
    """What is asked for."""

    RELOAD = "reload"
    UPGRADE = "upgrade"


class Result(StrEnum):
    """How a run ended: `refused`: before anything was tried; `failed`: tried, and everything is as it was."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """One request as its asker worded it (docs/ARCHITECTURE.md): JSON-able words, `id` and `who` among them."""

    words: Mapping[str, Any]
    kind: Kind = Kind.RELOAD

    @property
    def id(self) -> str:
        """What its outcome is found by."""
        return str(self.words.get("id", ""))

    @property
    def name(self) -> str:
        """Say what it is, for the log: `reload (SIGHUP)`, `reload (apply by anna)`."""
        how, who = self.words.get("how", ""), self.words.get("who", "")
        by = how if who in {how, ""} else f"{how} by {who}".strip()
        return f"{self.kind} ({by})" if by else str(self.kind)

    def alike(self, other: "Request") -> bool:
        """Return whether one run serves both: they differ in who asked alone."""
        return self.kind is other.kind and _what(self.words) == _what(other.words)


def _what(words: Mapping[str, Any]) -> dict[str, Any]:
    return {key: word for key, word in words.items() if key not in {"id", "who"}}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request ended: a line for each thing to know, what is to be known of the configuration, how long."""

    id: str
    result: Result
    lines: tuple[str, ...]
    notice: Mapping[str, Any]
    took: Duration


@dataclass(slots=True)
class Run:
    """One run: its first request, and when each of those who wait for its outcome asked. `tries`: begun so often."""

    request: Request
    askers: list[tuple[str, Instant]]
    tries: int = 0


@dataclass(slots=True)
class Orders:
    """The run that goes on, and those that wait."""

    current: Run | None = None
    waiting: deque[Run] = field(default_factory=deque)

    def ask(self, now: Instant, request: Request) -> bool:
        """Have a request wait for its turn; False when too many do."""
        equal = next((run for run in self.waiting if run.request.alike(request)), None)
        if equal is not None and request.words.get("how") == "SIGHUP":
            return True  # nobody waits for a signal's outcome: any number of them is one run
        if sum(len(run.askers) for run in self.waiting) >= WAITING_LIMIT:
            return False
        if equal is None:
            self.waiting.append(Run(request, [(request.id, now)]))
        else:
            equal.askers.append((request.id, now))
        return True

    def begin(self) -> Run | None:
        """Return the next run, which goes on from now; None when none waits, or one goes on already."""
        if self.current is not None or not self.waiting:
            return None
        self.current = self.waiting.popleft()
        self.current.tries += 1
        return self.current

    def put_back(self) -> None:
        """Have the run that goes on begin again later, before all others."""
        assert self.current is not None
        self.waiting.appendleft(self.current)
        self.current = None

    def conclude(
        self, now: Instant, result: Result, lines: tuple[str, ...], notice: Mapping[str, Any]
    ) -> list[Outcome]:
        """End the run that goes on; return the outcome for each who asked."""
        run, self.current = self.current, None
        return [] if run is None else _outcomes(now, run, result, lines, notice)

    def give_up(self, now: Instant, why: str) -> list[Outcome]:
        """End everything that goes on or waits: nothing more will be done."""
        outcomes = self.conclude(now, Result.FAILED, (why,), {})
        while self.waiting:
            outcomes += _outcomes(now, self.waiting.popleft(), Result.REFUSED, (why,), {})
        return outcomes


def _outcomes(
    now: Instant, run: Run, result: Result, lines: tuple[str, ...], notice: Mapping[str, Any]
) -> list[Outcome]:
    return [Outcome(asker, result, lines, notice, now - at) for asker, at in run.askers]
