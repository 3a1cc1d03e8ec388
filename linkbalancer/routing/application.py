"""An application: a name and the VIDs that it prefers, in steps."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkbalancer.links import Vid


@dataclass(frozen=True, slots=True)
class Member:
    """One VID of a step; `weight` is its share (1..255) among the members of the step."""

    vid: Vid
    weight: int = 1

    def __str__(self) -> str:
        """Write it as a rule file does: `1`, or `1*3` with a weight."""
        return str(self.vid) if self.weight == 1 else f"{self.vid}*{self.weight}"


DEFINITION_LENGTH: Final = 4
"""Characters that stand for a definition: 24 bits, to tell an edited definition from the one before."""

Step: TypeAlias = tuple[Member, ...]
"""VIDs of equal preference; with one member a plain VID, with more of them a balanced step."""


@dataclass(frozen=True, slots=True)
class Application:
    """What the lines of one name ask for: steps in order of preference (mission A2, A3)."""

    name: str
    steps: tuple[Step, ...]

    @property
    def vids(self) -> tuple[Vid, ...]:
        """Every VID of its steps, most preferred first."""
        return tuple(member.vid for step in self.steps for member in step)

    @property
    def definition(self) -> str:
        """Four ASCII characters that change with anything that its process lives by: its name and its steps."""
        told = f"{self.name} {steps_in_words(self.steps)}"
        return b64encode(hashlib.sha256(told.encode()).digest()[: DEFINITION_LENGTH * 3 // 4]).decode()

    @property
    def balanced(self) -> bool:
        """Whether a step has several members."""
        return any(len(step) > 1 for step in self.steps)


def steps_in_words(steps: tuple[Step, ...]) -> str:
    """Write steps as a rule file does: `[1*3+2 3]`."""
    return "[" + " ".join("+".join(map(str, step)) for step in steps) + "]"
