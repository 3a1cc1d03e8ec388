"""How late the agents of a lab were: a computer that is too busy for a topology fails a drill by itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration
from linkbalancer.lab.judge import name_of
from linkbalancer.lab.status import Statuses
from linkbalancer.links import NodeName

LATE: Final[Duration] = 50 * MILLISECOND
"""Timers that are late by so much can move what should not move, with the timers that a drill is made for."""


def lateness(before: Statuses, now: Statuses) -> dict[NodeName, Duration]:
    """Return how late each agent's timers were at most between two looks, where that is more than LATE.

    By the buckets of their histograms, so up to twice too much. One that was started in between is left out: it has
    found timers of its predecessor overdue.
    """
    found: dict[NodeName, Duration] = {}
    for node, status in now.items():
        earlier, later = _counts(before.get(node)), _counts(status)
        grown = [bound for bound, count in later.items() if count > earlier.get(bound, 0)]
        if earlier and sum(later.values()) >= sum(earlier.values()) and max(grown, default=0) > LATE:
            found[node] = max(grown)
    return found


def _counts(status: Mapping[str, Any] | None) -> dict[Duration, int]:
    told = (status or {}).get("daemon", {}).get("timer_lateness", {})
    return {int(name[1:-2]) * MICROSECOND: count for name, count in told.items() if name.startswith("<")}


def excuses(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield, for each phase of a drill that has failed, how late the gateways were meanwhile, if they were."""
    failed = report["failures"]
    for fault in report["faults"]:
        for phase, words in (("broken", ""), ("healed", ", healed")):
            late: Mapping[NodeName, float] = fault[phase]["late_ms"]
            name = f"{name_of(fault)}{words}"
            if late and any(line.startswith(f"{name}: ") for line in failed):
                worst = max(late, key=late.__getitem__)
                yield f"{name}: timers of {len(late)} gateways were up to {late[worst]:.0f} ms late ({worst})"
