"""The agent's sockets on a real LAN: what a leg hears, as the engine is told."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

import pytest

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.sockets import FRAMES, Sockets
from linkbalancer.daemon.succession import Bequest
from linkbalancer.engine.effects import SendAdvert
from linkbalancer.engine.events import AdvertReceived, Event, LegHeard, NeighbourHeard
from linkbalancer.host.adverts import AdvertSocket
from linkbalancer.links import Family, Mac
from tests.config.texts import CONFIG, loaded
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

MEMBER, MULTICAST = IPv4Address("192.168.1.2"), IPv4Address("224.0.0.18")
WATCHED = CONFIG.replace("members:", "targets:")
TURNS_AT_MOST = 2000


class Daemon:
    """Sockets on a loop that asks neighbours fifty times a second, and what they tell."""

    def __init__(self, config: str = WATCHED, bequest: Bequest | None = None) -> None:
        """Open what can be opened in the present namespace."""
        self.told: list[Event] = []
        self.complaints: list[str] = []
        self.loop = Loop()
        self.sockets = Sockets(
            self.loop, loaded(config).config, self._take, lambda *words: self.complaints.append(str(words))
        )
        if bequest is not None:
            self.sockets.inherit(bequest)
        self.sockets.open()
        primaries = {"eth0": IPv4Address("192.168.1.1")}
        self.loop.every(20 * MILLISECOND, lambda now: self.sockets.probe(now, primaries))

    def _take(self, _now: Instant, events: Iterable[Event]) -> None:
        self.told += events

    def close(self) -> None:
        """Close everything."""
        self.sockets.close()
        self.loop.forget()

    def turn_until(self, last: Event) -> list[Event]:
        """Turn until this is told last; return what was told on the way."""
        self.told.clear()
        for _turn in range(TURNS_AT_MOST):
            self.loop.turn()
            if last in self.told:
                return list(self.told)
        raise AssertionError(self.told)


@dataclass(frozen=True)
class Lan:
    """A switch with a gateway and a member at it, and what is heard when the member answers."""

    switch: Namespace
    here: Namespace
    member: Namespace
    heard: NeighbourHeard


@pytest.fixture
def lan() -> Iterator[Lan]:
    """Yield the LAN; the test runs in the gateway's namespace. IPv6 is off: it talks by itself."""
    with ExitStack() as stack:
        switch, here, member = (stack.enter_context(Namespace(name)) for name in ("switch", "here", "member"))
        for one in (switch, here, member):
            one("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        switch("ip link add br0 type bridge", "ip link set br0 up")
        for host, port in ((here, "here"), (member, "member")):
            switch.connect(port, host, "eth0")
            switch(f"ip link set {port} master br0")
        here("ip addr add 192.168.1.1/24 dev eth0")
        member("ip addr add 192.168.1.2/24 dev eth0")
        stack.enter_context(here.entered())
        mac = bytes.fromhex(member("cat /sys/class/net/eth0/address").strip().replace(":", ""))
        yield Lan(switch, here, member, NeighbourHeard("eth0", MEMBER, mac))


def test_a_leg_that_falls_silent_is_told_after_its_neighbours_and_when_it_is_back(lan: Lan) -> None:
    """The switch keeps the carrier and passes nothing, for a while."""
    switch, heard, silent = lan.switch, lan.heard, NeighbourHeard("eth0", MEMBER, None)
    with closing(Daemon()) as daemon:
        assert set(daemon.turn_until(heard)) == {heard}
        switch("ip link set here nomaster")
        assert daemon.turn_until(LegHeard("eth0", alive=False))[-2:] == [silent, LegHeard("eth0", alive=False)]
        switch("ip link set here master br0")
        # The first sign of life is an answer, or a frame that the member sends by itself.
        told = [*daemon.turn_until(LegHeard("eth0", alive=True)), *daemon.turn_until(heard)]
        assert [event for event in told if isinstance(event, LegHeard)] == [LegHeard("eth0", alive=True)]
        assert daemon.complaints == []


def test_a_leg_goes_on_where_its_device_is_replaced(lan: Lan) -> None:
    """The new device's neighbour answers on a new socket, and the leg that was silent is alive."""
    switch, here = lan.switch, lan.here
    with closing(Daemon()) as daemon:
        daemon.turn_until(lan.heard)
        switch("ip link set here nomaster")
        daemon.turn_until(LegHeard("eth0", alive=False))
        switch("ip link del here")
        switch.connect("here", here, "eth0")
        switch("ip link set here master br0")
        daemon.sockets.open()
        daemon.turn_until(LegHeard("eth0", alive=True))


def test_members_alone_judge_no_leg(lan: Lan) -> None:
    """Where only another gateway is known, its death on a quiet LAN is not this gateway's fault."""
    with closing(Daemon(CONFIG)) as daemon:
        daemon.turn_until(lan.heard)
        lan.switch("ip link set here nomaster")
        daemon.turn_until(NeighbourHeard("eth0", MEMBER, None))
        for _turn in range(50):
            daemon.loop.turn()
        assert not [event for event in daemon.told if isinstance(event, LegHeard)]


def _heard(daemon: Daemon) -> list[AdvertReceived]:
    for _turn in range(TURNS_AT_MOST):
        daemon.loop.turn()
        heard = [event for event in daemon.told if isinstance(event, AdvertReceived)]
        if heard:
            return heard
    raise AssertionError(daemon.told)


def _advertise(lan: Lan, mac: Mac | None = None) -> None:
    """Send an advert as the member."""
    with lan.member.entered(), closing(AdvertSocket("eth0")) as sender:
        assert sender.send(SendAdvert("eth0", MEMBER, b"12345678", MULTICAST, mac)) == 0


def test_a_successor_hears_what_waited_in_the_sockets_that_it_inherits(lan: Lan) -> None:
    """No advert is lost between the two."""
    with closing(Daemon()) as before:
        _advertise(lan)
        handed = {
            one.key: [socket.socket(fileno=os.dup(fd)) for fd in one.descriptors] for one in before.sockets.hand_on()
        }
    with closing(Daemon(bequest=Bequest({}, handed))) as successor:
        assert [one.packet[20:28] for one in _heard(successor)] == [b"12345678"]
        assert successor.complaints == []


def test_a_successor_opens_its_own_where_it_cannot_use_an_heirloom(lan: Lan) -> None:
    """What an older version handed on, or what is no packet socket at all, is left; adverts are heard all the same."""
    index = socket.if_nametoindex("eth0")
    pairs = [socket.socket(socket.AF_INET, socket.SOCK_RAW, 112) for _ in range(3)]
    left = Bequest({}, {("adverts", "eth0", index): pairs[:2], (FRAMES, "eth0", index): pairs[2:]})
    with closing(Daemon(bequest=left)) as successor:
        _advertise(lan)
        assert [one.packet[20:28] for one in _heard(successor)] == [b"12345678"]
        assert successor.complaints == []
    for one in pairs:
        one.close()


def test_adverts_that_were_lost_are_said(lan: Lan) -> None:
    """When the next look after the sockets finds that the buffer was full."""
    with closing(Daemon()) as daemon:
        receiver = daemon.sockets._adverts["eth0"].receiver
        assert isinstance(receiver, AdvertSocket)
        receiver._packets.setsockopt(socket.SOL_SOCKET, 33, 4096)  # SO_RCVBUFFORCE
        for _number in range(50):
            _advertise(lan)
        daemon.sockets.open()
        assert daemon.complaints == ["('hear every advert on eth0', 'the receive buffer was full')"]
        lost = daemon.sockets.counts()["adverts_lost"]
        assert lost > 0
        daemon.sockets.close()
        assert daemon.sockets.counts() == {"adverts_lost": lost, "adverts_unsent": 0}


def test_a_router_with_a_virtual_mac_is_asked_for_its_own(lan: Lan) -> None:
    """Where nobody else is asked, too; what it forwards comes from there."""
    alone = CONFIG.replace("lans:\n  eth0: {members: [192.168.1.2]}\n", "")
    assert alone != CONFIG
    with closing(Daemon(alone)) as daemon:
        _advertise(lan, bytes.fromhex("00005e000101"))
        told = daemon.turn_until(lan.heard)
        assert isinstance(told[0], AdvertReceived)


def test_a_lan_without_ipv4_has_its_heralds_over_ipv6() -> None:
    """Where a group of the LAN is of IPv4, by that."""
    six = CONFIG.replace(
        "applications:", "  3/ipv6: {device: eth5, mode: observe, virtual_ips: [fe80::9/64]}\napplications:"
    )
    six = six.replace("  3/ipv6", "  4/ipv6: {device: eth0, mode: observe, virtual_ips: [fe80::8/64]}\n  3/ipv6")
    with closing(Daemon(six)) as daemon:
        how = {device: port.open for device, port in daemon.sockets._heralds.items()}
    assert {device: one.args for device, one in how.items() if isinstance(one, partial)} == {
        "eth0": ("eth0", Family.IPV4),
        "eth5": ("eth5", Family.IPV6),
    }
