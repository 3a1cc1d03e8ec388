"""A link: two directions, each with its own loss, delay and jitter; it can be cut, or fall silent one way or both."""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration
from linkbalancer.links import LinkName
from linkbalancer.sim.chance import below

NEAR = "near"
FAR = "far"
SIDES = (NEAR, FAR)


def opposite(side: str) -> str:
    """Return the other side."""
    return FAR if side == NEAR else NEAR


@dataclass(slots=True)
class Wire:
    """One link. `deaf` counts, by the receiving side, the faults that swallow what runs towards it.

    `cuts` counts the faults that take the carrier away at both ends; `loss` and `duplication` are in percent, for
    both directions; `jitter` reorders where it is larger than the distance of two datagrams.

    Where somebody listens, `tap` has what passed last, each with the side that it runs towards. `flood` is how many
    datagrams of his own he hands over in a second, and `former` in how many sessions of before what he has was said.
    """

    name: LinkName
    number: int
    delay: Duration = MILLISECOND
    jitter: Duration = 200 * MICROSECOND
    loss: int = 0
    duplication: int = 0
    cuts: int = 0
    deaf: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    tap: deque[tuple[str, bytes]] | None = None
    flood: int = 0
    former: int = 0

    def passes(self, towards: str) -> bool:
        """Return whether a packet towards a side arrives, chance aside."""
        return not self.cuts and not self.deaf[towards]

    def carry(self, data: bytes, towards: str, chance: Random) -> list[Duration]:
        """Take a datagram from an end; return how long each copy of it takes, and let whoever listens hear it.

        He is beyond what swallows: else he could carry the datagrams over it, and nothing else would pass.
        """
        if self.tap is not None and self.passes(towards):
            self.tap.append((towards, data))
        return self.arrivals(towards, chance)

    def arrivals(self, towards: str, chance: Random) -> list[Duration]:
        """Draw how long a datagram takes: none when it is lost, two when it is duplicated."""
        if not self.passes(towards):
            return []
        copies = 1
        if self.loss and below(chance, 100) < self.loss:
            copies = 0
        elif self.duplication and below(chance, 100) < self.duplication:
            copies = 2
        return [self.delay + below(chance, self.jitter + 1) for _ in range(copies)]
