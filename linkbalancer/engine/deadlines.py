"""The first of many deadlines: cheap to look at, and cheap to move later, which every advert does to a timer."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import TypeAlias

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.links import GroupId

AHEAD: Duration = 20 * MILLISECOND
"""A postponed deadline is asked for this long before its old place comes, which most adverts put off once more."""

Ask: TypeAlias = Callable[[], Instant | None]


class Deadlines:
    """When something is due for each group.

    The heap may hold a group at an earlier instant than its deadline, never at a later one: a deadline that moves away
    is put right, and one that was postponed is asked for, only when its old place comes to the top.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._at: dict[GroupId, Instant] = {}
        self._postponed: dict[GroupId, Ask] = {}
        self._queued: dict[GroupId, Instant] = {}
        self._heap: list[tuple[Instant, GroupId]] = []
        self._now: Instant = 0

    def set(self, group: GroupId, at: Instant | None) -> None:
        """Take in when a group is due next, None for not at all."""
        self._postponed.pop(group, None)
        if at is None:
            self._at.pop(group, None)
            return
        self._at[group] = at
        queued = self._queued.get(group)
        if queued is None or at < queued:
            self._queue(group, at)

    def postpone(self, now: Instant, group: GroupId, ask: Ask) -> None:
        """Take in that a group that has a deadline is due later than was said; `ask` tells when."""
        self._now = now
        self._postponed[group] = ask

    def first(self) -> Instant | None:
        """Return the first of all deadlines, or, where it was postponed and is far, an instant before it."""
        heap = self._heap
        while heap:
            queued, group = heap[0]
            ask = self._postponed.get(group)
            if ask is not None:
                if queued > self._now + AHEAD:
                    return queued
                self.set(group, ask())
            at = self._at.get(group)
            if self._queued.get(group) == queued == at:
                return at
            heappop(heap)
            if self._queued.get(group) == queued:
                del self._queued[group]
                if at is not None:
                    self._queue(group, at)
        return None

    def due(self, now: Instant) -> list[GroupId]:
        """Return the groups whose deadlines have come, in the order of their ids; they stay until they are set anew."""
        self._now = now
        found = []
        while (first := self.first()) is not None and first <= now:
            _at, group = heappop(self._heap)
            del self._queued[group]
            found.append(group)
        for group in found:
            self._queue(group, self._at[group])
        return sorted(found)

    def _queue(self, group: GroupId, at: Instant) -> None:
        self._queued[group] = at
        heappush(self._heap, (at, group))
