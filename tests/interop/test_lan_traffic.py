"""What the LANs see of the example's gateways: their own traffic is steered too, and nobody is ever redirected."""

import errno
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.lab.faults import NO_DAMAGE
from linkbalancer.lab.lab import Lab, opened
from linkbalancer.lab.settle import await_settled
from tests.daemon.waiting import until
from tests.interop.site import PATIENCE_S, Node
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[2] / "conf/examples/two-links"
FAR_HOST = "192.168.2.100"
WEB = 443
"""The port of the example's application `web`, which prefers VID 2: link 2, while everybody's gateway is VID 1's."""

_ETH_P_ALL = 0x0003
"""Sockets for every protocol see a frame before a bridge takes it, sockets for one protocol do not."""

_ETH_P_IP = 0x0800
_ICMP, _TCP = 1, 6
_REDIRECT = 5
_ECHO_REQUEST, _ECHO_REPLY = 8, 0


@dataclass(frozen=True, slots=True)
class Packet:
    """What passed: `first` is the word at the head of the payload (TCP: the ports; ICMP: type, code, checksum)."""

    source: str
    destination: str
    protocol: int
    first: tuple[int, int]


class Tap:
    """Every IPv4 packet that passes through a namespace, from now on."""

    def __init__(self, namespace: Namespace) -> None:
        self._packets: list[Packet] = []
        with namespace.entered():
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))

    def close(self) -> None:
        """Watch no more."""
        self._socket.close()

    def packets(self, protocol: int) -> list[Packet]:
        """Return all packets of a protocol that have passed."""
        while True:
            try:
                data, (_device, protocol_above, *_rest) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return [packet for packet in self._packets if packet.protocol == protocol]
            if protocol_above != _ETH_P_IP:
                continue
            source, destination = (str(IPv4Address(data[at : at + 4])) for at in (12, 16))
            self._packets.append(Packet(source, destination, data[9], struct.unpack_from("!HH", data, 20)))

    def icmp_types(self) -> set[int]:
        """Return the types of ICMP message that have passed."""
        return {packet.first[0] >> 8 for packet in self.packets(_ICMP)}


@dataclass(frozen=True, slots=True)
class Watched:
    """The example, settled, with a tap in every LAN and link."""

    lab: Lab
    taps: dict[str, Tap]

    def tcp_crossings(self, source: str, port: int) -> dict[str, set[str]]:
        """Return, by link, who sent packets of the connection from this port to the far host's web port, or back."""
        out, back = Packet(source, FAR_HOST, _TCP, (port, WEB)), Packet(FAR_HOST, source, _TCP, (WEB, port))
        return {name: {p.source for p in self.taps[name].packets(_TCP) if p in (out, back)} for name in ("l1", "l2")}


@pytest.fixture(scope="module")
def example() -> Iterator[Watched]:
    """Yield the example once all four gateways agree."""
    with opened(EXAMPLE) as lab:
        lab.start()
        settling = await_settled(lab, NO_DAMAGE, time.monotonic_ns(), PATIENCE_S * SECOND)
        assert settling.problem is None
        taps = {}
        for segment in lab.topology.segments:
            node = "link" if segment.is_link else "lan"
            taps[segment.name] = Tap(Node(lab, f"{node}-{segment.name}"))
        yield Watched(lab, taps)
        for tap in taps.values():
            tap.close()


def _knock(namespace: Namespace) -> int:
    """Connect to the far host's web port, and hear from it that it is closed; return the port that asked."""
    with namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as knocker:
        knocker.bind(("", 0))
        port = int(knocker.getsockname()[1])
        knocker.settimeout(PATIENCE_S)
        assert knocker.connect_ex((FAR_HOST, WEB)) == errno.ECONNREFUSED
        return port


def test_redirects_are_never_sent(example: Watched) -> None:
    """A host whose packets leave by another gateway than its own is served, and never told of the other one."""
    port = _knock(Node(example.lab, "near-host"))
    host = "192.168.1.100"
    until(lambda: example.tcp_crossings(host, port)["l2"] == {host, FAR_HOST}, PATIENCE_S, "crosses link 2 both ways")
    assert example.tcp_crossings(host, port)["l1"] == set()
    assert {name for name, tap in example.taps.items() if _REDIRECT in tap.icmp_types()} == set()


def test_own_connections_are_steered(example: Watched) -> None:
    """A connection of the gateway's own belongs to an application too: it takes the other gateway's link, both ways."""
    port = _knock(Node(example.lab, "b1"))
    own = "192.168.1.1"
    until(lambda: example.tcp_crossings(own, port)["l2"] == {own, FAR_HOST}, PATIENCE_S, "crosses link 2 both ways")
    assert example.tcp_crossings(own, port)["l1"] == set()


def test_own_echo_is_answered(example: Watched) -> None:
    """A gateway's own ping, which no rule but the last one means, crosses its own link with its LAN address."""
    message = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0xFFFF - (_ECHO_REQUEST << 8) - 7 - 1, 7, 1)
    with Node(example.lab, "b1").entered():
        pinger = socket.socket(socket.AF_INET, socket.SOCK_RAW, _ICMP)
    with pinger:
        pinger.settimeout(PATIENCE_S)
        pinger.sendto(message, (FAR_HOST, 0))
        answer, (source, _port) = pinger.recvfrom(2048)
    assert (source, answer[20]) == (FAR_HOST, _ECHO_REPLY)
    echoes = {(packet.source, packet.first[0] >> 8) for packet in example.taps["l1"].packets(_ICMP)}
    assert {("192.168.1.1", _ECHO_REQUEST), (FAR_HOST, _ECHO_REPLY)} <= echoes
    assert not example.taps["l2"].icmp_types() & {_ECHO_REQUEST, _ECHO_REPLY}
