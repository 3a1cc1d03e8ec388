"""The first of many deadlines: cheap to look at, and cheap to move later, which every advert does to a timer."""

from heapq import heappop, heappush

from linkbalancer.clock import Instant
from linkbalancer.links import GroupId


class Deadlines:
    """When something is due for each group.

    The heap may hold a group at an earlier instant than its deadline, never at a later one: a deadline that moves away
    is put right only when its old place comes to the top.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._at: dict[GroupId, Instant] = {}
        self._queued: dict[GroupId, Instant] = {}
        self._heap: list[tuple[Instant, GroupId]] = []

    def set(self, group: GroupId, at: Instant | None) -> None:
        """Take in when a group is due next, None for not at all."""
        if at is None:
            self._at.pop(group, None)
            return
        self._at[group] = at
        queued = self._queued.get(group)
        if queued is None or at < queued:
            self._queue(group, at)

    def first(self) -> Instant | None:
        """Return the first of all deadlines."""
        heap = self._heap
        while heap:
            queued, group = heap[0]
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
        first = self.first()
        if first is None or first > now:
            return []
        return sorted(group for group, at in self._at.items() if at <= now)

    def _queue(self, group: GroupId, at: Instant) -> None:
        self._queued[group] = at
        heappush(self._heap, (at, group))
