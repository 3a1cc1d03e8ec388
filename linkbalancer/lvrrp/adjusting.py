"""What a controller wants of its peer's priorities, said until the peer has acknowledged it.

Each want has a generation, and is acknowledged by it. Acknowledgements are good for one confirmed pair: to a peer that
may have forgotten, everything is said anew. Nothing else is counted on, so loss, repetition and order do not matter.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.figures import PAGE, PRIORITY_MAX, PRIORITY_MIN, WITHDRAWN, Adjustment, LinkWeight
from linkbalancer.lvrrp.probing import patience

REPEAT_MAX: Duration = 1 * SECOND
"""The pace at which what is not acknowledged is said again, once the patience has doubled up to it."""

WEIGHTS_AGAIN: Duration = 1 * SECOND
"""How often weights are told that have not changed: nobody acknowledges them."""

VID_MAX: Final = 255

_GENERATIONS: Final = 2**32
_DOUBLINGS: Final = 16

Page: TypeAlias = tuple[tuple[Adjustment, ...], tuple[LinkWeight, ...]]


class Adjusting:
    """The wants of a controller's end of a link; `counters` has what was refused, here and by the peer."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._wanted: dict[GroupId, Adjustment] = {}
        self._weights: dict[GroupId, float] = {}
        self._refused: set[GroupId] = set()
        self._unheard: set[GroupId] = set()
        self._generation = 0
        self._tries = 0
        self._said_at: Instant | None = None
        self._weighed_at: Instant | None = None

    def want(self, wanted: Iterable[tuple[GroupId, int, float]]) -> None:
        """Want this, and no more what was wanted before and is not now."""
        priorities, weights = dict.fromkeys(self._wanted, WITHDRAWN), dict[GroupId, float]()
        for group, priority, weight in wanted:
            if PRIORITY_MIN <= priority <= PRIORITY_MAX:
                priorities[group], weights[group] = priority, weight
                continue
            self._counters["adjust_range"] += 1
            if group in self._wanted:
                priorities[group] = self._wanted[group].priority
                weights |= {group: self._weights[group]} if group in self._weights else {}
        if weights != self._weights:
            self._weights, self._weighed_at = weights, None
        news = {one for one, priority in priorities.items() if self._priority(one) != priority}
        if news:
            self._generation = self._generation % (_GENERATIONS - 1) + 1
            self._wanted |= {one: Adjustment(one, priorities[one], self._generation) for one in news}
            self._unheard |= news
            self._tries, self._said_at = 0, None

    def begin_anew(self) -> None:
        """Count on nothing that was acknowledged: a new pair was confirmed."""
        self._unheard = set(self._wanted)
        self._tries, self._said_at, self._weighed_at = 0, None, None

    def hurry(self, now: Instant) -> None:
        """Say at once what is not acknowledged, if it was not said just now: the link has opened."""
        if self._said_at != now:
            self._tries, self._said_at = 0, None

    def due(self, rtt: Duration | None) -> Instant | None:
        """Return when to say again what is not acknowledged: at once, then after twice the patience each time."""
        if not self._unheard:
            return None
        if self._said_at is None:
            return 0
        first = patience(rtt)
        return self._said_at + min(first << min(self._tries - 1, _DOUBLINGS), max(first, REPEAT_MAX))

    def press(self, now: Instant) -> list[Page]:
        """Return what is not acknowledged, with its weights, in pages of one datagram each."""
        self._tries, self._said_at = self._tries + 1, now
        self._counters["adjusts"] += 1
        pages = _paged([self._wanted[group] for group in sorted(self._unheard)])
        return [
            (page, tuple(LinkWeight(one.group, self._weights[one.group]) for one in page if one.group in self._weights))
            for page in pages
        ]

    def weigh(self, now: Instant) -> list[tuple[LinkWeight, ...]]:
        """Return the weights in pages of one datagram each, if they have changed or it is time to tell them again."""
        if not self._weights or (self._weighed_at is not None and now - self._weighed_at < WEIGHTS_AGAIN):
            return []
        self._weighed_at = now
        return _paged([LinkWeight(*one) for one in sorted(self._weights.items())])

    def acknowledge(self, answers: Iterable[Adjustment]) -> None:
        """Take the peer's answers; one to an earlier want is none to the present one."""
        for group, priority, generation in answers:
            wanted = self._wanted.get(group)
            if wanted is None or wanted.generation != generation:
                continue
            self._unheard.discard(group)
            self._refused.discard(group)
            if wanted.priority == WITHDRAWN:
                del self._wanted[group]
            elif wanted.priority != priority:
                self._refused.add(group)
                self._counters["adjust_refused"] += 1

    def describe(self) -> dict[str, Any]:
        """Return what is wanted of each group and whether the peer has taken it, JSON-able."""
        return {
            str(group): {
                "priority": one.priority,
                "weight": self._weights.get(group),
                "acknowledged": group not in self._unheard,
                "refused": group in self._refused,
            }
            for group, one in sorted(self._wanted.items())
            if one.priority != WITHDRAWN
        }

    def snapshot(self) -> list[list[Any]]:
        """Return what a successor must go on to want, or to withdraw."""
        return [[str(group), one.priority, self._weights.get(group)] for group, one in sorted(self._wanted.items())]

    def restore(self, found: object) -> None:
        """Go on to want what a predecessor wanted; what makes no sense is nothing."""
        assert not self._wanted, "before anything else"
        try:
            read = [(GroupId.read(group), int(priority), weight) for group, priority, weight in found]  # type: ignore[attr-defined]
            weights = {group: float(weight) for group, _priority, weight in read if weight is not None}
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return
        self._generation, self._weights = 1, weights
        self._wanted = {
            group: Adjustment(group, priority, 1)
            for group, priority, _weight in read
            if 1 <= group.vid <= VID_MAX and (priority == WITHDRAWN or PRIORITY_MIN <= priority <= PRIORITY_MAX)
        }
        self.begin_anew()

    def _priority(self, group: GroupId) -> int | None:
        wanted = self._wanted.get(group)
        return None if wanted is None else wanted.priority


def _paged(some: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(some[start : start + PAGE]) for start in range(0, len(some), PAGE)]
