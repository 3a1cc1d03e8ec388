"""The agent's sockets: for adverts, heralds and neighbours one a LAN device, for datagrams one a link.

A device may be missing at the start, and may be taken away and come back as another one of the same name: sockets are
opened when there is a device, and again when it is a new one.
"""

import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Final, Protocol, TypeAlias

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.succession import Bequest, Heirloom
from linkbalancer.engine.effects import SendAdvert, SendDatagram, SendHerald
from linkbalancer.engine.events import AdvertReceived, Event
from linkbalancer.host.adverts import AdvertSocket
from linkbalancer.host.datagrams import DatagramSocket
from linkbalancer.host.heralds import HeraldSocket
from linkbalancer.host.legs import LegWatch
from linkbalancer.host.neighbours import NeighbourProbe
from linkbalancer.links import DeviceName, Family, LinkName

FRAMES: Final = "frames"
"""What sockets for adverts are handed on as; a predecessor of the time when there were two a device said `adverts`."""

VIRTUAL_MACS: Final = bytes.fromhex("00005e00")
"""How virtual routers' MACs begin, of both families (RFC 9568 7.3)."""

LEARN_AGAIN: Duration = 30 * SECOND
"""After how long the router behind a virtual MAC is asked for its own once more."""

LEARNT_MAX = 1024

Take: TypeAlias = Callable[[Instant, Iterable[Event]], None]
Complain: TypeAlias = Callable[[str, str], None]


class Receiver(Protocol):
    """What all of them are."""

    def fileno(self) -> int:
        """Return the file descriptor."""

    def receive(self) -> Iterable[Event]:
        """Return everything that has arrived."""

    def close(self) -> None:
        """Close the socket."""


@dataclass(slots=True)
class Port:
    """A place for a socket: its device, how it is opened, and the device's number when it was.

    `leg` judges the silence of the neighbours that the socket asks.
    """

    device: DeviceName
    open: Callable[[], Receiver]
    leg: LegWatch | None = None
    receiver: Receiver | None = None
    index: int = 0


class Sockets:
    """All sockets of a gateway; what they receive goes to `take`, what the kernel refuses to `complain`."""

    def __init__(
        self, loop: Loop, config: Config, take: Take, complain: Complain, deaf: Collection[DeviceName] = ()
    ) -> None:
        """Open nothing yet; `deaf` are the LAN devices that a predecessor found silent."""
        self._loop, self._take, self._complain = loop, take, complain
        self._adverts: dict[DeviceName, Port] = {
            device: Port(device, partial(AdvertSocket, device))
            for device in sorted({group.device for group in config.groups.values() if group.mode != "static"})
        }
        self._datagrams: dict[LinkName, Port] = {
            name: Port(link.device, partial(DatagramSocket, link.settings(name, config)))
            for name, link in config.links.items()
        }
        self._heralds: dict[DeviceName, Port] = {
            device: Port(device, partial(HeraldSocket, device, _family(config, device))) for device in self._adverts
        }
        self._places = {name: (link.device, str(link.local), link.port) for name, link in config.links.items()}
        self._closed = 0, 0
        self._learnt: dict[tuple[DeviceName, IPv4Address], Instant] = {}
        self._settings = {name: link.settings(name, config) for name, link in config.links.items()}
        self._probes: dict[DeviceName, Port] = {
            device: Port(
                device,
                partial(NeighbourProbe, device, (*lan.members, *lan.targets)),
                # Members alone do not judge: the other gateway's death on a quiet LAN must not take this one down too.
                LegWatch(device, alive=device not in deaf) if lan.targets else None,
            )
            for device, lan in config.lans.items()
            if lan.members or lan.targets
        }

    def open(self) -> None:
        """Open what is closed and can be, and what belonged to a device that is gone; look after the rest."""
        for port in self._ports():
            index = _index(port.device)
            if port.receiver is not None and port.index != index:
                self._close(port)
            if port.receiver is None and index:
                try:
                    self._settle(port, port.open(), index)
                except OSError as error:
                    self._complain(f"open a socket on {port.device}", str(error))
            elif isinstance(port.receiver, AdvertSocket) and port.receiver.look_after():
                self._complain(f"hear every advert on {port.device}", "the receive buffer was full")

    @property
    def probes(self) -> bool:
        """Whether there is anybody on a LAN to be asked."""
        return bool(self._probes)

    def counts(self) -> dict[str, int]:
        """Return how many adverts were lost before they were read, and how many the kernel would not send."""
        opened = [port.receiver for port in self._adverts.values() if isinstance(port.receiver, AdvertSocket)]
        return {
            "adverts_lost": self._closed[0] + sum(one.lost for one in opened),
            "adverts_unsent": self._closed[1] + sum(one.refused for one in opened),
        }

    def hand_on(self) -> list[Heirloom]:
        """Return what a successor may go on with: sockets for adverts by device, of links by what they are bound to."""
        handed = []
        for device, port in self._adverts.items():
            if isinstance(port.receiver, AdvertSocket):
                handed.append(Heirloom((FRAMES, device, port.index), port.receiver.descriptors))
        for name, port in self._datagrams.items():
            if isinstance(port.receiver, DatagramSocket):
                key = ("datagrams", *self._places[name], port.index)
                handed.append(Heirloom(key, (port.receiver.fileno(),)))
        return handed

    def inherit(self, bequest: Bequest) -> None:
        """Go on with a predecessor's sockets, as far as their devices are still the same."""
        for device, port in self._adverts.items():
            index = _index(device)
            match bequest.take(FRAMES, device, index):
                case [packets, *routed] if packets.family == socket.AF_PACKET:
                    self._settle(port, AdvertSocket(device, (packets, *routed)), index)
                case _:
                    continue
        for name, port in self._datagrams.items():
            index = _index(port.device)
            match bequest.take("datagrams", *self._places[name], index):
                case [sock]:
                    self._settle(port, DatagramSocket(self._settings[name], sock), index)
                case _:
                    continue

    def _settle(self, port: Port, receiver: Receiver, index: int) -> None:
        port.receiver, port.index = receiver, index
        self._loop.add(receiver, partial(self._receive, port))

    def close(self) -> None:
        """Close everything."""
        for port in self._ports():
            self._close(port)
            if port.leg is not None:
                port.leg.close()

    def send(self, effect: SendAdvert | SendDatagram | SendHerald) -> None:
        """Send; a refusal is told. Without a device there is nobody to hear it, and nothing is told."""
        refused = 0
        if isinstance(effect, SendAdvert):
            where, receiver = f"an advert on {effect.device}", self._adverts[effect.device].receiver
            if isinstance(receiver, AdvertSocket):
                refused = receiver.send(effect)
        elif isinstance(effect, SendHerald):
            where, receiver = f"a herald on {effect.device}", self._heralds[effect.device].receiver
            if isinstance(receiver, HeraldSocket):
                refused = receiver.send(effect.data)
        else:
            where, receiver = f"a datagram on link {effect.link}", self._datagrams[effect.link].receiver
            if isinstance(receiver, DatagramSocket):
                refused = receiver.send(effect.data)
        if refused:
            self._complain(f"send {where}", os.strerror(abs(refused)))

    def probe(self, now: Instant, primaries: Mapping[DeviceName, IPv4Address | None]) -> None:
        """Ask the neighbours of every LAN, each as the device's primary address; judge what they left unanswered."""
        for device, port in self._probes.items():
            if isinstance(port.receiver, NeighbourProbe):
                primary = primaries.get(device)
                self._take(now, port.receiver.probe(primary) if primary else port.receiver.probe())
                self._judge(port, now)

    def _judge(self, port: Port, now: Instant) -> None:
        if port.leg is not None:
            try:
                self._take(now, port.leg.turn())
            except OSError as error:
                self._complain(f"count the frames of {port.device}", str(error))

    def _ports(self) -> tuple[Port, ...]:
        return (*self._adverts.values(), *self._datagrams.values(), *self._heralds.values(), *self._probes.values())

    def _receive(self, port: Port, now: Instant) -> None:
        if port.receiver is not None:
            events = list(port.receiver.receive())
            self._take(now, events)
            for event in events:
                if isinstance(event, AdvertReceived) and event.source_mac.startswith(VIRTUAL_MACS):
                    self._learn(now, event)
            if events and port.leg is not None:
                self._take(now, port.leg.answered())

    def _learn(self, now: Instant, event: AdvertReceived) -> None:
        """Have it asked what MAC a router with a virtual one forwards packets from: the loop guard must know it."""
        if event.packet[:1] != b"\x45":
            return
        source = IPv4Address(event.packet[12:16])
        if now < self._learnt.get((event.device, source), now):
            return
        if len(self._learnt) >= LEARNT_MAX:
            self._learnt.clear()
        self._learnt[event.device, source] = now + LEARN_AGAIN
        port = self._probes.get(event.device)
        if port is None:
            port = self._probes[event.device] = Port(event.device, partial(NeighbourProbe, event.device, ()))
            self.open()
        if isinstance(port.receiver, NeighbourProbe):
            port.receiver.learn(source)

    def _close(self, port: Port) -> None:
        if port.receiver is not None:
            if isinstance(port.receiver, AdvertSocket):
                self._closed = self._closed[0] + port.receiver.lost, self._closed[1] + port.receiver.refused
            self._loop.remove(port.receiver)
            port.receiver.close()
            port.receiver = None


def _index(device: DeviceName) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return 0


def _family(config: Config, device: DeviceName) -> Family:
    """Return by what the gateways of a LAN tell each other: IPv4, where a group of it has that."""
    families = {one.family for one, group in config.groups.items() if group.device == device and group.mode != "static"}
    return Family.IPV4 if Family.IPV4 in families else Family.IPV6
