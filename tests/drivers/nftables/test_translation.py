"""What leaves, what comes back, and what is too large, on real packets; and the text of the chains that see to it."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path

import pytest

from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables import image, render
from linkbalancer.drivers.nftables.layout import Peer
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.drivers.nftables.upstreams import Upstreams
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.links import Unreachable, ViaLink
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.translation import Translation, Way
from tests.drivers.edge import (
    FIRST,
    GATEWAYS,
    HOST,
    HOST6,
    HOST6_OUTSIDE,
    MASQUERADE,
    OUTSIDE,
    OUTSIDE6,
    PREFIXES,
    SECOND,
    WEB,
    Edge,
    edge,
    layout,
    way,
)
from tests.drivers.nftables.rules import LAYOUT

SNAT = Translation(snat=IPv4Address("192.0.2.9"))
NPTV6 = Translation(masquerade=True, nptv6=PREFIXES)
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
KINDS = pytest.mark.parametrize("kind", [UDP, TCP], ids=["udp", "tcp"])
OTHER_PORT = 5000
_IP_MTU_DISCOVER, _IP_PMTUDISC_DO, _IP_MTU = 10, 2, 14
_IPV6_MTU_DISCOVER, _IPV6_MTU = 23, 24


@pytest.fixture(scope="module")
def site() -> Iterator[Edge]:
    """Yield a gateway with two providers."""
    with edge() as built:
        yield built


def test_every_chain_reads_as_written() -> None:
    """A link, a device of its own, a device that is shared, and a LAN, each with something else to do."""
    ways = (
        Way(device="link0", vids=(1,), translation=MASQUERADE, clamp="auto", others=True),
        Way(device="link1", vids=(2,), clamp=1300, others=True),
        replace(way(1, translation=NPTV6, clamp="auto", mtu=1400, others=True), device="wan0", vids=(3,)),
        replace(way(1, translation=SNAT, shared=True), device="wan1", vids=(4,)),
        replace(way(1, shared=True), device="wan1", vids=(5,)),
        replace(way(1, translation=MASQUERADE, shared=True), device="lan0", vids=(6,)),
    )
    text = render.skeleton(replace(LAYOUT, vids=(1, 2, 3, 4, 5, 6), ways=ways))
    golden = Path(__file__).parent / "golden" / "translation.nft"
    begin, end = text.index("add map inet linkbalancer upstreams"), text.index("add chain inet linkbalancer end\n")
    assert text[begin:end] == golden.read_text()
    answers = "ct direction reply ct mark and 0x10000000 != 0 goto answer\n"
    assert f'prerouting iifname {{ "lan0" }} {answers}' in text
    assert f"output {answers}" in text


def test_a_gateway_without_ways_has_no_chain_that_costs() -> None:
    """Neither connection tracking's translation nor anything of forwarded packets is asked for."""
    text = render.skeleton(replace(LAYOUT, lan_devices=()))
    assert "type nat" in text
    for name in ("translate_sources", "translate_destinations", "clamp_segments", "asked", "hide_redirects"):
        assert f"delete chain inet linkbalancer {name}\n" in text
    assert "goto answer" not in text


@pytest.mark.lab
@KINDS
def test_sources_become_those_of_the_way(site: Edge, kind: int) -> None:
    """The device's own, a named one, and untouched."""
    with site.steering(way(1, translation=MASQUERADE), way(2, translation=SNAT)):
        site.p2("ip route replace 192.0.2.9/32 via 192.0.2.2")
        assert site.seen(kind, OTHER_PORT) == FIRST
        assert site.seen(kind, WEB) == "192.0.2.9"
    with site.steering(way(1), way(2)):
        assert site.seen(kind, OTHER_PORT) == HOST


@pytest.mark.lab
@KINDS
@pytest.mark.parametrize("translation", [Translation(), MASQUERADE, SNAT])
def test_this_gateways_own_packets_bear_an_address_of_the_way_that_they_take(
    site: Edge, kind: int, translation: Translation
) -> None:
    """Their source was chosen for the first way, before anything could say that they take the second."""
    with site.steering(way(1, translation=translation), way(2, translation=translation)):
        expected = SECOND if translation is not SNAT else "192.0.2.9"
        site.p2("ip route replace 192.0.2.9/32 via 192.0.2.2")
        assert site.seen(kind, WEB, sender="gw") == expected


PORT_FORWARDING = f"""
table ip administrator {{
  chain in {{
    type nat hook prerouting priority dstnat;
    ip daddr {SECOND} meta l4proto {{ tcp, udp }} th dport 8080 dnat to {HOST}
  }}
}}
"""


@pytest.mark.lab
@KINDS
@pytest.mark.parametrize("vids", ["at work", "dead"])
def test_answers_leave_by_the_way_on_which_they_were_asked_for(site: Edge, kind: int, vids: str) -> None:
    """From a host behind the gateway, and from the gateway itself; also while the VID does not work."""
    with site.steering(way(1, translation=MASQUERADE), way(2, translation=MASQUERADE), works=vids == "at work"):
        site.gw("nft -f -", given=PORT_FORWARDING)
        before = forwarded(site)
        assert site.seen(kind, 8080, sender="outside", to=SECOND, at="inside").startswith("10.9.")
        assert site.seen(kind, 7000, sender="outside", to=SECOND, at="gw").startswith("10.9.")
        after = forwarded(site)
        assert after[0] == before[0], "nothing went by the first provider"
        assert after[1] > before[1]


def forwarded(site: Edge) -> tuple[int, int]:
    """Return how many answers each provider has passed on from the gateway, counted from the first call on."""
    counted = []
    for provider in (site.p1, site.p2):
        if "answers" not in provider("nft list tables"):
            provider("nft -f -", given=COUNTING)
        counted.append(int(provider("nft list table ip answers").partition("packets ")[2].split()[0]))
    return counted[0], counted[1]


COUNTING = """
table ip answers {
  chain passed {
    type filter hook forward priority 0;
    meta l4proto { tcp, udp } th sport { 7000, 7001, 8080 } counter
  }
}
"""


@pytest.mark.lab
def test_a_flow_that_begins_inside_is_answered_as_ever(site: Edge) -> None:
    """Only what came by a way is bound to it: flows from inside follow their application."""
    with site.steering(way(1), way(2)), site.socket("inside", UDP) as client, site.socket("outside", UDP) as server:
        server.bind((OUTSIDE, 6000))
        client.connect((OUTSIDE, 6000))
        client.send(b"out")
        _data, peer = server.recvfrom(100)
        server.sendto(b"back", peer)
        assert client.recv(100) == b"back"
        marks = [line for line in site.gw("cat /proc/net/nf_conntrack").splitlines() if "dport=6000" in line]
        (mark,) = (int(word.removeprefix("mark=")) for word in marks[0].split() if word.startswith("mark="))
        assert (Marks().application_of(mark), mark & Marks().inbound_bit) == (3, 0)


@pytest.mark.lab
@KINDS
def test_prefixes_are_translated_both_ways(site: Edge, kind: int) -> None:
    """Outside sees the provider's prefix, and reaches the host at it; the gateway's own addresses stay its own."""
    with site.steering(way(1, translation=NPTV6), way(2)):
        assert site.seen(kind, OTHER_PORT, to=OUTSIDE6) == HOST6_OUTSIDE
        assert site.seen(kind, OTHER_PORT, sender="outside", to=HOST6_OUTSIDE, at="inside").startswith("fd00:9:1:")
        assert site.seen(kind, OTHER_PORT, sender="gw", to=OUTSIDE6) == "2001:db8:a::2"


@pytest.mark.lab
def test_an_error_finds_the_host_behind_a_translated_prefix(site: Edge) -> None:
    """The packet within it is translated too, or its sender would not know it for its own: PMTU depends on it."""
    site.p1("ip link set eth1 mtu 1300")
    try:
        with (
            site.steering(way(1, translation=NPTV6), way(2)),
            site.socket("inside", UDP, family=socket.AF_INET6) as client,
        ):
            client.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IP_PMTUDISC_DO)
            client.connect((OUTSIDE6, 4000))
            assert told(client, socket.IPPROTO_IPV6, _IPV6_MTU) == 1300
    finally:
        site.p1("ip link set eth1 mtu 1500")


def told(client: socket.socket, level: int, option: int) -> int:
    """Send what is too large until the kernel knows how large it may be; return that."""
    deadline = time.monotonic() + 3
    while (mtu := client.getsockopt(level, option)) == 1500 and time.monotonic() < deadline:
        with suppress(OSError):
            client.send(bytes(1400))
        time.sleep(0.05)
    return mtu


@pytest.mark.lab
def test_what_is_too_large_for_a_way_is_answered(site: Edge) -> None:
    """By the gateway itself, where the way's MTU is said; the other way's is the device's."""
    with site.steering(way(1, mtu=1200), way(2)) as kernel:
        routes = site.gw("ip route show table 20001") + site.gw("ip route show table 20257")
        assert routes.count("mtu 1200") == 2
        assert "mtu" not in site.gw("ip route show table 20002")
        with site.socket("inside", UDP) as client:
            client.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
            client.connect((OUTSIDE, 4000))
            assert told(client, socket.IPPROTO_IP, _IP_MTU) == 1200
        site.inside("ip route flush cache")
        kernel.apply(SetNextHop(1, ViaLink("eth1", GATEWAYS[0])))
        assert "mtu 1200" in site.gw("ip route show table 20001")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, (1460, 1460)),
        ({"clamp": 1100}, (1100, 1100)),
        ({"clamp": "auto", "mtu": 1200}, (1160, 1160)),
        ({"mtu": 1200}, (1460, 1460)),
    ],
)
def test_both_ends_are_told_how_large_segments_may_be(
    site: Edge, settings: dict[str, object], sizes: tuple[int, int]
) -> None:
    """Less TCP's time stamps; without a clamp nothing is touched, and the MTU alone answers what is too large."""
    with site.steering(way(1, **settings), way(2)):
        site.inside("ip route flush cache")
        with site.socket("outside", TCP) as server, site.socket("inside", TCP) as client:
            server.bind((OUTSIDE, OTHER_PORT))
            server.listen()
            client.connect((OUTSIDE, OTHER_PORT))
            with closing(server.accept()[0]) as accepted:
                both = [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) + 12 for one in (accepted, client)]
    assert both == list(sizes)


@pytest.mark.lab
@pytest.mark.parametrize("clamp", [None, "auto"])
def test_a_clamp_lets_a_connection_through_where_errors_are_swallowed(site: Edge, clamp: str | None) -> None:
    """A far router with little room says nothing: without a clamp the connection hangs, which shows that this tests."""
    swallow = "table ip silent {\n chain out {\n  type filter hook output priority 0\n  icmp type 3 drop\n }\n}\n"
    site.p2("nft -f -", given=swallow)
    try:
        with (
            site.steering(way(1), way(2, clamp=clamp, mtu=1280 if clamp else None)),
            site.socket("outside", TCP) as server,
            site.socket("inside", TCP) as client,
        ):
            site.outside("ip route replace 192.168.1.0/24 via 10.9.2.1", "ip link set eth2 mtu 1500")
            site.inside("ip route flush cache")
            server.bind((OUTSIDE, WEB))
            server.listen()
            client.connect((OUTSIDE, WEB))
            with closing(server.accept()[0]) as accepted:
                accepted.settimeout(1)
                client.sendall(bytes(20000))
                got = 0
                with suppress(TimeoutError):
                    while got < 20000 and (data := accepted.recv(65536)):
                        got += len(data)
        assert (got == 20000) == (clamp is not None)
    finally:
        site.outside("ip link set eth2 mtu 1280", "ip route replace 192.168.1.0/24 via 10.9.1.1")
        site.p2("nft delete table ip silent")


@pytest.mark.lab
def test_another_layout_leaves_nothing_of_the_former_behind(site: Edge) -> None:
    """Chains, elements, and what connections are told."""
    shared = [replace(way(number, translation=MASQUERADE), shared=True) for number in (1, 2)]
    with site.steering(*shared) as kernel, closing(NetlinkSocket(NETFILTER)) as netfilter:
        with closing(NetlinkSocket(ROUTE)) as route:
            upstreams = Upstreams(netfilter, shared)
            upstreams.follow(route)
        kernel.close()
        with closing(Kernel(layout(way(1), replace(way(2), gateway=None)), {})) as other:
            other.prepare()
        left = set(chains(netfilter))
        assert not left & {"translate_destinations", "clamp_segments", "asked_by_1", "asked_by_2"}
        assert upstreams.read() == {}
        with closing(Kernel(layout(), {})) as bare:
            bare.prepare()
        assert not set(chains(netfilter)) & {"translate_sources", "asked"}


@pytest.mark.lab
@pytest.mark.parametrize(
    "deed",
    [
        "nft delete chain inet linkbalancer translate_sources",
        "nft flush chain inet linkbalancer clamp_segments",
        "nft flush chain inet linkbalancer answer",
        "nft delete table inet linkbalancer",
    ],
)
def test_chains_are_put_back_as_the_kernel_told_them(site: Edge, deed: str) -> None:
    """Base chains of translation too, and they translate again."""
    with (
        site.steering(way(1, translation=NPTV6, clamp="auto"), way(2, translation=SNAT, clamp=1300)),
        closing(NetlinkSocket(NETFILTER)) as netfilter,
    ):
        wanted, _at = image.take(netfilter)
        assert wanted is not None
        before = site.gw("nft list table inet linkbalancer")
        site.gw(deed)
        present, at = image.take(netfilter)
        image.put_back(netfilter, wanted, present, at, {})
        after, _at = image.take(netfilter)
        assert after is not None
        assert not wanted.difference(after)
        shown = site.gw("nft list table inet linkbalancer")
        for chain in ("translate_sources", "clamp_segments", "answer", "asked", "translate_destinations"):
            assert part(shown, chain) == part(before, chain)


def part(shown: str, chain: str) -> str:
    """Return a chain's part of a listing."""
    return shown.partition(f"chain {chain} {{")[2].partition("\n\t}")[0]


@pytest.mark.lab
def test_a_lost_table_of_the_second_way_does_not_lend_the_first_one_to_answers(site: Edge) -> None:
    """Who asked by the second way is not answered from the first one's address."""
    with site.steering(way(1), way(2)) as kernel:
        kernel.apply(SetNextHop(2, Unreachable()))
        kernel.apply(SetNextHop(2, Unreachable(), guard=True))
        before = forwarded(site)
        with pytest.raises(OSError, match=r"timed out|No route|unreachable"):
            site.seen(UDP, 7001, sender="outside", to=SECOND, at="gw")
        assert forwarded(site)[0] == before[0]


@pytest.mark.lab
def test_lvrrps_datagrams_bear_the_address_that_they_were_given(site: Edge) -> None:
    """Even where everything else that leaves by the link is translated."""
    link = Way(device="eth1", vids=(1,), translation=Translation(snat=IPv4Address("203.0.113.9")))
    peers = (Peer(GATEWAYS[0], 20112),)
    with site.gw.entered(), closing(Kernel(replace(layout(link), peers=peers), {})) as kernel:
        site.gw("nft flush ruleset")
        kernel.prepare()
        with site.p1.entered():
            server = socket.socket(socket.AF_INET, UDP)
            other = socket.socket(socket.AF_INET, UDP)
        for sink, port, source in ((server, 20112, FIRST), (other, 4000, "203.0.113.9")):
            with sink, socket.socket(socket.AF_INET, UDP) as sender:
                sink.settimeout(3)
                sink.bind((str(GATEWAYS[0]), port))
                sender.sendto(b"word", (str(GATEWAYS[0]), port))
                assert sink.recvfrom(100)[1][0] == source


@pytest.mark.lab
def test_hosts_are_told_of_no_shorter_way(site: Edge) -> None:
    """An IPv6 router on the hosts' own LAN, at a link-local address, is a better way for them: nobody says so."""
    site.gw("ip -6 route add 2001:db8:77::/64 via fe80::77 dev eth0")
    site.inside("ip addr add fe80::77/64 dev eth0 nodad")
    witness = (
        "table ip6 seen {\n chain in {\n  type filter hook input priority 0\n  icmpv6 type nd-redirect counter\n }\n}\n"
    )
    site.inside("nft -f -", given=witness)
    try:
        told_of = {}
        for quiet in (False, True):
            with site.steering(way(1), way(2)), site.socket("inside", UDP, family=socket.AF_INET6) as client:
                if not quiet:
                    site.gw("nft delete chain inet linkbalancer hide_redirects")
                for _packet in range(5):
                    client.sendto(b"far", ("2001:db8:77::1", 9))
                    time.sleep(0.02)
            told_of[quiet] = int(site.inside("nft list table ip6 seen").partition("packets ")[2].split()[0])
        assert told_of[False] > 0, "the kernel does say it by itself"
        assert told_of[True] == told_of[False], "and not a single one more"
    finally:
        site.inside("nft delete table ip6 seen", "ip addr del fe80::77/64 dev eth0")
        site.gw("ip -6 route del 2001:db8:77::/64")


@pytest.mark.lab
def test_an_untranslated_host_keeps_its_address_of_ipv6(site: Edge) -> None:
    """Masquerade is IPv4's alone."""
    site.outside("ip route replace fd00:1::/64 via fd00:9:1::1")
    site.p1("ip route replace fd00:1::/64 via 2001:db8:a::2")
    with site.steering(way(1, translation=MASQUERADE), way(2)):
        assert site.seen(UDP, OTHER_PORT, to=OUTSIDE6) == HOST6


def test_each_vid_behind_one_device_has_its_own_prefix() -> None:
    """Where IPv6 is steered its mark says which; where it is not, no mark says where IPv6 leaves."""
    other = replace(PREFIXES, outside=IPv6Network("2001:db8:22::/48"))
    ways = (
        Way(device="link0", vids=(1,), gateway=IPv4Address("203.0.113.1"), translation=NPTV6, shared=True),
        Way(
            device="link0",
            vids=(2,),
            gateway=IPv4Address("203.0.113.2"),
            translation=Translation(nptv6=other),
            shared=True,
        ),
        Way(device="link0", vids=(3,), gateway=IPv4Address("203.0.113.3"), shared=True),
    )
    steered = render.skeleton(replace(LAYOUT, ways=ways, twins=()))
    leaves = [
        line.partition("meta mark and ")[2]
        for line in steered.splitlines()
        if 'translate_sources oifname "link0" meta mark' in line
    ]
    assert leaves == [
        "0x00ff0000 == 0x00010000 meta nfproto ipv4 fib saddr . oif type != local masquerade",
        f"0x00ff0000 == 0x00010000 ip6 saddr {PREFIXES.inside} snat ip6 prefix to {PREFIXES.outside}",
        "0x00ff0000 == 0x00010000 return",
        f"0x00ff0000 == 0x00020000 ip6 saddr {PREFIXES.inside} snat ip6 prefix to 2001:db8:22::/48",
        "0x00ff0000 == 0x00020000 return",
        "0x00ff0000 == 0x00030000 return",
    ]
    plain = render.skeleton(replace(LAYOUT, ways=ways))
    assert "== 0x00020000 meta nfproto ipv4 return" in plain
    assert "== 0x00010000 ip6" not in plain
