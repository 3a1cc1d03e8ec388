"""What passes a LAN device: of both families, to all or to this host, sent here too; nothing else."""

import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address

import pytest

from linkbalancer.engine.effects import SendAdvert
from linkbalancer.host.adverts import AdvertSocket
from linkbalancer.host.lanear import LanEar, Overheard
from linkbalancer.links import Address
from linkbalancer.vrrp.ip import MULTICAST, MULTICAST_IPV6, wrap
from tests.host.conftest import await_items
from tests.namespaces import Namespace
from tests.vrrp.adverts import headed

pytestmark = pytest.mark.lab

MESSAGE = bytes.fromhex("31016401 0064a79d c00002fb")
LEFT, RIGHT, RIGHT_6 = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), IPv6Address("fe80::2")


@pytest.fixture
def ear(wire: tuple[Namespace, Namespace]) -> Iterator[LanEar]:
    """Yield an ear at the left end."""
    with wire[0].entered(), closing(LanEar("eth0")) as ear:
        yield ear


def send(host: Namespace, source: Address, destination: Address) -> bytes:
    """Send an advert from a host; return the MAC of its device."""
    with host.entered(), closing(AdvertSocket("eth0")) as sender:
        assert sender.send(SendAdvert("eth0", source, MESSAGE, destination)) == 0
        return bytes.fromhex(host("cat /sys/class/net/eth0/address").strip().replace(":", ""))


@pytest.mark.parametrize(("source", "destination"), [(RIGHT, MULTICAST), (RIGHT_6, MULTICAST_IPV6), (RIGHT, LEFT)])
def test_what_others_send_is_heard(
    wire: tuple[Namespace, Namespace], ear: LanEar, source: Address, destination: Address
) -> None:
    """With the datagram as it was sent, and the frame's source."""
    mac = send(wire[1], source, destination)
    (heard,) = await_items(ear, ear.listen)
    assert (heard.mac, heard.here) == (mac, False)
    assert heard.packet[-len(MESSAGE) :] == MESSAGE
    if destination.is_multicast and source.version == 6:
        assert heard.packet == wrap(source, destination, MESSAGE)
    if destination == MULTICAST:
        assert headed(heard.packet[:6] + b"\0\0" + heard.packet[8:]) == wrap(source, destination, MESSAGE)


def test_what_this_host_sends_is_heard_too(wire: tuple[Namespace, Namespace], ear: LanEar) -> None:
    """And known as its own: a daemon that is Master here is part of the answer."""
    mac = send(wire[0], LEFT, MULTICAST)
    (heard,) = await_items(ear, ear.listen)
    assert (heard.mac, heard.here) == (mac, True)


def test_other_traffic_is_not_heard(wire: tuple[Namespace, Namespace], ear: LanEar) -> None:
    """Nor does it wake anybody: the advert that comes last is the first heard."""
    with wire[1].entered(), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.sendto(b"no advert", ("192.0.2.1", 112))
    send(wire[1], RIGHT, MULTICAST)
    heard: list[Overheard] = await_items(ear, ear.listen)
    assert [one.packet[9] for one in heard] == [112]


def test_a_device_that_goes_away_says_so(wire: tuple[Namespace, Namespace], ear: LanEar) -> None:
    """Silence would look like a LAN without VRRP."""
    wire[0]("ip link set eth0 down")
    with pytest.raises(OSError, match="Network is down"):
        await_items(ear, ear.listen)


def test_a_device_that_is_not_there(wire: tuple[Namespace, Namespace]) -> None:
    """Is an error at once, and leaves no socket behind."""
    with wire[0].entered(), pytest.raises(OSError, match="no interface"):
        LanEar("eth7")
