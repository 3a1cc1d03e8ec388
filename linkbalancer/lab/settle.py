"""Waiting until a topology has settled, and watching that it stays so."""

import time
from dataclasses import dataclass

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.lab.errors import StartError
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage, Masters, Statuses, disagreement, masters, transitions

POLL: Duration = 50 * MILLISECOND

UNNOTICED: Duration = 1500 * MILLISECOND
"""How long a blow may go unnoticed by every gateway: more than any detect time or master-down interval of a drill."""

ANSWER_LIMIT: Duration = 20 * SECOND
"""How long a daemon may take from its start until it answers; a slow computer needs a few seconds."""

_TRIES = 3
"""How often a daemon may die before it answers; what dies so often does so for a reason."""


def await_answers(lab: Lab, limit: Duration = ANSWER_LIMIT) -> None:
    """Wait until the daemon of every gateway answers; StartError names one that does not, and what it said."""
    deadline = time.monotonic_ns() + limit
    while silent := [node for node, status in lab.statuses().items() if status is None]:
        dying = [node for node in silent if lab.services[node].restarts >= _TRIES]
        if dying or time.monotonic_ns() > deadline:
            node = (dying or silent)[0]
            what = f"died {_TRIES} times" if dying else f"did not answer within {limit // SECOND} s"
            raise StartError(f"the daemon of {node} {what} after its start\n{lab.last_words(node)}")
        time.sleep(POLL / SECOND)


@dataclass(frozen=True, slots=True)
class Settling:
    """How a wait ended: `after` is None when the limit passed first, and `problem` says what was still wrong."""

    after: Duration | None
    problem: str | None
    statuses: Statuses
    masters: Masters


def await_settled(
    lab: Lab, damage: Damage, since: Instant, limit: Duration, unnoticed: Duration = UNNOTICED
) -> Settling:
    """Poll the gateways until they agree and report themselves settled, or the limit (from `since`) has passed.

    Agreement is believed once the blow cannot be unnoticed any more, and counts from when it began.
    """
    agreed_at: Instant | None = None
    while True:
        statuses = lab.statuses()
        now = time.monotonic_ns()
        problem = disagreement(lab.topology, statuses, damage)
        agreed_at = None if problem else agreed_at or now
        if now - since > limit or (agreed_at is not None and now - since >= unnoticed):
            after = None if agreed_at is None else agreed_at - since
            return Settling(after, problem, statuses, masters(lab.topology, statuses))
        time.sleep(POLL / SECOND)


def watch(lab: Lab, before: Statuses, duration: Duration) -> tuple[str, ...]:
    """Watch for a while; return in words every mastership that changed since `before`."""
    time.sleep(duration / SECOND)
    return moves(before, lab.statuses())


def most_moves(before: Statuses, now: Statuses) -> int:
    """Return how often the most restless of all memberships has changed its mastership."""
    counted = transitions(before)
    return max((count - counted.get(key, count) for key, count in transitions(now).items()), default=0)


def moves(before: Statuses, now: Statuses) -> tuple[str, ...]:
    """Return in words every gateway's changes of mastership between two looks, its name first."""
    counted = transitions(before)
    return tuple(
        f"{node} changed VID {vid} {count - counted[node, vid]} times"
        for (node, vid), count in transitions(now).items()
        if count != counted.get((node, vid), count)
    )
