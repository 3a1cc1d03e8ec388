"""Who asks whom on a LAN: gateways for the other members, and the host for the virtual IPs that it uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import LegHeard, NeighbourHeard
from linkbalancer.links import NodeName
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.changes import Changes
from linkbalancer.sim.lan import HOST, Lan
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, host_address, lan_address, number_of, virtual_ip

NEIGHBOUR_PROBE: Duration = 200 * MILLISECOND
"""How often a gateway asks whether the other members of its LAN are there."""
SILENCES = 3
"""So many unanswered questions make a member silent."""
HOST_MAC = b"\2\0\0\0\0\0"
RESOLVE: Duration = 1 * SECOND
"""How often the hosts ask for a virtual IP that they know no address of."""
CONFIRM = 5
"""Every so many times they ask for all, also for what they know; no figure of an outage may rest on it."""


@dataclass(slots=True)
class Probing:
    """A gateway's questions for the host and the other members of its LAN, as long as its agent lives."""

    agenda: Agenda
    lan: Lan
    node: Node
    nodes: Mapping[NodeName, Node]
    agent: Agent | None = field(init=False)
    silences: dict[NodeName, int] = field(init=False)
    words: dict[NodeName, NeighbourHeard] = field(init=False)
    alive: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note who is to be asked, and what the agent believes of its leg."""
        self.agent = self.node.agent
        self.alive = self.agent is None or LAN_DEVICE not in self.agent.known.deaf()
        self.silences = dict.fromkeys((name for name in (*self.lan.macs, HOST) if name != self.node.name), 0)
        self.words = {name: self._word(name, answers=True) for name in self.silences}
        self.lan.ears[self.node.name] = self.hear

    def hear(self, name: NodeName) -> None:
        """Take a member's question for a sign of life: it is broadcast, and the daemon reads every ARP frame."""
        if self.agent is self.node.agent and self.agent is not None:
            self.silences[name] = 0
            if not self.agent.known.knows(self.words[name]):
                self.node.handle(self.words[name])

    def __call__(self) -> None:
        """Ask everybody once."""
        if self.agent is not self.node.agent:
            return  # a new agent asks for itself
        self.agenda.after(NEIGHBOUR_PROBE, self)
        for name, hear in self.lan.ears.items():
            if name in self.silences and self.node.working and self.lan.passes(self.node.name, name):
                hear(self.node.name)
        for name in self.silences:
            there = name == HOST or self.nodes[name].forwards
            if there and self.lan.passes(self.node.name, name) and self.lan.passes(name, self.node.name):
                self.silences[name] = 0
                self.node.handle(self.words[name])
                continue
            self.silences[name] += 1
            if self.silences[name] == SILENCES:
                self.node.handle(self._word(name, answers=False))
        hears = any(count < SILENCES for count in self.silences.values())
        if self.lan.carrier(self.node.name) and hears != self.alive:
            self.alive = hears
            self.node.handle(LegHeard(LAN_DEVICE, alive=hears))

    def _word(self, name: NodeName, *, answers: bool) -> NeighbourHeard:
        side = self.node.side
        address = host_address(side) if name == HOST else lan_address(side, number_of(name))
        mac = HOST_MAC if name == HOST else self.lan.macs[name]
        return NeighbourHeard(LAN_DEVICE, address, mac if answers else None)


@dataclass(slots=True)
class Asking:
    """A host's questions for the virtual IPs that it uses, for ever."""

    agenda: Agenda
    lan: Lan
    nodes: Mapping[NodeName, Node]
    vids: int
    changes: Changes
    turns: int = 0

    def __call__(self) -> None:
        """Ask once."""
        self.turns += 1
        resolve(self.lan, self.nodes, self.vids, known=self.turns % CONFIRM == 0)
        self.changes.touch_all()
        self.agenda.after(RESOLVE, self)


def resolve(lan: Lan, nodes: Mapping[NodeName, Node], vids: int, *, known: bool) -> None:
    """Have the host ask for each virtual IP that it knows no address of; with `known` for the rest, too."""
    for vid in range(1, vids + 1):
        address = virtual_ip(lan.side, vid)
        holders = [
            lan.macs[name]
            for name in lan.macs
            if lan.connected(name, HOST) and nodes[name].forwards and nodes[name].kernel.holds(LAN_DEVICE, address)
        ]
        entry = lan.neighbours.get(address.ip)
        if holders and (entry is None or (known and entry not in holders)):
            lan.neighbours[address.ip] = holders[0]
