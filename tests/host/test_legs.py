"""A LAN leg that hears nothing though it has carrier: a gateway, a neighbour and a third host at a switch."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.events import LegHeard
from linkbalancer.host.legs import LegWatch
from linkbalancer.host.neighbours import NeighbourProbe
from tests.host.conftest import PATIENCE_S, await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

NEIGHBOUR = IPv4Address("192.0.2.2")
SILENT, ALIVE = LegHeard("eth0", alive=False), LegHeard("eth0", alive=True)
TURNS_TO_SILENCE = 4
"""Three probes without an answer, and the turn that judges them: 800 ms at most, five turns a second."""


class Leg:
    """The gateway's side, as the daemon drives it: a turn judges the probes before, then the next probe is sent."""

    def __init__(self, here: Namespace, switch: Namespace, third: Namespace) -> None:
        """Watch eth0 of the present namespace, where nobody has answered yet."""
        self.here, self.switch = here, switch
        self.watch, self.probe = LegWatch("eth0"), NeighbourProbe("eth0", [NEIGHBOUR])
        self._ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._ear.settimeout(PATIENCE_S)
        self._ear.bind(("eth0", 0x88B5))
        with third.entered():
            self._mouth = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._mouth.bind(("eth0", 0))

    def close(self) -> None:
        """Close every socket."""
        for one in (self.watch, self.probe, self._ear, self._mouth):
            one.close()

    def turns(self, count: int) -> list[LegHeard]:
        """Judge and ask so many times, without waiting for answers."""
        said = []
        for _turn in range(count):
            said += self.watch.turn()
            self.probe.probe()
        return said

    def answer(self) -> list[LegHeard]:
        """Ask until the neighbour answers."""
        self.probe.probe()
        await_items(self.probe, self.probe.receive)
        return self.watch.answered()

    def third_speaks(self) -> None:
        """Have the third host send a frame to everybody, and wait until it is here."""
        self._mouth.send(b"\xff" * 6 + b"\x02\0\0\0\0\x63" + b"\x88\xb5" + bytes(46))
        self._ear.recv(64)


@pytest.fixture
def leg() -> Iterator[Leg]:
    """Yield the leg; the test runs in the gateway's namespace. IPv6 is off: it talks by itself."""
    with ExitStack() as stack:
        switch, here, neighbour, third = (
            stack.enter_context(Namespace(name)) for name in ("switch", "here", "neighbour", "third")
        )
        for one in (switch, here, neighbour, third):
            one("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        switch("ip link add br0 type bridge", "ip link set br0 up")
        for host, port in ((here, "here"), (neighbour, "neighbour"), (third, "third")):
            switch.connect(port, host, "eth0")
            switch(f"ip link set {port} master br0")
        here("ip addr add 192.0.2.1/24 dev eth0")
        neighbour("ip addr add 192.0.2.2/24 dev eth0")
        stack.enter_context(here.entered())
        yield stack.enter_context(closing(Leg(here, switch, third)))


def test_a_leg_that_hears_nothing_is_silent_once_and_alive_with_the_first_answer(leg: Leg) -> None:
    """The switch keeps the carrier and passes nothing; then it does again."""
    assert leg.answer() == []
    leg.switch("ip link set here nomaster")
    assert leg.turns(TURNS_TO_SILENCE - 1) == []
    assert leg.turns(1) == [SILENT]
    assert leg.turns(9) == []
    leg.switch("ip link set here master br0")
    assert leg.answer() == [ALIVE]
    assert leg.answer() == []


def test_who_merely_talks_keeps_a_leg_alive(leg: Leg) -> None:
    """The neighbour is gone, and somebody else is heard at every other turn: that is no fault of this leg."""
    leg.answer()
    leg.switch("ip link set neighbour nomaster")
    for _time in range(20):
        assert leg.turns(2) == []
        leg.third_speaks()
    assert leg.turns(TURNS_TO_SILENCE) == [SILENT]


def test_a_frame_ends_the_silence_and_the_next_one_takes_longer(leg: Leg) -> None:
    """A host that talks seldom does not make the leg flap for ever; an answer makes it as quick as before."""
    leg.answer()
    leg.switch("ip link set neighbour nomaster")
    assert leg.turns(TURNS_TO_SILENCE) == [SILENT]
    for quiet in (4, 8, 16, 32, 64, 64):
        leg.third_speaks()
        assert leg.turns(1) == [ALIVE]
        assert leg.turns(quiet - 1) == []
        assert leg.turns(1) == [SILENT]
    leg.switch("ip link set neighbour master br0")
    assert leg.answer() == [ALIVE]
    leg.switch("ip link set neighbour nomaster")
    assert leg.turns(TURNS_TO_SILENCE) == [SILENT]


def test_where_nobody_ever_answered_silence_says_nothing(leg: Leg) -> None:
    """A gateway that starts alone, or whose neighbours answer no ARP, is not at fault."""
    leg.switch("ip link set here nomaster")
    assert leg.turns(20) == []


def test_without_a_carrier_there_is_nothing_to_judge(leg: Leg) -> None:
    """A lost carrier is told by others; silence is counted anew from its return."""
    leg.answer()
    leg.switch("ip link set neighbour nomaster", "ip link set here down")
    assert leg.turns(20) == []
    leg.switch("ip link set here up")
    assert leg.turns(TURNS_TO_SILENCE - 2) == []
    assert leg.turns(2) == [SILENT]


def test_a_device_that_is_replaced_is_no_frame(leg: Leg) -> None:
    """Its counter begins anew: neither that nor its absence is a sign of life."""
    leg.answer()
    leg.switch("ip link set neighbour nomaster")
    assert leg.turns(TURNS_TO_SILENCE) == [SILENT]
    leg.switch("ip link del here")
    assert leg.turns(TURNS_TO_SILENCE) == []
    leg.switch.connect("here", leg.here, "eth0")
    assert leg.turns(2 * TURNS_TO_SILENCE) == []
