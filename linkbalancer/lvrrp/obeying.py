"""The priorities of a controlled end that its controller has adjusted, and how long they are believed.

What is in force stays while the pair that it was said in stands, whether the link is open or not. A new pair confirms
nothing: what was in force stays in force until the controller says something else, or, once the link is open, has said
nothing for `CONFIRM`. So neither a restart nor a closing moves anything by itself.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from linkbalancer.clock import SECOND, Duration, Instant, in_words
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.events import Change
from linkbalancer.lvrrp.figures import PRIORITY_MAX, PRIORITY_MIN, WITHDRAWN, Adjustment

CONFIRM: Duration = 30 * SECOND
"""How long a controller may take, in a new pair and with the link open, to confirm what is in force."""


class Obeying:
    """What is in force at one controlled end; `counters` has what was refused."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._standing: dict[GroupId, int] = {}
        self._doubted: set[GroupId] = set()
        self._doubted_since: Instant = 0

    def priority(self, group: GroupId) -> int | None:
        """Return the priority in force for a group, None where none is adjusted."""
        return self._standing.get(group)

    def obey(
        self, asked: Iterable[Adjustment], weight: Callable[[GroupId], float | None]
    ) -> tuple[list[Change], list[Adjustment]]:
        """Do what is asked, as far as it may be; return what changed, and an answer to each."""
        changes: list[Change] = []
        answers: list[Adjustment] = []
        for group, priority, generation in asked:
            before = self._standing.get(group)
            if priority == WITHDRAWN:
                self._standing.pop(group, None)
            elif PRIORITY_MIN <= priority <= PRIORITY_MAX:
                self._standing[group] = priority
            else:
                self._counters["adjust_range"] += 1
                answers.append(Adjustment(group, before or WITHDRAWN, generation))
                continue
            self._doubted.discard(group)
            after = self._standing.get(group)
            if after != before:
                changes.append(
                    Change(group, before, after, weight(group), "withdrawn" if after is None else "adjusted")
                )
            answers.append(Adjustment(group, priority, generation))
        return changes, answers

    def doubt(self, now: Instant) -> None:
        """Begin to wait for a confirmation: a new pair was confirmed, or the link has opened."""
        self._doubted_since = now

    def begin_anew(self, now: Instant) -> None:
        """Have everything confirmed again: a new pair was confirmed."""
        self._doubted = set(self._standing)
        self.doubt(now)

    def expiry_at(self) -> Instant | None:
        """Return until when what is not confirmed is believed, while the link is open."""
        return self._doubted_since + CONFIRM if self._doubted else None

    def expire(self) -> list[Change]:
        """Believe no more what was not confirmed."""
        why = f"not confirmed by the controller for {in_words(CONFIRM)}"
        changes = [Change(group, self._standing.pop(group), None, None, why) for group in sorted(self._doubted)]
        self._doubted = set()
        return changes

    def snapshot(self) -> list[list[Any]]:
        """Return what a successor goes on to obey, JSON-able."""
        return [[str(group), priority] for group, priority in sorted(self._standing.items())]

    def restore(self, now: Instant, found: object) -> None:
        """Go on to obey what a predecessor obeyed, until it is confirmed; what makes no sense is nothing."""
        try:
            standing = {GroupId.read(group): int(priority) for group, priority in found}  # type: ignore[attr-defined]
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return
        self._standing = {
            one: priority for one, priority in standing.items() if PRIORITY_MIN <= priority <= PRIORITY_MAX
        }
        self.begin_anew(now)
