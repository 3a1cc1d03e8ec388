"""Translated flows that must begin anew: their entries are deleted, and nothing is believed of that until it was seen.

A packet that was on its way when its application was pointed elsewhere can make an entry after the deletion, by the
former VID. So the kernel is asked once that has settled; what is found is deleted and looked for again, a few times,
and told. Whoever may be on the VID by then is let be: an application may have come back to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.clock import SECOND, Duration, Instant, earliest
from linkbalancer.links import Vid

SETTLED: Duration = 1 * SECOND
"""How long after a deletion the kernel is asked what is left: what was on its way has arrived long since."""

LOOKS: int = 4
"""How often that is asked at most; what is found by the last look is told, and stays."""

Flows: TypeAlias = Mapping[Vid, frozenset[int]]
"""Applications by their numbers, by the VID on which their translated flows may not be."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Have flows whose source is translated begin anew: by VID, of which applications those may not stay on it."""

    wanted: Flows


@dataclass(frozen=True, slots=True)
class Inspect:
    """Ask the kernel for such flows that are left."""

    wanted: Flows


@dataclass(frozen=True, slots=True)
class Inspected:
    """How many are left, by VID and application; None where the kernel could not be asked."""

    wanted: Flows
    left: Mapping[tuple[Vid, int], int] | None


@dataclass(frozen=True, slots=True)
class Remains:
    """Say how many were left on a VID after a deletion, None where nobody can tell.

    `final`: nothing more is tried.
    """

    app_id: int
    vid: Vid
    flows: int | None
    final: bool


@dataclass(slots=True)
class _Case:
    """One application on one VID: when it is looked at, and how often it was."""

    due: Instant
    looks: int = 0


class Sweeping:
    """Which deletions are wanted, which are to be verified, and when."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[Vid, int], int] = {}
        self._cases: dict[tuple[Vid, int], _Case] = {}

    def release(self, app_id: int, vids: Iterable[Vid]) -> None:
        """Have an application's translated flows begin anew that are on these VIDs."""
        for vid in vids:
            self._wanted[vid, app_id] = 0
            self._cases.pop((vid, app_id), None)

    def deadline(self) -> Instant | None:
        """Return when the kernel is to be asked next."""
        return earliest(*(case.due for case in self._cases.values()))

    def sweep(self, now: Instant) -> list[Sweep]:
        """Return what is to be deleted now; from now on it settles."""
        wanted, self._wanted = self._wanted, {}
        self._cases |= {one: _Case(now + SETTLED, looks) for one, looks in wanted.items()}
        return [Sweep(_by_vid(wanted))] if wanted else []

    def inspect(self, now: Instant, may_stay: Callable[[Vid, int], bool]) -> list[Inspect]:
        """Return what is to be asked now, without what may be there by now."""
        due = [one for one, case in self._cases.items() if case.due <= now]
        for one in [one for one in due if may_stay(*one)]:
            del self._cases[one]
            due.remove(one)
        return [Inspect(_by_vid(due))] if due else []

    def inspected(self, now: Instant, answer: Inspected) -> list[Remains]:
        """Have what is left deleted again, and say so; what is not known is asked again."""
        told = []
        for vid, app_id in _pairs(answer.wanted):
            case = self._cases.pop((vid, app_id), None)
            if case is None:
                continue  # it was released anew meanwhile
            looks, left = case.looks + 1, None if answer.left is None else answer.left.get((vid, app_id), 0)
            final = looks >= LOOKS
            if left or (left is None and final):
                told.append(Remains(app_id, vid, left, final))
            if left is None and not final:
                self._cases[vid, app_id] = _Case(now + SETTLED, looks)
            elif left and not final:
                self._wanted.setdefault((vid, app_id), looks)
        return told


def in_text(remains: Remains, application: str) -> str:
    """Say it for the history."""
    where = f"of {application} on VID {remains.vid}"
    if remains.flows is None:
        return f"nobody can tell whether translated flows {where} are left"
    many = f"{remains.flows} translated flow{'' if remains.flows == 1 else 's'} {where}"
    if remains.final:
        return f"{many} left after {LOOKS} deletions: they stay there, and their answers may not come back"
    return f"{many} left after a deletion: deleted again"


def _by_vid(pairs: Iterable[tuple[Vid, int]]) -> dict[Vid, frozenset[int]]:
    found: dict[Vid, set[int]] = {}
    for vid, app_id in pairs:
        found.setdefault(vid, set()).add(app_id)
    return {vid: frozenset(app_ids) for vid, app_ids in found.items()}


def _pairs(flows: Flows) -> list[tuple[Vid, int]]:
    return [(vid, app_id) for vid, app_ids in sorted(flows.items()) for app_id in sorted(app_ids)]
