"""The status that people get: the agent's, joined with what only the api knows, and judged.

The agent has better things to do than to describe itself: who asks at once shares one answer, and one that is younger
than `FRESH` is used again.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Verb
from linkbalancer.engine.health import assess

FRESH: Duration = 100 * MILLISECOND
"""How old the agent's part of an answer may be."""

UNAVAILABLE = ("unavailable", "ask again in a moment; if it lasts, see the log")

Status: TypeAlias = dict[str, Any]
Part: TypeAlias = Callable[[Status], Mapping[str, Any]]
"""Returns the keys that somebody beside the agent adds to a status."""


class Overview:
    """Answers the verb `status`; `parts` are asked in their order for what they add."""

    def __init__(self, agent: Questions, clock: Callable[[], Instant]) -> None:
        self.parts: list[Part] = []
        self.notices: list[str] = []
        self._agent, self._clock = agent, clock
        self._waiting: list[Request] = []
        self._last: Status | None = None
        self._last_at: Instant = 0

    def verb(self) -> Verb:
        """Return the verb."""
        about = "What each link, VID and application does, since when, why, what is next, and how healthy that is."
        return Verb(take=self._take, about=about, arguments={})

    def forget(self) -> None:
        """Answer nobody by what was known before: something was changed just now."""
        self._last = None

    def complete(self, status: Status) -> Status:
        """Return the agent's status with every part and the judgement."""
        fights = status.get("daemon", {}).get("fights", [])
        whole: Status = {**status, "notices": [*self.notices, *fights]}
        for part in self.parts:
            whole |= part(whole)
        health, findings = assess(whole)
        return {**whole, "health": health, "findings": findings}

    def _take(self, now: Instant, request: Request) -> None:
        if self._last is not None and now - self._last_at < FRESH:
            request.answer(self.complete(self._last))
            return
        self._waiting.append(request)
        if len(self._waiting) == 1:
            self._agent.ask("status", self._heard)

    def _heard(self, status: Status | None, why: str) -> None:
        waiting, self._waiting = self._waiting, []
        if status is not None:
            self._last, self._last_at = status, self._clock()
        for request in waiting:
            if status is None:
                kind, remedy = UNAVAILABLE
                request.refuse(kind, f"the agent does not answer: {why}", remedy)
            else:
                request.answer(self.complete(status))
