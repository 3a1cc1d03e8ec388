"""Scripted metrics: what the hosts of a world say of how busy their links are, by what a test wants.

The simulator moves no bytes, so nobody could measure any. What is set here is told to both ends of a link as a real
host tells it, once every interval, until it is set otherwise; an agent that comes back hears it again.
"""

from dataclasses import replace
from typing import Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.engine.events import Measured
from linkbalancer.links import LinkName
from linkbalancer.sim.node import Node
from linkbalancer.sim.wire import NEAR
from linkbalancer.sim.world import World
from linkbalancer.weights.metrics import Metrics

EVERY: Final[Duration] = SECOND


class Measuring:
    """The links' meters of one world."""

    def __init__(self, world: World, every: Duration = EVERY) -> None:
        self._world, self._every = world, every
        self._said: dict[LinkName, Metrics] = {}

    def measure(self, link: LinkName, metrics: Metrics) -> None:
        """Let a link be so from now on, as seen from the near end."""
        begins = not self._said
        self._said[link] = metrics
        self._tell(link)
        if begins:
            self._world.agenda.after(self._every, self._again)

    def _again(self) -> None:
        for link in self._said:
            self._tell(link)
        self._world.agenda.after(self._every, self._again)

    def _tell(self, link: LinkName) -> None:
        for node in self._world.nodes.values():
            if node.link == link:
                node.handle(Measured(link, self._seen_from(node)))

    def _seen_from(self, node: Node) -> Metrics:
        """Return what one end says: what leaves the near end comes in at the far one."""
        said = self._said[node.link]
        return said if node.side == NEAR else replace(said, outward=said.inward, inward=said.outward)
