"""The world of virtual time: LANs, links and gateways, and what can be done to them.

One seed draws everything. The world carries out the agents' effects and brings them events; it knows no protocol.
Instants are nanoseconds of virtual time; what a person calls it with is in milliseconds.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from random import Random
from typing import Protocol, TypeAlias, assert_never

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant
from linkbalancer.engine import effects
from linkbalancer.engine.events import AdvertReceived, DatagramReceived, DeviceChanged, Event
from linkbalancer.links import LinkName, NodeName, Vid
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.arp import RESOLVE, Asking, Probing, resolve
from linkbalancer.sim.changes import Changes
from linkbalancer.sim.heralds import carry
from linkbalancer.sim.keepalived import SimulatedKeepalived
from linkbalancer.sim.kernel import Change
from linkbalancer.sim.lan import HOST, Lan
from linkbalancer.sim.node import Node
from linkbalancer.sim.plugins import answered
from linkbalancer.sim.shape import (
    LAN_DEVICE,
    LINK_DEVICE,
    Shape,
    lan_address,
    link_address,
    loaded,
    mac_of,
    number_of,
    side_of,
)
from linkbalancer.sim.trace import Trace
from linkbalancer.sim.traffic import Traffic
from linkbalancer.sim.wire import NEAR, SIDES, Wire, opposite
from linkbalancer.vrrp.ip import wrap

NOTICE: Duration = 200 * MICROSECOND
"""How long the kernel takes to report a change of carrier."""


class Fault(Protocol):
    """Something that can go wrong; `str()` names it for the trace."""

    def begin(self, world: "World") -> None:
        """Break it."""

    def end(self, world: "World") -> None:
        """Mend it."""


Judge: TypeAlias = Callable[["World"], None]
_wrapped = lru_cache(maxsize=256)(wrap)
"""An advert mostly says what the last one did."""


class World:
    """A network of gateways in virtual time.

    Attributes:
        now: The present instant.
        changes: What happened since the judges looked that could change a packet's way.
        adjusted: When the far end of a link took another priority for a VID.
        remembers: Whether agents write down what a successor needs; nobody reads it where no agent is ever killed.
        judges: Asked after every entry of the agenda that changed something; they raise or note objections.
    """

    def __init__(self, shape: Shape, seed: int, *, keep_all: bool = False) -> None:
        self.shape = shape
        self.chance = Random(seed)
        self.agenda = Agenda()
        self.trace = Trace(keep_all=keep_all)
        self.wires = {name: Wire(name, number) for number, name in enumerate(shape.link_names, start=1)}
        self.lans = {side: self._lan(side) for side in SIDES}
        self.nodes = {name: self._node(name) for name in shape.node_names}
        self.keepaliveds = {
            name: SimulatedKeepalived(node, partial(self.perform, node)) for name, node in self.nodes.items()
        }
        self.crossed: dict[tuple[str, LinkName], LinkName] = {}
        self.changes = Changes()
        self.remembers = True
        self.standing: list[Fault] = []
        self.disturbed_at: Instant = 0
        self.disturbances = 0
        self.moved: list[tuple[Instant, NodeName, str]] = []
        self.adjusted: list[tuple[Instant, Vid]] = []
        self.adverts: list[tuple[Instant, NodeName]] = []
        self.datagrams: list[tuple[Instant, NodeName]] = []
        self.traffic = Traffic(self)
        self.judges: list[Judge] = [self.traffic.look]

    def _lan(self, side: str) -> Lan:
        names = [name for name in self.shape.node_names if side_of(name) == side]
        return Lan(side, LAN_DEVICE, {name: mac_of(name) for name in names})

    def _node(self, name: NodeName) -> Node:
        chance = Random(self.chance.getrandbits(64))
        node = Node(name, self.shape, self.agenda, chance, self)
        node.time.boot(self.chance.randrange(10**15))
        return node

    @property
    def now(self) -> Instant:
        """The present instant."""
        return self.agenda.now

    @property
    def events(self) -> int:
        """How many events agents and applications have handled."""
        return sum(node.handled + node.applications.handled for node in self.nodes.values())

    @property
    def noisy(self) -> bool:
        """Whether chance alone may make something move: frames or datagrams are lost."""
        return any(lan.loss for lan in self.lans.values()) or any(wire.loss for wire in self.wires.values())

    @property
    def stirred_at(self) -> Instant:
        """When anything last gave a VID a cause to move: a fault that began or ended, or another priority."""
        return max(self.disturbed_at, self.adjusted[-1][0]) if self.adjusted else self.disturbed_at

    def peer(self, name: NodeName) -> NodeName:
        """Return the gateway at the other end of a gateway's link."""
        node = self.nodes[name]
        link = self.crossed.get((node.side, node.link), node.link)
        return f"{'f' if node.side == NEAR else 'b'}{link[1:]}"

    # -- time --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch everything on, gateway after gateway within some milliseconds."""
        for node in self.nodes.values():
            self.agenda.after(self.chance.randrange(50 * MILLISECOND), node.start)
        for lan in self.lans.values():
            self.agenda.after(RESOLVE, Asking(self.agenda, lan, self.nodes, self.shape.vids, self.changes))

    def run(self, ms: float) -> None:
        """Let time pass; the judges look after every entry that changed something."""
        until = self.now + round(ms * MILLISECOND)
        self.changes.touch_all()
        self._look()
        while self.agenda.step(until):
            if self.changes:
                self._look()
        self._look()

    def _look(self) -> None:
        for judge in self.judges:
            judge(self)
        self.changes.clear()

    def resolve(self, lan: Lan) -> None:
        """Have a host ask again for the virtual IPs that it uses."""
        resolve(lan, self.nodes, self.shape.vids, known=True)
        self.changes.touch_all()

    # -- faults ------------------------------------------------------------------------------------------------------

    def begin(self, fault: Fault) -> None:
        """Break something."""
        self.standing.append(fault)
        self._disturb("FAULT", fault)
        fault.begin(self)

    def end(self, fault: Fault) -> None:
        """Mend it."""
        # Two faults of one target may be equal: it is this very one that ends.
        self.standing = [other for other in self.standing if other is not fault]
        self._disturb("HEALED", fault)
        fault.end(self)

    def heal(self) -> None:
        """Mend everything that stands."""
        for fault in tuple(self.standing):
            self.end(fault)

    def _disturb(self, what: str, fault: Fault) -> None:
        """Note that a fault begins or ends: what moves now has a cause."""
        self.changes.touch_all()
        self.disturbed_at = self.now
        self.disturbances += getattr(fault, "extent", 1)
        self.trace.note(self.now, "world", what, fault)

    # -- what the gateways want --------------------------------------------------------------------------------------

    def perform(self, node: Node, effect: effects.Effect) -> None:
        """Carry out one effect of a gateway's agent."""
        match effect:
            case effects.SendAdvert(_, source, message, destination):
                self._send_advert(node, _wrapped(source, destination, message))
            case effects.SendDatagram(link, data):
                self._send_datagram(node, link, data)
            case effects.SendHerald(_, data):
                carry(node, data, lan=self.lans[node.side], nodes=self.nodes, deliver=self._deliver)
            case effects.Record():
                self._note(node, effect)
            case effects.SteerKeepalived() | effects.Publish() | effects.Ask():
                self._pass_on(node, effect)
            case effects.Left() | effects.Retired():
                self.trace.note(self.now, node.name, "does", effect)
                (node.left if isinstance(effect, effects.Left) else node.retired)()
            case (
                effects.AddAddresses()
                | effects.RemoveAddresses()
                | effects.Announce()
                | effects.SetNextHop()
                | effects.SetLost()
                | effects.SetMembers()
            ):
                self.trace.note(self.now, node.name, "does", effect)
                self._change(node, effect)
            case _:
                assert_never(effect)

    def _note(self, node: Node, record: effects.Record) -> None:
        if record.kind == "vid":
            self.moved.append((self.now, node.name, f"{record.subject} {record.text}"))
            self.changes.touch(node.name)
        elif record.kind == "adjusted":
            self.adjusted.append((self.now, int(dict(record.fields)["vid"])))
            self.changes.touch(node.name)
        self.trace.note(self.now, node.name, record.kind, f"{record.subject}: {record.text}")

    def _pass_on(self, node: Node, effect: effects.SteerKeepalived | effects.Publish | effects.Ask) -> None:
        """Tell whoever else is at work at a gateway."""
        match effect:
            case effects.SteerKeepalived():
                self.keepaliveds[node.name].steer(effect)
            case effects.Publish(table):
                node.publish(table)
            case _:
                self._deliver(node, 0, answered(effect))

    def _change(self, node: Node, effect: effects.Announce | Change) -> None:
        """Carry out what changes a kernel, or what a host knows."""
        self.changes.touch(node.name, addresses=isinstance(effect, effects.AddAddresses | effects.RemoveAddresses))
        if isinstance(effect, effects.Announce):
            self._announce(node, effect)
        else:
            node.kernel.change(effect)

    def _send_advert(self, node: Node, packet: bytes) -> None:
        self.adverts.append((self.now, node.name))
        self.trace.note(self.now, node.name, "advert", packet[21:23])
        lan = self.lans[node.side]
        event = AdvertReceived(LAN_DEVICE, packet, lan.macs[node.name])
        for name in lan.macs:
            delay = lan.arrival(node.name, name, self.chance) if name != node.name else None
            if delay is not None:
                self._deliver(self.nodes[name], lan.queue(node.name, name, self.now, delay), event)

    def _send_datagram(self, node: Node, link: LinkName, data: bytes) -> None:
        self.datagrams.append((self.now, node.name))
        self.trace.note(self.now, node.name, "datagram", (len(data), link))
        receiver = self.nodes[self.peer(node.name)]
        for delay in self.wires[node.link].carry(data, opposite(node.side), self.chance):
            self._deliver(receiver, delay, DatagramReceived(receiver.link, data))

    def _deliver(self, node: Node, delay: Duration, event: Event) -> None:
        self.agenda.after(delay, lambda: self._happens(node, event))

    def _announce(self, node: Node, effect: effects.Announce) -> None:
        lan = self.lans[node.side]
        if lan.arrival(node.name, HOST, self.chance) is not None:
            lan.neighbours.update(dict.fromkeys(effect.addresses, lan.macs[node.name]))
            self.changes.touch_all()

    # -- what the gateways observe -----------------------------------------------------------------------------------

    def device(self, node: Node, device: str) -> DeviceChanged:
        """Return a device of a gateway as its kernel shows it."""
        if device == LAN_DEVICE:
            address = lan_address(node.side, number_of(node.name))
            return DeviceChanged(device, self.lans[node.side].carrier(node.name), address)
        return DeviceChanged(device, not self.wires[node.link].cuts, link_address(node.side, number_of(node.name)))

    def devices(self, node: Node) -> list[Event]:
        """Return a gateway's devices as its kernel shows them now."""
        return [self.device(node, LAN_DEVICE), self.device(node, LINK_DEVICE)]

    def started(self, node: Node) -> None:
        """Let a new agent ask for its neighbours, and the gateway's Keepalived greet it."""
        keepalived = self.keepaliveds[node.name]
        keepalived.greet(loaded(self.shape, node.name))
        for event in self.devices(node):
            keepalived.observe(event)
        self.agenda.after(NOTICE, Probing(self.agenda, self.lans[node.side], node, self.nodes))

    def _happens(self, node: Node, event: Event) -> None:
        """Let everything on a gateway see something."""
        self.keepaliveds[node.name].observe(event)
        node.handle(event)

    def notice(self, name: NodeName, device: str) -> None:
        """Have a gateway's kernel report a device, as it is when the report arrives."""
        node = self.nodes[name]
        self.agenda.after(NOTICE, lambda: self._happens(node, self.device(node, device)))
