"""Heralds over a wire."""

import errno
import socket
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address

import pytest

from linkbalancer.engine.events import HeraldReceived
from linkbalancer.host.heralds import PORT, HeraldSocket
from linkbalancer.links import Family
from tests.host.conftest import await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def _open(namespace: Namespace, family: Family = Family.IPV4) -> HeraldSocket:
    with namespace.entered():
        return HeraldSocket("eth0", family)


@pytest.fixture
def wire6(wire: tuple[Namespace, Namespace]) -> tuple[Namespace, Namespace]:
    """Return the wire with link-local addresses that can be sent from at once, and without IPv4."""
    for number, namespace in enumerate(wire, start=1):
        namespace("ip addr flush dev eth0 scope global", f"ip addr add fe80::{number}/64 dev eth0 nodad")
    return wire


def test_everybody_on_the_wire_hears_it_but_who_says_it(wire: tuple[Namespace, Namespace]) -> None:
    """With the address that it came from; also while an agent and its successor both listen."""
    with closing(_open(wire[0])) as left, closing(_open(wire[1])) as right, closing(_open(wire[1])) as successor:
        assert left.send(b"herald") == 0
        heard = [HeraldReceived("eth0", IPv4Address("192.0.2.1"), b"herald")]
        assert await_items(right, right.receive) == heard
        assert await_items(successor, successor.receive) == heard
        assert left.receive() == []


def test_who_is_further_away_is_a_stranger(wire: tuple[Namespace, Namespace]) -> None:
    """What has passed a router has lost of its 255."""
    with closing(_open(wire[1])) as right:
        with wire[0].entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with closing(sender):
            sender.sendto(b"far", ("192.0.2.2", PORT))
            for ttl in (254, 255):
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.1"))
                sender.sendto(str(ttl).encode(), ("224.0.0.18", PORT))
        assert [one.data for one in await_items(right, right.receive)] == [b"255"]
        assert right.strangers == 1


def test_a_lan_of_ipv6_alone_has_heralds(wire6: tuple[Namespace, Namespace]) -> None:
    """From an address of that link, which has no zone in what is told; its sender does not hear it."""
    with (
        closing(_open(wire6[0], Family.IPV6)) as left,
        closing(_open(wire6[1], Family.IPV6)) as right,
        closing(_open(wire6[1], Family.IPV6)) as successor,
    ):
        assert left.send(b"herald") == 0
        for one in (right, successor):
            (heard,) = await_items(one, one.receive)
            assert heard.data == b"herald"
            assert isinstance(heard.source, IPv6Address)
            assert heard.source.is_link_local
            assert heard.source.scope_id is None
        assert left.receive() == []


def test_who_is_further_away_is_a_stranger_to_ipv6(wire6: tuple[Namespace, Namespace]) -> None:
    """What has passed a router has lost of its 255; what is sent to the address alone is not heard."""
    with closing(_open(wire6[1], Family.IPV6)) as right:
        with wire6[0].entered():
            sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            index = socket.if_nametoindex("eth0")
        with closing(sender):
            sender.sendto(b"alone", ("fe80::2", PORT, 0, index))
            for hops in (254, 255):
                sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
                sender.sendto(str(hops).encode(), ("ff02::12", PORT, 0, index))
        assert [one.data for one in await_items(right, right.receive)] == [b"255"]
        assert right.strangers == 1


def test_without_an_address_it_waits(wire6: tuple[Namespace, Namespace]) -> None:
    """That is no complaint: it is said again in two seconds."""
    wire6[0]("ip addr flush dev eth0")
    with closing(_open(wire6[0], Family.IPV6)) as left:
        assert left.send(b"herald") == 0
        assert left.refused == 1


def test_a_refusal_is_counted(wire: tuple[Namespace, Namespace]) -> None:
    """A device that is down sends nothing; one that is not there has no socket."""
    with closing(_open(wire[0])) as left:
        wire[0]("ip link set eth0 down")
        assert left.send(b"x") in {errno.ENETDOWN, errno.ENETUNREACH, errno.ENODEV}
        assert left.refused == 1
    with wire[0].entered(), pytest.raises(OSError, match="no interface"):
        HeraldSocket("nowhere")
