"""Accept mode: what a virtual IP refuses, and what it must not."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface

import pytest

from linkbalancer.drivers.addresses import Addresses
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.refusal import Refused, chains
from linkbalancer.links import Role
from linkbalancer.routing.marks import Marks
from tests.drivers.lan import lan, ping
from tests.namespaces import Namespace

VIP, VIP_IPV6, LOCAL = (
    IPv4Interface("192.0.2.251/24"),
    IPv6Interface("2001:db8::251/64"),
    IPv6Interface("fe80::251/64"),
)
LAYOUT = Layout(marks=Marks(), role=Role.CONTROLLER, lan_devices=("eth0",), link_devices=(), vids=(1,))
REFUSING = replace(LAYOUT, refused=tuple(Refused("eth0", one.ip) for one in (VIP, VIP_IPV6, LOCAL)))


def test_the_rules_name_addresses_and_the_device_of_local_ones() -> None:
    """Global ones are refused wherever they come in; neighbour discovery first."""
    added = [
        line.partition("refuse_input ")[2]
        for line in chains("t", REFUSING.refused)
        if "add rule inet t refuse_in" in line
    ]
    assert added[0].startswith("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert")
    assert added[1:] == [
        "ip daddr { 192.0.2.251 } drop",
        "ip6 daddr { 2001:db8::251 } drop",
        'iifname . ip6 daddr { "eth0" . fe80::251 } drop',
    ]
    assert [line for line in chains("t", []) if "rule" in line] == []


@dataclass(frozen=True)
class Site:
    """A gateway that holds the virtual IPs, in whose namespace the test runs, and a host of its LAN."""

    here: Namespace
    host: Namespace
    netfilter: NetlinkSocket

    def answers(self) -> list[bool]:
        """Return whether the virtual IPs answer a host, in their order."""
        return [ping(self.host, str(one.ip), 0.5) for one in (VIP, VIP_IPV6, LOCAL)]


@pytest.fixture
def site() -> Iterator[Site]:
    """Yield the site."""
    with lan() as net, Namespace("far") as far:
        here = net.join("here", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
        host = net.join("host", "192.0.2.100/24", "2001:db8::100/64", "fe80::100/64")
        here.connect("link0", far, "eth0")
        here("ip addr add 198.51.100.1/24 dev link0", "sysctl -qw net.ipv4.ip_forward=1")
        far("ip addr add 198.51.100.2/24 dev eth0", "ip route add default via 198.51.100.1")
        host("ip route add 198.51.100.0/24 via 192.0.2.251")
        with here.entered():
            route, netfilter = NetlinkSocket(ROUTE), NetlinkSocket(NETFILTER)
            Addresses(route).add("eth0", [VIP, VIP_IPV6, LOCAL])
            try:
                yield Site(here, host, netfilter)
            finally:
                route.close()
                netfilter.close()


@pytest.mark.lab
def test_a_master_without_accept_forwards_and_is_found_but_does_not_answer(site: Site) -> None:
    """No echo is answered, neighbours are; what goes on through the gateway arrives; its own address works."""
    load.prepare(LAYOUT, site.netfilter)
    assert site.answers() == [True, True, True]
    site.host("ip neigh flush all")
    load.prepare(REFUSING, site.netfilter)
    assert site.answers() == [False, False, False]
    neighbours = site.host("ip neigh")
    for one in (VIP, VIP_IPV6, LOCAL):
        assert f"{one.ip} dev eth0 lladdr" in neighbours
    assert ping(site.host, "198.51.100.2")
    assert [ping(site.host, one) for one in ("192.0.2.2", "2001:db8::2", "fe80::2")] == [True, True, True]


@pytest.mark.lab
def test_nothing_is_sent_from_there(site: Site) -> None:
    """A program that binds the virtual IP is refused; to the same address on another router it may speak."""
    load.prepare(REFUSING, site.netfilter)
    for family, address in ((socket.AF_INET, VIP), (socket.AF_INET6, VIP_IPV6)):
        with socket.socket(family, socket.SOCK_DGRAM) as program:
            program.bind((str(address.ip), 0))
            to = "192.0.2.100" if family == socket.AF_INET else "2001:db8::100"
            with pytest.raises(PermissionError):
                program.sendto(b"x", (to, 9))
    site.here("ip addr del 192.0.2.251/32 dev eth0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.sendto(b"x", (str(VIP.ip), 9))


@pytest.mark.lab
def test_a_local_address_is_refused_on_its_device_alone(site: Site) -> None:
    """The same one on another device is somebody else's business."""
    load.prepare(replace(LAYOUT, refused=(Refused("elsewhere0", LOCAL.ip),)), site.netfilter)
    assert site.answers() == [True, True, True]


@pytest.mark.lab
def test_a_layout_that_accepts_takes_the_chains_away(site: Site) -> None:
    """Nothing of them is left."""
    load.prepare(REFUSING, site.netfilter)
    assert "refuse_input" in site.here("nft list table inet linkbalancer")
    load.prepare(LAYOUT, site.netfilter)
    assert "refuse" not in site.here("nft list table inet linkbalancer")
    assert site.answers() == [True, True, True]
