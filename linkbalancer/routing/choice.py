"""The choice of an application: the best VID of its list that works (mission A3)."""

from collections.abc import Iterable

from linkbalancer.links import Vid
from linkbalancer.routing.application import Step


def choose(steps: Iterable[Step], working: frozenset[Vid]) -> Vid | None:
    """Return the first VID, step by step and in the order of a step's members, that works; None when none does."""
    return next((member.vid for step in steps for member in step if member.vid in working), None)
