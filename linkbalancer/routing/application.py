"""An application: a name and the VIDs that it prefers, in steps."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Final, TypeAlias

from linkbalancer.clock import Duration, exactly
from linkbalancer.links import Vid
from linkbalancer.routing.handover import MOVE, Handover, Manner
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.routing.sticky import Sticky


@dataclass(frozen=True, slots=True)
class Member:
    """One VID of a step; `weight` is its share (1..255) among the members of the step."""

    vid: Vid
    weight: int = 1

    def __str__(self) -> str:
        """Write it as a rule file does: `1`, or `1*3` with a weight."""
        return str(self.vid) if self.weight == 1 else f"{self.vid}*{self.weight}"


_KEPT: Final = 8192
"""Applications whose words are kept: a reload asks for those of each several times."""

DEFINITION_LENGTH: Final = 4
"""Characters that stand for a definition: 24 bits, to tell an edited definition from the one before."""

Step: TypeAlias = tuple[Member, ...]
"""VIDs of equal preference; with one member a plain VID, with more of them a balanced step."""


@dataclass(frozen=True, slots=True)
class Application:
    """What the lines of one name ask for: steps in order of preference (mission A2, A3), and options.

    `handover` is for every change of VID, `failback` in its place for one away from a VID that works (None: the same).
    `good_for` is how long a VID must have worked before the application comes back to it. `sla` is what the link of
    its VID must keep, where one of its list does. `sticky` is what a balanced step keeps together. Every field with a
    default is an option of a line: it is written by `options_in_words`, and by that all gateways have it in common.
    """

    name: str
    steps: tuple[Step, ...]
    handover: Handover = MOVE
    failback: Handover | None = None
    good_for: Duration = field(default=0, metadata={"words": exactly})
    sla: ServiceLevel | None = None
    sticky: Sticky = Sticky.FLOW

    @property
    def vids(self) -> tuple[Vid, ...]:
        """Every VID of its steps, most preferred first."""
        return tuple(member.vid for step in self.steps for member in step)

    @property
    def definition(self) -> str:
        """Four ASCII characters that change with anything that its process lives by: all that is said of it."""
        return _definition(self)

    @property
    def manner(self) -> Manner:
        """What becomes of its flows when it goes to another VID."""
        return Manner(self.handover, self.failback or self.handover)

    @property
    def words(self) -> str:
        """Its steps and options as a rule file has them: `[2 1] handover=keep`."""
        return _words(self)

    @property
    def balanced(self) -> bool:
        """Whether a step has several members."""
        return any(len(step) > 1 for step in self.steps)


@lru_cache(_KEPT)
def _words(application: Application) -> str:
    return " ".join([steps_in_words(application.steps), *options_in_words(application)])


@lru_cache(_KEPT)
def _definition(application: Application) -> str:
    told = f"{application.name} {_words(application)}"
    return b64encode(hashlib.sha256(told.encode()).digest()[: DEFINITION_LENGTH * 3 // 4]).decode()


def steps_in_words(steps: tuple[Step, ...]) -> str:
    """Write steps as a rule file does: `[1*3+2 3]`."""
    return "[" + " ".join("+".join(map(str, step)) for step in steps) + "]"


def options_in_words(application: Application) -> tuple[str, ...]:
    """Write the options that are not as they are by default: `handover=keep`, `good-for=30s`."""
    found = []
    for one in fields(application):
        value = getattr(application, one.name)
        if one.name not in {"name", "steps"} and value != one.default:
            words: Callable[[Any], str] = one.metadata.get("words", str)
            found.append(f"{one.name.replace('_', '-')}={words(value)}")
    return tuple(found)
