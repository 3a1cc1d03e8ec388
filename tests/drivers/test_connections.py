"""One flow's entry in connection tracking, in a real kernel."""

import socket
from dataclasses import replace
from ipaddress import ip_address

import pytest

from linkbalancer.drivers import connections
from linkbalancer.routing.packet import Packet
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

RULES = """
table inet tracking {
    chain marking {
        type filter hook output priority mangle;
        ct mark set 0x00770002
    }
    chain leaving {
        type nat hook postrouting priority srcnat;
        udp dport 5003 snat ip to 10.1.0.9
    }
    chain sending {
        type nat hook output priority -100;
        udp dport 5004 dnat ip to 10.1.0.2:5005
    }
}
"""


def flow(port: int) -> Packet:
    """Return a packet of this host to a port of the link's far end."""
    return Packet(ip_address("10.1.0.1"), ip_address("10.1.0.2"), 17, 5000, port)


def test_entries(gateway: Gateway) -> None:
    """Found by either direction, with mark, answers, rest of life and what is translated; None where there is none."""
    gateway.here("nft -f -", given=RULES)
    assert connections.find(gateway.netfilter, flow(5002)) is None
    with gateway.far.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("10.1.0.2", 5002))
        far.settimeout(5)
        with gateway.here.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
            near.settimeout(5)
            near.bind(("10.1.0.1", 5000))
            for host, port in (("10.1.0.2", 5002), ("10.1.0.2", 5003), ("192.0.2.50", 5004)):
                near.sendto(b"x", (host, port))
            far.sendto(b"y", far.recvfrom(1)[1])
            assert near.recv(1) == b"y"

    found = connections.find(gateway.netfilter, flow(5002))
    assert found is not None
    assert (found.mark, found.reply, found.answered, found.translated) == (0x770002, False, True, "")
    assert found.expires_s is not None
    assert 0 < found.expires_s <= 180
    back = connections.find(gateway.netfilter, flow(5002).mirrored())
    assert back is not None
    assert (back.mark, back.reply) == (0x770002, True)

    hidden = connections.find(gateway.netfilter, flow(5003))
    assert hidden is not None
    assert (hidden.translated, hidden.answered) == ("source becomes 10.1.0.9", False)
    moved = connections.find(gateway.netfilter, replace(flow(5004), destination=ip_address("192.0.2.50")))
    assert moved is not None
    assert moved.translated == "destination becomes 10.1.0.2"
    assert connections.find(gateway.netfilter, replace(flow(5002), protocol=6)) is None


def test_ipv6(gateway: Gateway) -> None:
    """The same question in the other family."""
    packet = Packet(ip_address("2001:db8::1"), ip_address("2001:db8::2"), 6, 1, 2)
    assert connections.find(gateway.netfilter, packet) is None
