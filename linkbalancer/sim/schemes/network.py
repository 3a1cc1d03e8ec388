"""The network of an older scheme: the simulator's own LANs, links and faults around gateways of scheme one or two.

There are no hosts and no kernels here: what is compared is who becomes Master, on both sides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import assert_never

from linkbalancer.clock import MICROSECOND, MILLISECOND, Instant
from linkbalancer.links import LinkName, NodeName, Vid
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.convergence import Convergence, Found
from linkbalancer.sim.lan import HOST, Lan
from linkbalancer.sim.schemes.gateway import Gateway, Rules
from linkbalancer.sim.schemes.words import (
    Advert,
    Advertise,
    Effect,
    Event,
    Leave,
    LegCarrier,
    LinkCarrier,
    Moved,
    Place,
    Say,
    Started,
    Tick,
    Told,
    Word,
)
from linkbalancer.sim.shape import (
    LAN_DEVICE,
    LINK_DEVICE,
    Shape,
    lan_address,
    mac_of,
    number_of,
    side_of,
    virtual_ip,
)
from linkbalancer.sim.trace import Trace
from linkbalancer.sim.wire import FAR, NEAR, SIDES, Wire, opposite
from linkbalancer.vrrp.group import Group

NOTICE = 200 * MICROSECOND
"""How long the kernel takes to report a change of carrier."""


@dataclass(slots=True)
class Station:
    """A gateway: its machine, None while its process is not there; a process may also stand still."""

    name: NodeName
    powered: bool = True
    machine: Gateway | None = None
    paused: bool = False
    due: Instant | None = None
    handled: int = 0

    @property
    def side(self) -> str:
        """The LAN that it stands on."""
        return side_of(self.name)

    @property
    def link(self) -> LinkName:
        """The link that ends here."""
        return f"l{number_of(self.name)}"

    @property
    def peer(self) -> NodeName:
        """The gateway at the other end of the link."""
        return f"{'f' if self.side == NEAR else 'b'}{number_of(self.name)}"


class Network:
    """A network of gateways in virtual time. `rules` gives the rules of a side's gateways."""

    def __init__(self, shape: Shape, seed: int, rules: Callable[[str], Rules], *, keep_all: bool = False) -> None:
        self.shape = shape
        self.rules = rules
        self.chance = Random(seed)
        self.agenda = Agenda()
        self.trace = Trace(keep_all=keep_all)
        self.wires = {name: Wire(name, number) for number, name in enumerate(shape.link_names, start=1)}
        self.lans = {side: self._lan(side) for side in SIDES}
        self.stations = {name: Station(name) for name in shape.node_names}
        self.convergence = Convergence()
        self.moves: list[Instant] = []
        self.changed = False
        self.watched = True

    def _lan(self, side: str) -> Lan:
        return Lan(side, LAN_DEVICE, {name: mac_of(name) for name in self.shape.node_names if side_of(name) == side})

    @property
    def now(self) -> Instant:
        """The present instant."""
        return self.agenda.now

    @property
    def events(self) -> int:
        """How many events the gateways have handled."""
        return sum(station.handled for station in self.stations.values())

    # ------------------------------------------------------------------------------------------------------- time

    def start(self) -> None:
        """Switch everything on, gateway after gateway within some milliseconds."""
        self.convergence.disturb(self.now, noisy=False)
        for name in self.stations:
            self.agenda.after(self.chance.randrange(50 * MILLISECOND), lambda name=name: self.begin(name))  # type: ignore[misc]

    def run(self, until: Instant) -> None:
        """Let time pass, and look at who is Master whenever that may have changed."""
        while self.agenda.step(until):
            if self.changed and self.watched:
                self.look()

    def look(self) -> None:
        """Compare the two sides."""
        self.changed = False
        usable = {vid: self.usable(vid) for vid in range(1, self.shape.vids + 1)}
        self.convergence.look(self.now, self.found(), usable)

    def disturb(self, what: str) -> None:
        """Note that a fault begins or ends: what moves now has a cause."""
        noisy = any(lan.loss for lan in self.lans.values()) or any(wire.loss for wire in self.wires.values())
        self.convergence.disturb(self.now, noisy=noisy)
        self.trace.note(self.now, "world", what)
        self.changed = True

    # -------------------------------------------------------------------------------------------------- who is what

    def found(self) -> Found:
        """Return the links behind the Masters of each VID on each side."""
        present = [station for station in self.stations.values() if self.is_present(station)]
        return {
            (side, vid): tuple(
                station.link
                for station in present
                if station.side == side and station.machine is not None and station.machine.is_master(vid)
            )
            for side in SIDES
            for vid in range(1, self.shape.vids + 1)
        }

    def usable(self, vid: Vid) -> set[LinkName]:
        """Return the links that can carry a VID now: whole, with a gateway at work on the LAN at both ends."""
        return {
            link
            for link in self.shape.carriers(vid)
            if all(self.wires[link].passes(side) for side in SIDES)
            and all(self.is_present(self.stations[f"{letter}{link[1:]}"]) for letter in "bf")
        }

    def is_present(self, station: Station) -> bool:
        """Tell whether a gateway is at work and reaches its host."""
        at_work = station.machine is not None and not station.paused
        return at_work and self.lans[station.side].connected(station.name, HOST)

    # ------------------------------------------------------------------------------------------------- the processes

    def begin(self, name: NodeName) -> None:
        """Start a gateway's process, unless it is there or its gateway is dead."""
        station = self.stations[name]
        if station.machine is None and station.powered:
            chance = Random(self.chance.getrandbits(64))
            station.machine = Gateway(self._place(name), self.rules(station.side), chance)
            self.hand(station, LinkCarrier(not self.wires[station.link].cuts))
            self.hand(station, LegCarrier(self.lans[station.side].carrier(name)))
            self.hand(station, Started())

    def end(self, name: NodeName, *, in_order: bool = False) -> None:
        """End a gateway's process, with or without a last word."""
        station = self.stations[name]
        station.paused = False
        if in_order:
            self.hand(station, Leave())
        station.machine = station.due = None
        self.changed = True

    def pause(self, name: NodeName, *, paused: bool) -> None:
        """Have a gateway's process stand still, or go on; what came meanwhile is lost."""
        station = self.stations[name]
        was_paused, station.paused = station.paused, paused and station.machine is not None
        if was_paused and not paused:
            self.hand(station, LinkCarrier(not self.wires[station.link].cuts))
            self.hand(station, LegCarrier(self.lans[station.side].carrier(name)))
            self.hand(station, Tick())

    def notice(self, name: NodeName, device: str) -> None:
        """Have a gateway's kernel report a carrier, as it is when the report arrives."""
        station = self.stations[name]
        if device == LINK_DEVICE:
            self.agenda.after(NOTICE, lambda: self.hand(station, LinkCarrier(not self.wires[station.link].cuts)))
        else:
            lan = self.lans[station.side]
            self.agenda.after(NOTICE, lambda: self.hand(station, LegCarrier(lan.carrier(name))))

    def _place(self, name: NodeName) -> Place:
        shape, side, number = self.shape, side_of(name), number_of(name)
        groups = tuple(
            Group(
                vid=vid,
                device=LAN_DEVICE,
                virtual_ips=(virtual_ip(side, vid),),
                priority=shape.base(vid, side, number),
                advert_interval=shape.advert_ms * MILLISECOND,
            )
            for vid in range(1, shape.vids + 1)
            if f"l{number}" in shape.carriers(vid)
        )
        low, high = shape.probe_ms
        interval = (low * MILLISECOND, high * MILLISECOND)
        return Place(lan_address(side, number), groups, interval, shape.misses * interval[1])

    # ------------------------------------------------------------------------------------------ events and effects

    def hand(self, station: Station, event: Event) -> None:
        """Hand an event to a gateway, and carry out what it wants."""
        machine = station.machine
        if machine is None or station.paused:
            return
        station.handled += 1
        for effect in machine.handle(self.now, event):
            self._perform(station, effect)
        due = machine.deadline()
        if due is not None and due != station.due:
            self.agenda.after(max(due - self.now, 0), lambda: self._tick(station, machine, due))
        station.due = due

    def _tick(self, station: Station, machine: Gateway, due: Instant) -> None:
        if station.machine is machine and station.due == due:
            station.due = None
            self.hand(station, Tick())

    def _perform(self, station: Station, effect: Effect) -> None:
        match effect:
            case Advertise(vid, heard):
                self.trace.note(self.now, station.name, "advert", f"VID {vid} at {heard.priority}")
                self._spread(station, Advert(vid, heard))
            case Say(word):
                self._say(station, word)
            case Moved(vid, state):
                self.trace.note(self.now, station.name, "vid", f"{vid}: {state.name.lower()}")
                self.moves.append(self.now)
                self.changed = True
            case _:
                assert_never(effect)

    def _spread(self, station: Station, event: Event) -> None:
        lan = self.lans[station.side]
        for name in lan.macs:
            delay = lan.arrival(station.name, name, self.chance) if name != station.name else None
            if delay is not None:
                self._deliver(self.stations[name], delay, event)

    def _say(self, station: Station, word: Word) -> None:
        for delay in self.wires[station.link].arrivals(opposite(station.side), self.chance):
            self._deliver(self.stations[station.peer], delay, Told(word))

    def _deliver(self, station: Station, delay: int, event: Event) -> None:
        self.agenda.after(delay, lambda: self.hand(station, event))


def where(network: Network) -> str:
    """Say who is Master of which VID on either side, for the report of a history that does not settle."""
    found = network.found()
    return "; ".join(
        f"VID {vid}: near {', '.join(found[NEAR, vid]) or 'nobody'}, far {', '.join(found[FAR, vid]) or 'nobody'}"
        for vid in range(1, network.shape.vids + 1)
    )
