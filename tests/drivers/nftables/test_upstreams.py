"""Gateways behind one device, told apart by their MAC on real packets."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.upstreams import Upstreams
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.links import ViaLink
from linkbalancer.routing.marks import OWN, Marks
from tests.drivers.edge import MASQUERADE, RULES, layout, way
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

HERE = "203.0.113.2"
GATEWAYS = (IPv4Address("203.0.113.1"), IPv4Address("203.0.113.3"))
OUTSIDE = "198.51.100.1"
WAYS = tuple(
    replace(way(number, translation=MASQUERADE), device="eth1", gateway=gateway, shared=True)
    for number, gateway in enumerate(GATEWAYS, 1)
)


@dataclass(frozen=True)
class Segment:
    """A gateway, two routers beside each other on its `eth1`, and whoever is beyond both."""

    gw: Namespace
    routers: tuple[Namespace, Namespace]
    outside: Namespace
    upstreams: Upstreams
    route: NetlinkSocket

    def learn(self) -> None:
        """Follow until both are known."""
        deadline = time.monotonic() + 5
        while len(self.upstreams.read()) < 2 and time.monotonic() < deadline:
            self.upstreams.follow(self.route)
            time.sleep(0.02)

    def answered_by(self, router: int) -> bool:
        """Ask the gateway by way of a router; return whether its answer comes back, and by that one alone."""
        self.outside(f"ip route replace 203.0.113.0/24 via 10.9.{router + 1}.1")
        before = [passed(one) for one in self.routers]
        with self.outside.entered():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with self.gw.entered():
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client, server:
            for one in (client, server):
                one.settimeout(3)
            client.bind((OUTSIDE, 0))
            server.bind((HERE, 0))
            client.sendto(b"question", server.getsockname())
            server.sendto(b"answer", server.recvfrom(100)[1])
            came = client.recv(100) == b"answer"
        after = [passed(one) for one in self.routers]
        return came and after[router] > before[router] and after[1 - router] == before[1 - router]


def passed(router: Namespace) -> int:
    """Return how many packets a router has sent on to the outside."""
    shown = router("nft list table ip seen")
    return int(shown.partition("packets ")[2].split()[0])


@pytest.fixture
def segment() -> Iterator[Segment]:
    """Yield it, with everything loaded and nobody known."""
    with ExitStack() as stack:
        gw, switch, first, second, outside = (
            stack.enter_context(Namespace(one)) for one in ("gw", "switch", "first", "second", "outside")
        )
        switch("ip link add br0 type bridge", "ip link set br0 up")
        for number, (one, device) in enumerate(((gw, "eth1"), (first, "eth0"), (second, "eth0"))):
            switch.connect(f"p{number}", one, device)
            switch(f"ip link set p{number} master br0")
        gw(f"ip addr add {HERE}/24 dev eth1", "sysctl -qw net.ipv4.conf.all.rp_filter=0")
        outside(f"ip addr add {OUTSIDE}/32 dev lo")
        for number, (router, address) in enumerate(zip((first, second), GATEWAYS, strict=True), 1):
            router.connect("eth1", outside, f"eth{number}")
            outside(f"ip addr add 10.9.{number}.2/30 dev eth{number}")
            router(
                f"ip addr add {address}/24 dev eth0",
                f"ip addr add 10.9.{number}.1/30 dev eth1",
                f"ip route add {OUTSIDE}/32 via 10.9.{number}.2",
                "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0",
            )
            router(
                "nft -f -",
                given="table ip seen {\n chain out {\n  type filter hook postrouting priority 0\n"
                '  oifname "eth1" ip protocol udp counter\n }\n}\n',
            )
        stack.enter_context(gw.entered())
        netfilter, route = NetlinkSocket(NETFILTER), NetlinkSocket(ROUTE)
        with closing(netfilter), closing(route), closing(Kernel(layout(*WAYS), {})) as kernel:
            kernel.prepare()
            kernel.install(RULES, {"web": 2, "rest": 3})
            MapWriter(Marks(), netfilter).steer({2: 2, 3: 1})
            for number, gateway in enumerate(GATEWAYS, 1):
                kernel.apply(SetNextHop(number, ViaLink("eth1", gateway)))
                kernel.apply(SetNextHop(number, ViaLink("eth1", gateway), guard=True))
            kernel.apply(SetNextHop(OWN, ViaLink("eth1", GATEWAYS[0])))
            yield Segment(gw, (first, second), outside, Upstreams(netfilter, WAYS), route)


def test_each_gateway_gets_the_answers_to_what_it_brought(segment: Segment) -> None:
    """All applications go by the first; what the second brings is answered by the second, once its MAC is known."""
    assert segment.answered_by(0)
    assert not segment.answered_by(1), "nobody knows it yet: steered as everything else"
    segment.learn()
    assert sorted(segment.upstreams.read().values()) == [1, 2]
    assert segment.answered_by(0)
    assert segment.answered_by(1)


def test_a_gateway_with_another_mac_is_followed(segment: Segment) -> None:
    """A router was replaced; what its predecessor's MAC was told is forgotten. Nothing new changes nothing."""
    segment.learn()
    assert not segment.upstreams.follow(segment.route)
    segment.routers[1]("ip link set eth0 address 02:00:00:00:00:77")
    segment.gw("ip neigh flush dev eth1")
    deadline = time.monotonic() + 5
    while ("eth1", b"\x02\0\0\0\0\x77") not in segment.upstreams.read() and time.monotonic() < deadline:
        segment.upstreams.follow(segment.route)
        time.sleep(0.02)
    assert segment.upstreams.read() == {
        key: vid for key, vid in segment.upstreams.read().items() if vid == 1 or key[1] == b"\x02\0\0\0\0\x77"
    }
    assert segment.answered_by(1)


def test_a_silent_gateway_stays_as_it_was_known(segment: Segment) -> None:
    """Its answers go where they went; a device that is gone changes nothing either."""
    segment.learn()
    before = segment.upstreams.read()
    segment.routers[1]("ip link set eth0 down")
    segment.gw("ip neigh flush dev eth1")
    segment.upstreams.follow(segment.route)
    assert segment.upstreams.read() == before
    segment.gw("ip link del eth1")
    assert not segment.upstreams.follow(segment.route)
    assert segment.upstreams.read() == before
