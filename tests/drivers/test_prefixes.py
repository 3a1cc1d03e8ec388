"""Two providers' prefixes, each by its own VID, and gateways that have but a link-local address."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.tables import PointIpv6
from linkbalancer.links import ViaLink
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.translation import Prefixes, Translation
from linkbalancer.routing.twins import Twin
from tests.drivers.edge import (
    DEVICES,
    FIRST,
    GATEWAYS,
    HOST6_OUTSIDE,
    MASQUERADE,
    OUTSIDE6,
    PREFIXES,
    REST_ID,
    RULES,
    WEB,
    WEB_ID,
    Edge,
    edge,
    layout,
    way,
)

pytestmark = pytest.mark.lab

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
KINDS = pytest.mark.parametrize("kind", [UDP, TCP], ids=["udp", "tcp"])
OTHER_PORT = 5000
SECOND_PREFIXES = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:2::/48"))
OUTSIDE_BY_SECOND = "2001:db8:2::10"
ROUTERS = (IPv6Address("2001:db8:a::1"), IPv6Address("fe80::1"))
"""The first provider's by its global address, the second's by a link-local one."""


@pytest.fixture(scope="module")
def site() -> Iterator[Edge]:
    """Yield a gateway with two providers."""
    with edge() as built:
        built.p1("ip addr add 169.254.1.1/32 dev eth0")
        built.p2("ip addr add fe80::1/64 dev eth0 nodad")
        yield built


@contextmanager
def steering(site: Edge) -> Iterator[Kernel]:
    """Prepare the gateway: web by the second provider, all else by the first."""
    ways = way(1, translation=Translation(nptv6=PREFIXES)), way(2, translation=Translation(nptv6=SECOND_PREFIXES))
    twins = tuple(map(Twin, DEVICES, GATEWAYS, ROUTERS))
    with site.gw.entered(), closing(NetlinkSocket(NETFILTER)) as netfilter:
        site.gw("nft flush ruleset")
        with closing(Kernel(replace(layout(*ways), twins=twins), {})) as kernel:
            kernel.prepare()
            kernel.install(RULES, {"web": WEB_ID, "rest": REST_ID})
            MapWriter(Marks(), netfilter).steer({WEB_ID: 2, REST_ID: 1})
            for vid, (device, router) in enumerate(zip(DEVICES, ROUTERS, strict=True), 1):
                for guard in (False, True):
                    kernel.apply(PointIpv6(vid, ViaLink(device, router), guard))
            yield kernel


@KINDS
def test_each_vid_leaves_with_its_providers_prefix(site: Edge, kind: int) -> None:
    """And moves to the other one's with its next hop."""
    with steering(site) as kernel:
        assert site.seen(kind, WEB, to=OUTSIDE6) == OUTSIDE_BY_SECOND
        assert site.seen(kind, OTHER_PORT, to=OUTSIDE6) == HOST6_OUTSIDE
        kernel.apply(PointIpv6(2, ViaLink(DEVICES[0], ROUTERS[0])))
        assert site.seen(kind, WEB, to=OUTSIDE6) == HOST6_OUTSIDE


@KINDS
def test_who_asks_by_a_prefix_is_answered_by_it(site: Edge, kind: int) -> None:
    """Whatever way the application has now: the client knows no other address."""
    with steering(site):
        assert site.seen(kind, OTHER_PORT, sender="outside", to=OUTSIDE_BY_SECOND, at="inside").startswith("fd00:9:2:")
        assert site.seen(kind, WEB, sender="outside", to=HOST6_OUTSIDE, at="inside").startswith("fd00:9:1:")


@KINDS
def test_a_gateway_of_ipv4_may_be_link_local_too(site: Edge, kind: int) -> None:
    """It is asked by ARP on the device that is named, though no address of that device is of its network."""
    link_local = way(1, gateway=IPv4Address("169.254.1.1"), translation=MASQUERADE)
    with site.steering(link_local, way(2, translation=MASQUERADE)):
        assert "via 169.254.1.1 dev eth1" in site.gw("ip route show table 20001")
        assert site.seen(kind, OTHER_PORT) == FIRST
