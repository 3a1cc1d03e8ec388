"""LVrrp's datagrams over a wire."""

import errno
import os
import socket
from contextlib import closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.events import DatagramReceived
from linkbalancer.host.datagrams import DatagramSocket
from linkbalancer.links import Role
from linkbalancer.lvrrp.settings import LinkSettings
from tests.host.conftest import Overtakes, await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

LEFT = LinkSettings(
    name="l1",
    node="b1",
    role=Role.CONTROLLER,
    device="eth0",
    local=IPv4Address("192.0.2.1"),
    peer=IPv4Address("192.0.2.2"),
)
RIGHT = LinkSettings(name="l1", node="f1", role=Role.CONTROLLED, device="eth0", local=LEFT.peer, peer=LEFT.local)


def _open(namespace: Namespace, settings: LinkSettings) -> DatagramSocket:
    with namespace.entered():
        return DatagramSocket(settings)


def test_datagrams_go_both_ways(wire: tuple[Namespace, Namespace]) -> None:
    """What one end sends the other end gets, named by its link."""
    with closing(_open(wire[0], LEFT)) as left, closing(_open(wire[1], RIGHT)) as right:
        assert left.send(b"query") == 0
        assert await_items(right, right.receive) == [DatagramReceived("l1", b"query")]
        assert right.send(b"state") == 0
        assert await_items(left, left.receive) == [DatagramReceived("l1", b"state")]


def test_on_the_wire_it_is_marked_as_network_control(wire: tuple[Namespace, Namespace]) -> None:
    """TTL 255 and class selector 6, so that links treat it as what it is."""
    with wire[1].entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        tap.settimeout(10)
    with tap, closing(_open(wire[0], LEFT)) as left:
        left.send(b"query")
        packet = tap.recv(100)
    assert (packet[1], packet[8], packet[9]) == (0xC0, 255, 17)


def test_strangers_are_counted_and_dropped(wire: tuple[Namespace, Namespace]) -> None:
    """Only the peer's address may speak."""
    wire[1]("ip addr add 192.0.2.66/24 dev eth0")
    with wire[1].entered():
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.bind(("192.0.2.66", 20112))
    with stranger, closing(_open(wire[0], LEFT)) as left, closing(_open(wire[1], RIGHT)) as right:
        stranger.sendto(b"psst", ("192.0.2.1", 20112))
        right.send(b"state")
        assert await_items(left, left.receive) == [DatagramReceived("l1", b"state")]
        assert left.strangers == 1


def test_a_call_drains_a_limited_number(wire: tuple[Namespace, Namespace]) -> None:
    """At most 64 a call; the rest waits."""
    with closing(_open(wire[0], LEFT)) as left, closing(_open(wire[1], RIGHT)) as right:
        for number in range(100):
            left.send(bytes([number]))
        assert len(await_items(right, right.receive, 64)) == 64
        assert len(await_items(right, right.receive, 36)) == 36


def test_the_address_may_come_late_and_refusals_are_values(wire: tuple[Namespace, Namespace]) -> None:
    """The socket opens before its address is there; what cannot be sent is counted, and later it can."""
    wire[0]("ip addr del 192.0.2.1/24 dev eth0")
    with closing(_open(wire[0], LEFT)) as left, closing(_open(wire[1], RIGHT)) as right:
        assert left.send(b"early") != 0
        assert left.refused == 1
        wire[0]("ip addr add 192.0.2.1/24 dev eth0")
        assert left.send(b"late") == 0
        assert await_items(right, right.receive) == [DatagramReceived("l1", b"late")]


def test_nobody_home_is_no_error(wire: tuple[Namespace, Namespace]) -> None:
    """A peer whose port is closed answers with ICMP, which is no matter of ours."""
    with closing(_open(wire[0], LEFT)) as left:
        assert [left.send(b"query") for _number in range(3)] == [0, 0, 0]
        assert left.receive() == []


def test_a_port_that_is_taken_is_an_error(wire: tuple[Namespace, Namespace]) -> None:
    """Two sockets cannot serve one link."""
    with closing(_open(wire[0], LEFT)), pytest.raises(OSError, match=r"in use") as refusal:
        _open(wire[0], LEFT)
    assert refusal.value.errno == errno.EADDRINUSE


def test_on_a_full_link_it_does_not_wait(wire: tuple[Namespace, Namespace], crowded: Overtakes) -> None:
    """What fills a link, and waits in its device's queue, is overtaken; a successor's datagrams overtake it too."""
    with closing(_open(wire[0], LEFT)) as left:
        assert crowded(lambda: left.send(b"query of mine"), b"query of mine")
        inherited = socket.socket(fileno=os.dup(left.fileno()))
    inherited.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 0)
    with closing(DatagramSocket(LEFT, inherited)) as heir:
        assert crowded(lambda: heir.send(b"query of my heir"), b"query of my heir")
