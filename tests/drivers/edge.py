"""A gateway with two providers and hosts: `inside -- gw -- p1, p2 -- outside`, without a daemon: the drivers alone.

Outside is 198.51.100.1 and 2001:db8:ff::1 and routes everybody's networks by the provider that has them, the hosts'
own ones by the first. Between p2 and outside little fits: 1280 bytes.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.links import Role, Unreachable, ViaLink
from linkbalancer.routing.marks import OWN, Marks
from linkbalancer.routing.selector import Interval, Selector
from linkbalancer.routing.translation import Prefixes, Translation, Way
from tests.drivers.nftables.rules import classifier
from tests.namespaces import Namespace

OUTSIDE, OUTSIDE6 = "198.51.100.1", "2001:db8:ff::1"
HOST, HOST6, HOST6_OUTSIDE = "192.168.1.10", "fd00:1::10", "2001:db8:1::10"
FIRST, SECOND = "203.0.113.2", "192.0.2.2"
GATEWAYS = (IPv4Address("203.0.113.1"), IPv4Address("192.0.2.1"))
DEVICES = ("eth1", "eth2")
PREFIXES = Prefixes(IPv6Network("fd00:1::/48"), IPv6Network("2001:db8:1::/48"))
WEB, WEB_ID, REST_ID = 443, 2, 3
RULES = classifier(("web", Selector(destination_port=(Interval(WEB, WEB),), protocols=(6, 17))), ("rest", Selector()))
_PATIENCE_S = 3.0


def way(number: int, **settings: object) -> Way:
    """Return the way by one of the two providers."""
    plain = Way(device=DEVICES[number - 1], vids=(number,), gateway=GATEWAYS[number - 1], others=True)
    return replace(plain, **settings)  # type: ignore[arg-type]


MASQUERADE = Translation(masquerade=True)


def layout(*ways: Way) -> Layout:
    """Return what the gateway's table is made for."""
    return Layout(
        marks=Marks(), role=Role.STANDALONE, lan_devices=("eth0",), link_devices=DEVICES, vids=(1, 2), ways=ways
    )


class Edge:
    """All of it; the calling thread may enter any namespace."""

    def __init__(self, stack: ExitStack) -> None:
        """Build the network; nothing of ours is in the kernel yet."""
        names = ("inside", "gw", "p1", "p2", "outside")
        self.inside, self.gw, self.p1, self.p2, self.outside = (stack.enter_context(Namespace(one)) for one in names)
        self.inside.connect("eth0", self.gw, "eth0")
        self.inside(
            f"ip addr add {HOST}/24 dev eth0",
            f"ip addr add {HOST6}/64 dev eth0 nodad",
            "ip route add default via 192.168.1.1",
            "ip route add default via fd00:1::1",
        )
        self.gw(
            "ip addr add 192.168.1.1/24 dev eth0",
            "ip addr add fd00:1::1/64 dev eth0 nodad",
            "sysctl -qw net.ipv6.conf.all.forwarding=1",
        )
        self.outside(f"ip addr add {OUTSIDE}/32 dev lo", f"ip addr add {OUTSIDE6}/128 dev lo")
        nets = (("203.0.113", "2001:db8:a"), ("192.0.2", "2001:db8:b"))
        for number, (device, provider, (net, net6)) in enumerate(
            zip(DEVICES, (self.p1, self.p2), nets, strict=True), 1
        ):
            self.gw.connect(device, provider, "eth0")
            provider.connect("eth1", self.outside, f"eth{number}")
            self.gw(f"ip addr add {net}.2/24 dev {device}", f"ip addr add {net6}::2/64 dev {device} nodad")
            provider(
                "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0",
                f"ip addr add {net}.1/24 dev eth0",
                f"ip addr add {net6}::1/64 dev eth0 nodad",
                f"ip addr add 10.9.{number}.1/30 dev eth1",
                f"ip addr add fd00:9:{number}::1/64 dev eth1 nodad",
                f"ip route add 198.51.100.0/24 via 10.9.{number}.2",
                f"ip route add 2001:db8:ff::/48 via fd00:9:{number}::2",
                f"ip route add 2001:db8:{number}::/48 via {net6}::2",
                f"ip route add 192.168.1.0/24 via {net}.2",
            )
            self.outside(
                f"ip addr add 10.9.{number}.2/30 dev eth{number}",
                f"ip addr add fd00:9:{number}::2/64 dev eth{number} nodad",
                f"ip route add {net}.0/24 via 10.9.{number}.1",
                f"ip route add 2001:db8:{number}::/48 via fd00:9:{number}::1",
                f"ip route add {net6}::/64 via fd00:9:{number}::1",
            )
        self.outside("ip route add 192.168.1.0/24 via 10.9.1.1", "ip link set eth2 mtu 1280")
        self.p2("ip link set eth1 mtu 1280")
        self.gw("ip -6 route add default via 2001:db8:a::1 dev eth1")
        self.nodes = {"inside": self.inside, "gw": self.gw, "outside": self.outside}

    @contextmanager
    def steering(self, *ways: Way, web: int = 2, rest: int = 1, works: bool = True) -> Iterator[Kernel]:
        """Prepare the gateway for these ways, both VIDs at work; whatever was there before is gone before."""
        with self.gw.entered(), closing(NetlinkSocket(NETFILTER)) as netfilter:
            self.gw("nft flush ruleset")
            with closing(Kernel(layout(*ways), {})) as kernel:
                kernel.prepare()
                kernel.install(RULES, {"web": WEB_ID, "rest": REST_ID})
                MapWriter(Marks(), netfilter).steer({WEB_ID: web, REST_ID: rest})
                for number, device in enumerate(DEVICES, 1):
                    hop = ViaLink(device, ways[number - 1].gateway or GATEWAYS[number - 1])
                    kernel.apply(SetNextHop(number, hop if works else Unreachable()))
                    kernel.apply(SetNextHop(number, hop, guard=True))
                kernel.apply(SetNextHop(OWN, ViaLink(DEVICES[0], GATEWAYS[0])))
                yield kernel

    def socket(self, node: str, kind: int, *, family: int = socket.AF_INET) -> socket.socket:
        """Return a socket of a node's, that waits for a while at most."""
        with self.nodes[node].entered():
            opened = socket.socket(family, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.settimeout(_PATIENCE_S)
        return opened

    def seen(self, kind: int, port: int, *, sender: str = "inside", to: str = OUTSIDE, at: str = "outside") -> str:
        """Have a node speak to another one's address; return whom that one sees, once its answer has come back."""
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
        with self.socket(at, kind, family=family) as server, self.socket(sender, kind, family=family) as client:
            server.bind((anywhere if at == "inside" else to, port))
            if kind == socket.SOCK_STREAM:
                server.listen()
                client.connect((to, port))
                with closing(server.accept()[0]) as accepted:
                    accepted.settimeout(_PATIENCE_S)
                    client.sendall(b"question")
                    assert accepted.recv(100) == b"question"
                    accepted.sendall(b"answer")
                    peer: str = accepted.getpeername()[0]
                    assert client.recv(100) == b"answer"
            else:
                client.connect((to, port))
                client.send(b"question")
                question, (peer, *whole) = server.recvfrom(100)
                assert question == b"question"
                server.sendto(b"answer", (peer, *whole))
                assert client.recv(100) == b"answer"
        return peer


@contextmanager
def edge() -> Iterator[Edge]:
    """Yield it; everything is gone afterwards."""
    with ExitStack() as stack:
        built = Edge(stack)
        time.sleep(0.1)
        yield built
