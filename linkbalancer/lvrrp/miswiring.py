"""Miswiring: another link's end is heard where our peer should be (mission L11), a fault of its own kind, not a state.

What is heard need not be authentic, so it moves nothing else, and it raises few alarms however much of it comes.
"""

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.links import LinkName

FAULT_MEMORY: Duration = 10 * SECOND
"""The fault is over when nothing of another link was heard for so long."""

ALARM_INTERVAL: Duration = 10 * SECOND


class Miswiring:
    """The fault of one link; `fault` is its text while it lasts."""

    def __init__(self, link: LinkName) -> None:
        self._link = link
        self.fault: str | None = None
        self._until: Instant | None = None
        self._alarm_at: Instant | None = None

    def heard(self, now: Instant, other: LinkName) -> str | None:
        """Note a datagram of another link; return the alarm when that is news (and none was raised just now)."""
        fault = f"miswired: this is link {self._link}, the other end says {other}"
        news = fault != self.fault
        self.fault = fault
        self._until = now + FAULT_MEMORY
        if not news or (self._alarm_at is not None and now < self._alarm_at):
            return None
        self._alarm_at = now + ALARM_INTERVAL
        return fault

    def clear_at(self) -> Instant | None:
        """Return when the fault is over if nothing more is heard."""
        return self._until

    def expire(self, now: Instant) -> str | None:
        """Return the all-clear when it is time for it."""
        if self._until is None or now < self._until:
            return None
        self.fault, self._until = None, None
        return f"miswiring of link {self._link} is no longer heard"
