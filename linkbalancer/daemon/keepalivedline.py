"""What the agent and the bridge to Keepalived tell each other: JSON, one packet each, all there is to say every time.

The agent says what every group's Keepalived was asked for, and (in its first packet) what it had said; the bridge says
what it says now.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.engine.bridge import Word
from linkbalancer.engine.delegate import PRIORITY_MAX, Steer
from linkbalancer.links import GroupId, GroupState

SOCKET: Final = "keepalived.sock"
"""Where the agent listens, in the run directory."""

LIMIT: Final = 65_536
"""The longest packet: 510 groups fit."""


@dataclass(frozen=True, slots=True)
class Told:
    """One packet: what was asked for, and what was said; a group that is not named is no news."""

    asked: Mapping[GroupId, Steer] = field(default_factory=dict)
    said: Mapping[GroupId, Word] = field(default_factory=dict)


def encode(told: Told) -> bytes:
    """Return the packet."""
    written = {
        "asked": {str(group): steer.priority for group, steer in told.asked.items()},
        "said": {str(group): [int(word.state), word.priority] for group, word in told.said.items()},
    }
    return json.dumps(written, separators=(",", ":")).encode()


def decode(data: bytes) -> Told | None:
    """Return what a packet says; None, never an exception, where it makes no sense."""
    try:
        raw = json.loads(data)
        return Told(
            {GroupId.read(group): Steer(_priority(one)) for group, one in raw["asked"].items()},
            {
                GroupId.read(group): Word(GroupState(state), _priority(one))
                for group, (state, one) in raw["said"].items()
            },
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _priority(raw: object) -> int | None:
    if raw is None:
        return None
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= PRIORITY_MAX:
        return raw
    raise ValueError("no priority")
