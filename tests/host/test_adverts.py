"""Adverts between two ends of a wire."""

import errno
import socket
from contextlib import closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.effects import SendAdvert
from linkbalancer.host.adverts import AdvertSocket
from tests.host.conftest import await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

LEFT, RIGHT = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")


def _open(namespace: Namespace) -> AdvertSocket:
    with namespace.entered():
        return AdvertSocket("eth0")


def test_an_advert_arrives_as_the_rfc_wants_it(wire: tuple[Namespace, Namespace]) -> None:
    """RFC 9568 5.1: from the given source to 224.0.0.18, TTL 255, protocol 112; and the frame's MAC comes with it."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        assert sender.send(SendAdvert("eth0", LEFT, b"message")) == 0
        (heard,) = await_items(receiver, receiver.receive)
        mac = left("cat /sys/class/net/eth0/address").strip()
        assert (heard.device, heard.source_mac.hex(":")) == ("eth0", mac)
        assert (heard.packet[1], heard.packet[8], heard.packet[9]) == (0xC0, 255, 112)
        assert heard.packet[12:20] == LEFT.packed + IPv4Address("224.0.0.18").packed
        assert heard.packet[20:] == b"message"
        assert sender.receive() == []


def test_the_source_may_change_between_adverts(wire: tuple[Namespace, Namespace]) -> None:
    """Another primary address is used at once, by the same socket."""
    left, right = wire
    left("ip addr add 192.0.2.7/24 dev eth0")
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        for source in ("192.0.2.7", "192.0.2.1"):
            sender.send(SendAdvert("eth0", IPv4Address(source), b"x"))
        heard = await_items(receiver, receiver.receive, 2)
    assert [str(IPv4Address(one.packet[12:16])) for one in heard] == ["192.0.2.7", "192.0.2.1"]


def test_other_protocols_and_other_devices_are_not_heard(wire: tuple[Namespace, Namespace]) -> None:
    """Only protocol 112, only from this device, and never what we sent ourselves."""
    left, right = wire
    left.connect("eth1", right, "eth1")
    left("ip addr add 198.51.100.1/24 dev eth1")
    with left.entered():
        other = AdvertSocket("eth1")
        noise = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(_open(left)) as sender, closing(_open(right)) as receiver, closing(other), noise:
        noise.sendto(b"noise", ("192.0.2.2", 9))
        other.send(SendAdvert("eth1", IPv4Address("198.51.100.1"), b"elsewhere"))
        receiver.send(SendAdvert("eth0", RIGHT, b"own"))
        sender.send(SendAdvert("eth0", LEFT, b"meant"))
        heard = await_items(receiver, receiver.receive)
    assert [one.packet[20:] for one in heard] == [b"meant"]


def test_a_call_drains_a_limited_number(wire: tuple[Namespace, Namespace]) -> None:
    """A flooding neighbour cannot hold the loop: the rest waits for the next call."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        for _number in range(150):
            sender.send(SendAdvert("eth0", LEFT, b"x"))
        first = await_items(receiver, receiver.receive, 128)
        assert len(first) == 128
        assert len(await_items(receiver, receiver.receive, 22)) == 22


def test_refusals_are_values_and_a_down_device_is_survived(wire: tuple[Namespace, Namespace]) -> None:
    """A source that is not ours, a device that is down: error numbers; afterwards everything works again."""
    left, right = wire
    with closing(_open(left)) as sender, closing(_open(right)) as receiver:
        refusal = sender.send(SendAdvert("eth0", IPv4Address("203.0.113.9"), b"x"))
        assert refusal in {errno.EINVAL, errno.ENETUNREACH}  # the one of older kernels, the other of newer ones
        left("ip link set eth0 down")
        assert sender.send(SendAdvert("eth0", LEFT, b"x")) == errno.ENETUNREACH
        assert sender.receive() == []
        left("ip link set eth0 up")
        assert sender.send(SendAdvert("eth0", LEFT, b"back")) == 0
        assert [one.packet[20:] for one in await_items(receiver, receiver.receive)] == [b"back"]
        receiver.send(SendAdvert("eth0", RIGHT, b"and forth"))
        assert [one.packet[20:] for one in await_items(sender, sender.receive)] == [b"and forth"]


def test_a_device_that_is_missing_is_an_error(wire: tuple[Namespace, Namespace]) -> None:
    """The socket cannot be made for it."""
    with wire[0].entered(), pytest.raises(OSError, match=r".") as refusal:
        AdvertSocket("gone0")
    assert refusal.value.errno in {errno.ENODEV, errno.ENXIO, None}
