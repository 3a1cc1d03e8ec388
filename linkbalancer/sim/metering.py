"""Meters: what hosts count of their links, and say of it, as the daemon does: each by its own gauge, once a second.

What agents are told is smoothed, so it comes late; one that is started anew knows nothing until its second reading.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import Measured
from linkbalancer.links import LinkName, NodeName
from linkbalancer.sim.measuring import EVERY
from linkbalancer.sim.node import Node
from linkbalancer.sim.wire import FAR, NEAR, opposite
from linkbalancer.sim.world import World
from linkbalancer.weights.filters import Smoothed
from linkbalancer.weights.gauge import Gauge, Reading
from linkbalancer.weights.metrics import Lane, Metrics

PACKET: Final = 8000
"""Bits of a packet that is thrown away."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a link: bits a second that fit, that are given to it, that leave, that arrive; bytes waiting."""

    capacity: float
    offered: float = 0.0
    sent: float = 0.0
    arriving: float = 0.0
    backlog: float = 0.0
    loss: float = 0.0


@dataclass(slots=True)
class _Counted:
    """What was counted of a direction so far: bits that left and arrived, packets thrown away."""

    sent: float = 0.0
    arrived: float = 0.0
    dropped: float = 0.0


@dataclass(slots=True)
class _Meter:
    """What an agent's process has read; `loss` by direction, as seen from there."""

    agent: Agent
    gauge: Gauge = field(default_factory=Gauge)
    outward: Smoothed = field(default_factory=Smoothed)
    inward: Smoothed = field(default_factory=Smoothed)
    read_at: Instant = 0


class Meters:
    """All meters of a world."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._flows: dict[tuple[LinkName, str], Flow] = {}
        self._counted = {(link, side): _Counted() for link in world.shape.link_names for side in (NEAR, FAR)}
        self._meters: dict[NodeName, _Meter] = {}
        self._at: Instant = 0
        for node in world.nodes.values():
            world.agenda.after(chance.randrange(EVERY), self._reader(node))

    def run(self, link: LinkName, towards: str, flow: Flow) -> None:
        """Let a direction of a link carry so much from now on; `count` first what ran until now."""
        self._flows[link, towards] = flow

    def count(self) -> None:
        """Count what ran until now."""
        lasted: Duration = self._world.now - self._at
        self._at = self._world.now
        if not lasted:
            return
        for key, flow in self._flows.items():
            counted = self._counted[key]
            counted.sent += flow.sent * lasted / SECOND
            counted.arrived += flow.arriving * lasted / SECOND
            counted.dropped += max(flow.offered - flow.capacity, 0.0) / PACKET * lasted / SECOND

    def _reader(self, node: Node) -> Callable[[], None]:
        def read() -> None:
            self._world.agenda.after(EVERY, read)
            if node.agent is not None and node.working and not node.stalled:
                self.count()
                node.handle(Measured(node.link, self._read(node, node.agent)))

        return read

    def _read(self, node: Node, agent: Agent) -> Metrics:
        """Return what a host says of its link, by the counters of its own end."""
        meter = self._meters.get(node.name)
        if meter is None or meter.agent is not agent:
            meter = self._meters[node.name] = _Meter(agent)
        there = opposite(node.side)
        outward, inward = self._flows[node.link, there], self._flows[node.link, node.side]
        left, came = self._counted[node.link, there], self._counted[node.link, node.side]
        now = node.clock
        meter.gauge.take(
            now,
            Reading(
                index=1,
                received=int(came.arrived / 8),
                sent=int(left.sent / 8),
                dropped=int(left.dropped),
                backlog=int(outward.backlog),
            ),
        )
        for smoothed, flow in ((meter.outward, outward), (meter.inward, inward)):
            smoothed.take(flow.loss, now - meter.read_at)
        meter.read_at = now
        known = meter.gauge.metrics
        return Metrics(
            outward=_said(known.outward, outward, meter.outward),
            inward=_said(known.inward, inward, meter.inward),
            loss=max(meter.outward.value or 0.0, meter.inward.value or 0.0),
        )


def _said(lane: Lane, flow: Flow, loss: Smoothed) -> Lane:
    return replace(lane, capacity=flow.capacity, loss=loss.value)
