"""What the machine of an application is told, and what it wants done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.feed.table import Table
from linkbalancer.links import Vid
from linkbalancer.routing.application import Step
from linkbalancer.routing.balance import Aim, Target, wanted


@dataclass(frozen=True, slots=True)
class TableReceived:
    """The agent's newest table."""

    table: Table


@dataclass(frozen=True, slots=True)
class Verified:
    """The kernel's answer: what is missing of the rules and tables of a target's VIDs, and where this points now."""

    target: Target
    missing: Mapping[Vid, str]
    pointing: Aim | None = None


@dataclass(frozen=True, slots=True)
class Steered:
    """The kernel took the change, or refused it."""

    aim: Aim
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The agent's end of the feed closed."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event: TypeAlias = TableReceived | Verified | Steered | ConnectionLost | Tick


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask the kernel for the rules and tables of a target's VIDs, and for where this application points.

    `vids` are those that work, of a balanced step; one that does not is not missed.
    """

    target: Target
    vids: tuple[Vid, ...]
    app_id: int


@dataclass(frozen=True, slots=True)
class Steer:
    """Point the application at a VID or at a balanced step, in a form."""

    app_id: int
    aim: Aim


@dataclass(frozen=True, slots=True)
class Release:
    """Have flows of the application whose source is translated begin anew: they may not stay on these VIDs."""

    app_id: int
    vids: frozenset[Vid]


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the agent where the application goes (None: this process points it nowhere), by which table, and why.

    A balanced step goes by its first VID that works.
    """

    vid: Vid | None
    session: int
    sequence: int
    reason: str


Effect: TypeAlias = Verify | Steer | Release | Report


def divided(step: Step, working: frozenset[Vid]) -> str:
    """Say by which shares a balanced step is divided among those of it that work."""
    shares = wanted(step, working)
    return "balanced over " + ", ".join(f"VID {vid} ({float(share):.0%})" for vid, share in shares.items())
