"""What a loaded classifier does to packets, in a real kernel."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.elements import MapWriter, MemberWriter
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import Role
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.drivers.conftest import Gateway
from tests.drivers.frames import TCP_ACK, TCP_SYN, frame, mac_of, open_packet_socket
from tests.drivers.nftables.filters import rules
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE, classifier
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

ME, STRANGER = b"\x02\x00\x00\x00\x00\x64", b"\x02\x00\x00\x00\x00\x65"
VIDS = {"web": 1, "voice": 2, "bulk": 1, "rest": 2}

_REMEMBERED = Marks().flow_mask | Marks().generation_mask
"""What else of a connection's mark is ours: `test_ways` is about it."""

_WITNESS = """
table inet witness {
    set seen4 { typeof meta mark . ip id . ct mark; flags dynamic; }
    set seen6 { typeof meta mark . ip6 daddr; flags dynamic; }
    chain prerouting {
        type filter hook prerouting priority -140; policy accept;
        add @seen4 { meta mark . ip id . ct mark }
        ct state invalid add @seen4 { meta mark . ip id . 0x0000ffff }
        add @seen6 { meta mark . ip6 daddr }
    }
}
"""


_COUNTING = """
table inet counting {
    chain prerouting {
        type filter hook prerouting priority -130; policy accept;
        iifname lan0 udp dport 443 counter
        iifname lan0 udp dport 443 meta mark != 0x00010000 counter
        iifname lan0 udp dport 443 drop
    }
}
"""


def _prepare(gateway: Gateway, layout: Layout) -> None:
    """Prepare a gateway, install the sample and steer its applications; a witness looks on."""
    with closing(Kernel(layout, {})) as kernel:
        kernel.prepare()
        kernel.install(SAMPLE, IDS)
    MapWriter(layout.marks, gateway.netfilter).steer({IDS[name]: vid for name, vid in VIDS.items()})
    gateway.here("nft -f -", given=_WITNESS)


def _marks4(gateway: Gateway) -> dict[int, tuple[int, int | None]]:
    """Return by IPv4 identification the packet's mark and the connection's; None: it has no connection."""
    listed = json.loads(gateway.here("nft -j list set inet witness seen4"))["nftables"][-1]["set"].get("elem", [])
    found: dict[int, tuple[int, int | None]] = {}
    for element in listed:
        mark, identity, connection = element["concat"]
        found[identity] = (mark, None if connection == 0xFFFF else connection & ~_REMEMBERED)
    return found


def _p(source: str, destination: str, protocol: int, source_port: int = 0, port: int = 0, *, tos: int = 0) -> Packet:
    return Packet(ip_address(source), ip_address(destination), protocol, source_port, port, tos)


PACKETS = [
    _p("192.0.2.5", "203.0.113.1", 6, 40001, 443),
    _p("192.0.2.5", "203.0.113.1", 17, 40002, 443),
    _p("192.0.2.7", "198.51.100.9", 1),
    _p("192.0.2.6", "198.51.100.9", 1),
    _p("192.0.2.6", "203.0.113.1", 17, 40003, 99, tos=0xB8),
    _p("192.0.2.6", "203.0.113.1", 17, 40004, 99, tos=0xBB),
    _p("192.0.2.6", "203.0.113.1", 17, 40005, 99, tos=0x03),
    _p("192.0.2.6", "203.0.113.1", 17, 5000, 99),
    _p("192.0.2.6", "203.0.113.1", 17, 5999, 99),
    _p("192.0.2.6", "203.0.113.1", 17, 6000, 99),
    _p("192.0.2.6", "203.0.113.1", 6, 5500, 99),
    _p("192.0.2.6", "203.0.113.1", 47),
    _p("198.18.0.127", "203.0.113.1", 6, 40006, 53),
    _p("198.18.1.1", "203.0.113.1", 17, 40007, 8099),
    _p("198.18.1.2", "203.0.113.1", 17, 40008, 8099),
    _p("198.18.0.127", "203.0.113.1", 17, 40009, 8100),
    _p("198.18.0.127", "203.0.113.1", 17, 40010, 8100, tos=9 << 2),
    _p("192.0.2.8", "203.0.113.1", 47, tos=26 << 2 | 1),
    _p("192.0.2.9", "203.0.113.1", 47, tos=10 << 2),
]


@pytest.mark.parametrize("from_lan", [True, False])
@pytest.mark.parametrize("role", list(Role))
def test_packets_meet_the_first_rule_that_means_them(gateway: Gateway, role: Role, from_lan: bool) -> None:  # noqa: FBT001 - a column
    """As the classifier says, so the kernel marks, at both ends and from both sides, ECN bits ignored.

    What comes from a link has crossed it: its connection is marked, the packet is not.
    """
    _prepare(gateway, replace(LAYOUT, role=role))
    near_to_far = from_lan == (role is not Role.CONTROLLED)
    device, sender = ("lan0", gateway.lan) if from_lan else ("link0", gateway.far)
    target = mac_of(device)
    with sender.entered(), open_packet_socket("eth0") as thrower:
        for identity, packet in enumerate(PACKETS, 1):
            way = packet if near_to_far else packet.mirrored()
            thrower.send(frame(way, target, ME, identity=identity))
    expected = {}
    for identity, packet in enumerate(PACKETS, 1):
        rule = SAMPLE.lookup(packet)
        app = rule.application if rule else None
        steered = app is not None and from_lan
        expected[identity] = (Marks().packet_mark(VIDS[app]) if app and steered else 0, IDS[app] if app else 1)
    assert _marks4(gateway) == expected
    assert {mark for mark, _connection in expected.values()} == ({0, 0x10000, 0x20000} if from_lan else {0})
    assert {connection for _mark, connection in expected.values()} == {1, *IDS.values()}


def test_an_answer_whose_question_went_another_way_is_steered_by_itself(gateway: Gateway) -> None:
    """A SYN-ACK without its SYN has no connection, and gets its VID all the same."""
    _prepare(gateway, replace(LAYOUT, role=Role.CONTROLLED))
    target = mac_of("lan0")
    answer = _p("203.0.113.1", "192.0.2.5", 6, 443, 40001)
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(answer, target, ME, identity=1, tcp_flags=TCP_SYN | TCP_ACK))
    assert _marks4(gateway) == {1: (0x10000, None)}


def test_strange_bits_of_a_packet_from_a_link_stay(gateway: Gateway) -> None:
    """Our bits of its mark end clean, a bit that is not ours goes through, and its connection learns its application.

    A connection that is known already learns nothing new, and its packets end as clean.
    """
    _prepare(gateway, replace(LAYOUT, role=Role.CONTROLLED))
    gateway.here(
        "nft add table inet other",
        "nft add chain inet other pre { type filter hook prerouting priority -160; policy accept; }",
        "nft add rule inet other pre meta mark set 0x91ff0042",
    )
    target = mac_of("link0")
    with gateway.far.entered(), open_packet_socket("eth0") as thrower:
        for identity in (1, 2):
            thrower.send(frame(PACKETS[0], target, ME, identity=identity))
    assert _marks4(gateway) == {1: (0x90000042, 2), 2: (0x90000042, 2)}


def test_the_answer_of_what_a_link_brought_is_steered(gateway: Gateway) -> None:
    """The connection's mark, made while its first packet came from the link, steers what the LAN answers."""
    _prepare(gateway, replace(LAYOUT, role=Role.CONTROLLED))
    gateway.here("ip route add 203.0.113.0/24 via 192.0.2.100")
    targets = {device: mac_of(device) for device in ("lan0", "link0")}
    with gateway.far.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(PACKETS[1], targets["link0"], ME, identity=1))
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(PACKETS[1].mirrored(), targets["lan0"], ME, identity=2))
    assert _marks4(gateway) == {1: (0, 2), 2: (0x10000, 2)}


def test_a_flow_follows_its_application_at_once(gateway: Gateway) -> None:
    """Packets of a known connection take the VID that the map says now; without one they are left to the main table."""
    _prepare(gateway, LAYOUT)
    writer = MapWriter(Marks(), gateway.netfilter)
    target = mac_of("lan0")
    with gateway.lan.entered():
        thrower = open_packet_socket("eth0")
    with thrower:
        for identity, vid in enumerate((1, 2, None), 1):
            writer.steer({IDS["web"]: vid})
            thrower.send(frame(PACKETS[1], target, ME, identity=identity))
    assert _marks4(gateway) == {1: (0x10000, 2), 2: (0x20000, 2), 3: (0, 2)}


def test_members_packets_bear_the_guard_and_strange_bits_stay(gateway: Gateway) -> None:
    """Only what comes from another member's MAC is guarded, and a mark bit that is not ours goes through."""
    _prepare(gateway, LAYOUT)
    gateway.here(
        "nft add table inet other",
        "nft add chain inet other pre { type filter hook prerouting priority -160; policy accept; }",
        "nft add rule inet other pre meta mark set 0x91ff0042 ct mark set 0x70000000",
    )
    MemberWriter(gateway.netfilter).write("lan0", frozenset({ME}))
    target = mac_of("lan0")
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(PACKETS[0], target, ME, identity=1))
        thrower.send(frame(PACKETS[6], target, STRANGER, identity=2))
    assert _marks4(gateway) == {1: (0x91010042, 0x70000002), 2: (0x90000042, 0x70000001)}


def test_ipv6_packets_are_classified_too(gateway: Gateway) -> None:
    """The DSCP stands elsewhere in IPv6, and is found there."""
    _prepare(gateway, LAYOUT)
    target = mac_of("lan0")
    source = IPv6Address("2001:db8:1::5")
    cases = {
        "2001:db8::1": (0x28, 0x10000),
        "2001:db8::2": (0xB9, 0x20000),
        "2001:db8::3": (0x00, 0),
        # Link-local and multicast addresses are never steered, though a rule means them.
        "fe80::77": (0xB8, 0),
        "febf::77": (0xB8, 0),
        "ff0e::77": (0xB8, 0),
        "fec0::77": (0xB8, 0x20000),
    }
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        for destination, (tos, _mark) in cases.items():
            thrower.send(frame(Packet(source, IPv6Address(destination), 58, tos=tos), target, ME))
    listed = json.loads(gateway.here("nft -j list set inet witness seen6"))["nftables"][-1]["set"]["elem"]
    found = {element["concat"][1]: element["concat"][0] for element in listed}
    assert {one: found[one] for one in cases} == {one: mark for one, (_tos, mark) in cases.items()}


@contextmanager
def _flood(namespace: Namespace, target: bytes) -> Iterator[None]:
    """Send packets of ever new flows from a namespace's eth0 while the block runs, in a process of its own."""
    child = os.fork()
    if child == 0:
        with namespace.entered(), open_packet_socket("eth0") as thrower:
            frames = [
                frame(Packet(IPv4Address("192.0.2.5"), IPv4Address(f"203.0.113.{n % 250}"), 17, n, 443), target, ME)
                for n in range(1024, 9000)
            ]
            while True:
                for one in frames:
                    thrower.send(one)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@contextmanager
def _nobody_astray(gateway: Gateway) -> Iterator[None]:
    """A flood of new flows while the block runs, and every single packet of it bears its VID."""
    gateway.here("nft -f -", given=_COUNTING)
    with _flood(gateway.lan, mac_of("lan0")):
        until = time.monotonic() + 10
        while _counters(gateway)[0] < 1000:
            assert time.monotonic() < until, "the flood never came"
        yield
    total, astray = _counters(gateway)
    assert total > 10_000
    assert astray == 0


def test_no_packet_is_unclassified_while_classifiers_are_swapped(gateway: Gateway) -> None:
    """Twenty reloads of a few rules each."""
    _prepare(gateway, LAYOUT)
    other = classifier(("web", Selector(family=4, protocols=(17,))), ("voice", Selector(family=4)))
    with _nobody_astray(gateway):
        for turn in range(20):
            load.install(LAYOUT, other if turn % 2 == 0 else SAMPLE, IDS, gateway.netfilter)


def test_no_packet_is_unclassified_while_trees_are_loaded_and_edited(gateway: Gateway) -> None:
    """From a few rules to many, which takes several transactions, ten edits of a line, and back.

    The flood's rule is wide: it stands in the last tree, and packets try all others before it.
    """
    _prepare(gateway, LAYOUT)
    web = Rule(1, "web", Selector(family=4, protocols=(17,), destination_port=(Interval(443, 443),)))
    many = [web, *rules("firewall-ipv4")]
    ids = {**{name: number for number, name in enumerate(sorted({one.application for one in many[1:]}), 6)}, **IDS}
    with _nobody_astray(gateway):
        load.install(LAYOUT, Classifier(many), ids, gateway.netfilter)
        for turn in range(10):
            load.install(LAYOUT, Classifier([*many[: 100 + turn], *many[101 + turn :]]), ids, gateway.netfilter)
        load.install(LAYOUT, SAMPLE, IDS, gateway.netfilter)


def _counters(gateway: Gateway) -> tuple[int, int]:
    """Return how many packets the counting table saw, and how many of them bore another mark."""
    listed = json.loads(gateway.here("nft -j list chain inet counting prerouting"))["nftables"]
    counters = [
        expression["counter"]["packets"]
        for entry in listed
        for expression in entry.get("rule", {}).get("expr", [])
        if "counter" in expression
    ]
    return counters[0], counters[1]
