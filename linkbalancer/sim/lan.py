"""A virtual LAN: gateways and one host on a switch that can lose frames, cut a leg or fall apart into islands.

What one station sends another arrives in order, as IEEE 802.1Q has it of one priority; only where frames are lost, they
overtake each other as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from linkbalancer.clock import MICROSECOND, Duration, Instant
from linkbalancer.links import Address, Mac, NodeName
from linkbalancer.sim.chance import below

HOST = "host"


@dataclass(slots=True)
class Lan:
    """One side's LAN. `legs` counts the faults on a gateway's leg; `islands` says who is apart from the rest.

    `swallowed` counts the faults that lose what one station sends another, that way alone, as a broken switch may.
    Gateways that no entry of `islands` names, and the host, are on island 0. `neighbours` is the host's ARP cache:
    the last announcement that it heard of each virtual IP. `ears` hear who of the other gateways asks for anybody.
    """

    side: str
    device: str
    macs: dict[NodeName, Mac]
    delay: Duration = 50 * MICROSECOND
    jitter: Duration = 50 * MICROSECOND
    loss: int = 0
    legs: dict[NodeName, int] = field(default_factory=dict)
    islands: dict[NodeName, int] = field(default_factory=dict)
    swallowed: dict[tuple[NodeName, NodeName], int] = field(default_factory=dict)
    neighbours: dict[Address, Mac] = field(default_factory=dict)
    ears: dict[NodeName, Callable[[NodeName], None]] = field(default_factory=dict)
    nodes: dict[Mac, NodeName] = field(init=False)
    _last: dict[tuple[NodeName, NodeName], Instant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Learn who has which MAC address."""
        self.nodes = {mac: name for name, mac in self.macs.items()}

    def carrier(self, name: NodeName) -> bool:
        """Return whether a gateway's leg has carrier."""
        return not self.legs.get(name, 0)

    def connected(self, one: NodeName, other: NodeName) -> bool:
        """Return whether frames pass between two stations, chance aside; `HOST` is a station too."""
        if not self.legs and not self.islands:
            return True
        same = self.islands.get(one, 0) == self.islands.get(other, 0)
        return same and self.carrier(one) and self.carrier(other)

    def passes(self, sender: str, receiver: str) -> bool:
        """Return whether a frame gets from one station to another, chance aside."""
        return (not self.swallowed or not self.swallowed.get((sender, receiver))) and self.connected(sender, receiver)

    def arrival(self, sender: NodeName, receiver: NodeName, chance: Random) -> Duration | None:
        """Draw how long a frame takes, None when it does not arrive."""
        if not self.passes(sender, receiver) or (self.loss and below(chance, 100) < self.loss):
            return None
        return self.delay + below(chance, self.jitter + 1)

    def queue(self, sender: NodeName, receiver: NodeName, now: Instant, delay: Duration) -> Duration:
        """Return how long a frame takes that would take so long alone: not less than the one before it."""
        if self.loss:
            return delay
        last = self._last.get((sender, receiver), 0)
        self._last[sender, receiver] = due = max(now + delay, last)
        return due - now
