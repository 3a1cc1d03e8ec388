"""A configuration on trial: when its time is over, and whether it has cost a link meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, in_words

WATCH: Duration = 60 * SECOND
"""How long links are watched after a configuration has come into force."""

SILENCE: Duration = 15 * SECOND
"""How long the agent may be unable to answer meanwhile."""

SHORTEST_S, LONGEST_S = 10, 86400
"""What may be asked for as the time to confirm, in seconds."""


@dataclass(slots=True)
class Trial:
    """One trial: `links` were open before it, with how long each may be closed; it is over at `until`."""

    since: Instant
    until: Instant
    links: Mapping[str, Duration]
    _closed: dict[str, Instant] = field(default_factory=dict)
    _silent: Instant | None = None

    def over(self, now: Instant) -> str | None:
        """Return why it is over, None while it is not."""
        if now < self.until:
            return None
        return f"it was not confirmed within {in_words(self.until - self.since)}"

    def watching(self, now: Instant) -> bool:
        """Return whether links are watched."""
        return now < self.since + WATCH

    def lost(self, now: Instant, status: Mapping[str, Any] | None) -> str | None:
        """Return what it has cost by the agent's status (None: it does not answer), None when nothing."""
        if status is None:
            self._silent = now if self._silent is None else self._silent
            return "the agent does not answer any more" if now - self._silent >= SILENCE else None
        self._silent = None
        for name, grace in self.links.items():
            link = status["links"].get(name)
            if link is None or link["open"] or link["drained"]:  # who drained it first means to change it
                self._closed.pop(name, None)
            elif now - self._closed.setdefault(name, now) >= grace:
                return f"the link {name} was open before and is closed: {link['reason']}"
        return None


def graces(links: tuple[str, ...], grace_ms: Mapping[str, int]) -> dict[str, Duration]:
    """Return the links to watch: those that were open before and are still configured."""
    return {name: grace_ms[name] * MILLISECOND for name in links if name in grace_ms}
