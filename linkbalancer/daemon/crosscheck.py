"""Asks the kernel of this network namespace what it does with one flow; nothing is sent, and nothing changed."""

import errno
import socket
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address

from linkbalancer.config.load import Loaded
from linkbalancer.daemon import preflight
from linkbalancer.daemon.layout import layout_of
from linkbalancer.drivers import addresses, connections, lookup
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.firewall import driver
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.engine.crosscheck.expected import Expected, packet_mark, vid
from linkbalancer.engine.crosscheck.observed import Answer, Connection, Entrance, Flow, Neighbour, Seen
from linkbalancer.engine.preflight import ruleset as judged_ruleset
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Observed, Unseen
from linkbalancer.host.preflight import ruleset, switches
from linkbalancer.host.preflight.program import UnseenError
from linkbalancer.host.rtnetlink import Questions
from linkbalancer.links import Address, DeviceName, Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS


class NoEntranceError(Exception):
    """It cannot be told by which device a packet enters; the argument says why."""


def entering(loaded: Loaded, packet: Packet, device: DeviceName | None) -> Flow:
    """Return the packet as it arrives here, the device guessed where none is named.

    What comes from an address of this host is sent by it; else it enters where an answer would leave. Raises
    NoEntranceError, DriverError.
    """
    if device is not None:
        try:
            socket.if_nametoindex(device)
        except OSError:
            raise NoEntranceError(f"there is no device {device} here") from None
        return Flow(packet, None if device == "lo" else device, _entrance(loaded, device))
    with closing(NetlinkSocket(ROUTE)) as netlink:
        back = lookup.way_to(netlink, packet.source)
    if back.kind == "local":
        return Flow(packet, None, Entrance.SELF)
    if back.error or back.device is None:
        raise NoEntranceError(f"this gateway has no way back to {packet.source}: name its entrance with --iif")
    return Flow(packet, back.device, _entrance(loaded, back.device), guessed=True)


def _entrance(loaded: Loaded, device: DeviceName) -> Entrance:
    layout = layout_of(loaded)
    if device == "lo":
        return Entrance.SELF
    if device in layout.entrances:
        return Entrance.LAN
    return Entrance.LINK if device in layout.link_devices else Entrance.OTHER


def observe(loaded: Loaded, expected: Expected, flow: Flow) -> Seen:
    """Look. Raises DriverError where the kernel cannot be asked at all (rights, first of all)."""
    look = _Look(loaded, flow)
    try:
        return look.whole(expected)
    finally:
        look.close()


class _Look:
    """One look at the kernel, with the sockets that it takes."""

    def __init__(self, loaded: Loaded, flow: Flow) -> None:
        self._loaded, self._flow = loaded, flow
        self._marks, self._driver = loaded.config.marks, driver(loaded.config.firewall)
        self._route, self._netfilter = NetlinkSocket(ROUTE), NetlinkSocket(NETFILTER)
        self._unseen: list[Unseen] = []

    def close(self) -> None:
        self._route.close()
        self._netfilter.close()

    def whole(self, expected: Expected) -> Seen:
        """Ask for everything, each question with what the one before has shown."""
        connection, untracked = self._connection()
        aims = self._aims()
        unmarked = Seen(
            digest=self._driver.digest(self._netfilter),
            steering=None if aims is None else {one: None if aim is None else aim.to for one, aim in aims.items()},
            rules=lookup.rules(self._route, self._flow.packet.source.version),
            answer=self._way(0),
            connection=connection,
            untracked=untracked,
            forms={one: aim.form for one, aim in (aims or {}).items() if aim is not None},
            standing=frozenset() if aims is None else self._driver.standing(self._marks, self._netfilter),
            generation=self._driver.era(self._netfilter),
        )
        number = vid(expected, unmarked, self._flow)
        mark = packet_mark(expected, unmarked, self._flow)
        answer = self._way(mark)
        firewall = self._firewall()
        return replace(
            unmarked,
            answer=answer,
            unchecked=self._unchecked(mark) if answer.error else None,
            reply=self._reply(answer),
            neighbour=self._neighbour(answer),
            carriers=self._carriers(answer),
            addresses=frozenset(self._addresses(number)),
            switches=switches.read(self._switches(answer)),
            firewall=firewall,
            unseen=tuple(self._unseen),
        )

    def _aims(self) -> dict[int, Aim | None] | None:
        try:
            return self._driver.aims(self._marks, self._netfilter).read()
        except DriverError as error:
            if error.errno == errno.ENOENT:
                return None
            raise

    def _connection(self) -> tuple[Connection | None, str | None]:
        """Return the flow's entry, or why it was not looked for."""
        packet = self._flow.packet
        if packet.protocol not in PROTOCOLS_WITH_PORTS:
            return None, "entries of this protocol are told apart by more than addresses: not looked for"
        if not packet.source_port or not packet.destination_port:
            return None, "give --sport and --dport to have its entry looked for"
        try:
            return connections.find(self._netfilter, packet), None
        except DriverError as error:
            if error.errno == errno.EPERM:
                raise
            return None, str(error)

    def _way(self, mark: int) -> Answer:
        return lookup.way(self._route, self._flow.packet, mark, self._flow.device)

    def _unchecked(self, mark: int) -> Answer:
        """Return the answer for a packet of this host's own: the source is not held against it."""
        packet = self._flow.packet
        anybody = IPv4Address(0) if packet.source.version == 4 else type(packet.source)(0)
        return lookup.way(self._route, Packet(anybody, packet.destination, packet.protocol, tos=packet.tos), mark)

    def _reply(self, answer: Answer) -> Answer | None:
        """Return where what comes back goes, for a flow that leaves by a link of ours."""
        links = {link.device for link in self._loaded.config.links.values()}
        if answer.error or answer.device not in links or not self._flow.entrance.steers:
            return None
        return lookup.way(self._route, self._flow.packet.mirrored(), 0, answer.device)

    def _neighbour(self, answer: Answer) -> Neighbour | None:
        if answer.error or answer.gateway is None or answer.device is None:
            return None
        return lookup.neighbour(self._route, answer.device, answer.gateway)

    def _carriers(self, answer: Answer) -> dict[DeviceName, bool | None]:
        if answer.error or answer.device is None:
            return {}
        with closing(Questions()) as questions:
            link = questions.link(answer.device)
        return {answer.device: None if link is None else link.carrier}

    def _addresses(self, number: Vid | None) -> Iterable[tuple[DeviceName, Address]]:
        devices = {link.device for link in self._loaded.config.links.values()}
        for id_, group in self._loaded.config.groups.items():
            if id_.vid == number and group.mode == "member":
                devices |= set(group.vrrp(id_).places())
        for device in devices:
            yield from ((device, one.ip) for one in addresses.read(self._route, device))

    def _switches(self, answer: Answer) -> list[str]:
        devices = ["all", *(one for one in (self._flow.device, answer.device) if one is not None)]
        version = self._flow.packet.source.version
        return [f"ipv{version}/conf/{one}/{name}" for one in devices for name in ("forwarding", "rp_filter")]

    def _firewall(self) -> tuple[Finding, ...]:
        """Return what the rules of others may do with it."""
        try:
            found = ruleset.read()
        except (UnseenError, OSError, KeyError, TypeError, ValueError) as error:
            self._unseen.append(Unseen("nftables rules", str(error)))
            return ()
        seen = Observed(running=True, kernel="", nft=None, switches={}, ruleset=found, legacy=ruleset.legacy())
        return tuple(judged_ruleset.judge(preflight.wishes(self._loaded.config), seen))
