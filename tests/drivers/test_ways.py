"""The ways that packets take through whole gateways: over the link once, and a gateway's own packets."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.layout import Layout, Peer
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.host.datagrams import DatagramSocket
from linkbalancer.links import Role, Unreachable, ViaLink
from linkbalancer.lvrrp.settings import LinkSettings
from linkbalancer.routing.marks import OWN, Marks
from linkbalancer.routing.selector import Selector
from tests.drivers.nftables.rules import classifier
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

WORLD = IPv4Address("203.0.113.1")
APPLICATION = 2
_IP_RECVERR = 11

_COUNTER = f"""
table inet counting {{
    chain prerouting {{
        type filter hook prerouting priority -300; policy accept;
        iifname link0 ip daddr {WORLD} counter
    }}
}}
"""


@pytest.fixture
def way() -> Iterator[dict[str, Namespace]]:
    """Yield host - near - far - world: each knows the next one by its main table's default, near has none."""
    with ExitStack() as stack:
        here = {name: stack.enter_context(Namespace(name)) for name in ("host", "near", "far", "world")}
        here["host"].connect("eth0", here["near"], "lan0")
        here["near"].connect("link0", here["far"], "link0")
        here["far"].connect("up0", here["world"], "eth0")
        here["host"]("ip addr add 192.0.2.100/24 dev eth0", "ip route add default via 192.0.2.2")
        here["near"]("ip addr add 192.0.2.2/24 dev lan0", "ip addr add 10.1.0.1/30 dev link0")
        here["far"](
            "ip addr add 10.1.0.2/30 dev link0",
            "ip addr add 198.51.100.2/24 dev up0",
            "ip route add default via 198.51.100.1",
            "sysctl -qw net.ipv4.ip_forward=1",
        )
        here["world"](
            "ip addr add 198.51.100.1/24 dev eth0",
            f"ip addr add {WORLD}/32 dev lo",
            "ip route add default via 198.51.100.2",
        )
        yield here


def _gateway(role: Role, *peers: Peer) -> Kernel:
    """Prepare the namespace that the caller is in: everything is one application, on VID 1, which has no way yet."""
    layout = Layout(
        marks=Marks(), role=role, lan_devices=("lan0",), link_devices=("link0",), vids=(1, 2), peers=tuple(peers)
    )
    kernel = Kernel(layout, {})
    kernel.prepare()
    kernel.install(classifier(("everything", Selector())), {"everything": APPLICATION})
    with closing(MapWriter(Marks())) as writer:
        writer.steer({APPLICATION: 1})
    return kernel


def _sink(port: int, address: IPv4Address) -> socket.socket:
    """Return a socket that receives datagrams in the namespace that the caller is in."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.settimeout(10)
    sink.bind((str(address), port))
    return sink


def test_a_packet_crosses_its_link_once(way: dict[str, Namespace]) -> None:
    """A destination that only the far gateway's main default knows is reached by it, not by the link again."""
    with ExitStack() as stack:
        for name, role, peer in (("near", Role.CONTROLLER, "10.1.0.2"), ("far", Role.CONTROLLED, "10.1.0.1")):
            with way[name].entered():
                kernel = stack.enter_context(closing(_gateway(role)))
                for guard in (False, True):
                    kernel.apply(SetNextHop(1, ViaLink("link0", IPv4Address(peer)), guard))
                way[name]("nft -f -", given=_COUNTER)
        with way["world"].entered():
            sink = stack.enter_context(_sink(9, WORLD))
        with way["host"].entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"once", (str(WORLD), 9))
        assert sink.recvfrom(16)[0] == b"once"
    assert (_counted(way["near"]), _counted(way["far"])) == (0, 1)


def test_a_packet_that_crossed_its_link_for_nothing_is_refused(way: dict[str, Namespace]) -> None:
    """A destination that the far gateway's main table does not know is unreachable there, and stays there."""
    way["far"]("ip route del default")
    with ExitStack() as stack:
        for name, role, peer in (("near", Role.CONTROLLER, "10.1.0.2"), ("far", Role.CONTROLLED, "10.1.0.1")):
            with way[name].entered():
                kernel = stack.enter_context(closing(_gateway(role)))
                kernel.apply(SetNextHop(1, ViaLink("link0", IPv4Address(peer))))
                way[name]("nft -f -", given=_COUNTER)
        way["far"]("ip route add 192.0.2.0/24 via 10.1.0.1")
        with way["host"].entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(10)
            sender.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sender.connect((str(WORLD), 9))
            sender.send(b"lost")
            with pytest.raises(OSError, match="Network is unreachable"):
                sender.recv(16)
    assert (_counted(way["near"]), _counted(way["far"])) == (0, 1)


def test_the_datagrams_that_open_a_link_wait_for_no_vid(way: dict[str, Namespace]) -> None:
    """A peer behind somebody else's router is asked though every VID is unreachable; other traffic is not let out."""
    near, far = way["near"], way["far"]
    near("ip route add default via 10.1.0.2 dev link0")
    peer = Peer(IPv4Address("198.51.100.1"), 20112)
    settings = LinkSettings(
        name="l1", node="b1", role=Role.CONTROLLER, device="link0", local=IPv4Address("10.1.0.1"), peer=peer.address
    )
    far("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.link0.rp_filter=0")
    with way["world"].entered():
        sink, other = _sink(peer.port, peer.address), _sink(9, peer.address)
    with (
        sink,
        other,
        near.entered(),
        closing(_gateway(Role.CONTROLLER, peer)),
        closing(DatagramSocket(settings)) as link,
    ):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
            pytest.raises(OSError, match="No route to host"),
        ):
            sender.sendto(b"other", (str(peer.address), 9))
        assert link.send(b"hello") == 0
        assert sink.recvfrom(16) == (b"hello", ("10.1.0.1", peer.port))


def test_own_traffic_has_a_table_of_its_own(way: dict[str, Namespace]) -> None:
    """Where main knows no way, the kernel finds one in that table, and the application's VID is taken all the same."""
    way["far"]("ip route add 192.0.2.0/24 via 10.1.0.1")
    with way["world"].entered():
        sink = _sink(9, WORLD)
    by_link = ViaLink("link0", IPv4Address("10.1.0.2"), IPv4Address("192.0.2.2"))
    with sink, way["near"].entered(), closing(_gateway(Role.CONTROLLER)) as kernel:
        # VID 1, where the application is, has no way; VID 2 has one.
        kernel.apply(SetNextHop(2, by_link))
        kernel.apply(SetNextHop(OWN, by_link))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((str(WORLD), 9))
            port = sender.getsockname()[1]
            with pytest.raises(OSError, match="No route to host"):
                sender.send(b"no way")
            with closing(MapWriter(Marks())) as writer:
                writer.steer({APPLICATION: 2})
            sender.send(b"a way")
        assert sink.recvfrom(16) == (b"a way", ("192.0.2.2", port))
        kernel.apply(SetNextHop(OWN, Unreachable()))
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
            pytest.raises(OSError, match="No route to host"),
        ):
            sender.connect((str(WORLD), 9))


def _counted(namespace: Namespace) -> int:
    """Return how many packets to the world have come in by the link."""
    listed = json.loads(namespace("nft -j list chain inet counting prerouting"))["nftables"]
    return sum(
        expression["counter"]["packets"]
        for entry in listed
        for expression in entry.get("rule", {}).get("expr", [])
        if "counter" in expression
    )
