"""What can go wrong with the time of a simulated gateway: its clock, and the computer that it runs on."""

from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import NodeName
from linkbalancer.sim.world import World


@dataclass(frozen=True, slots=True)
class Leap:
    """A gateway's clock leaps ahead (a suspended host wakes up, a virtual machine's clock is put right)."""

    node: NodeName
    by_ms: int
    extent: ClassVar[int] = 2
    """It is over as soon as it has begun: a link that it closes opens again by itself."""

    def begin(self, world: World) -> None:
        """Leap."""
        world.nodes[self.node].leap(self.by_ms * MILLISECOND)

    def end(self, world: World) -> None:
        """Leave it there: no clock goes back."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A gateway stands still with its kernel and its clock (a virtual machine is stopped), and goes on at the end."""

    node: NodeName
    extent: ClassVar[int] = 2
    """When it goes on, a proof is missing that its clock has lost: its link may close once more, and open again."""

    def begin(self, world: World) -> None:
        """Stop."""
        world.nodes[self.node].stall()

    def end(self, world: World) -> None:
        """Go on."""
        world.nodes[self.node].go_on()
