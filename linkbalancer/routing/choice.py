"""The choice of an application: the best step of its list of which a VID works, and meets what it asks for."""

from collections.abc import Collection, Iterable

from linkbalancer.links import Vid
from linkbalancer.routing.application import Step


def choose(steps: Iterable[Step], working: frozenset[Vid]) -> Vid | None:
    """Return the first VID, step by step and in the order of a step's members, that works; None when none does."""
    return next((member.vid for step in steps for member in step if member.vid in working), None)


def best_step(steps: Iterable[Step], working: frozenset[Vid]) -> Step | None:
    """Return the first step of which a VID works; None when nothing does."""
    return next((step for step in steps if any(member.vid in working for member in step)), None)


def good(vids: Iterable[Vid], working: frozenset[Vid], breaking: Collection[Vid]) -> frozenset[Vid]:
    """Return the VIDs of a list that may be chosen: those that work and keep the service level.

    Where none keeps it, all that work: a bad link is better than none.
    """
    found = working.intersection(vids)
    return found.difference(breaking) or found
