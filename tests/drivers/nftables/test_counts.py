"""The table of counters: its text as a person has read it, and what a real kernel counts by it."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import counts, load
from linkbalancer.drivers.nftables.counts import IN, OUT, PAIRS_MAX, PAIRS_MIN, Beside, Counted, Plan
from linkbalancer.routing.marks import Marks
from tests.namespaces import Namespace

GOLDEN = Path(__file__).parent / "golden" / "counts.nft"
WEB, VOICE = 2, 3
GATEWAY = Beside("lan0", IPv4Address("192.0.2.9"), 4)
PLAN = Plan(Marks(), ("link0", "link1"), (GATEWAY,), frozenset({WEB, VOICE}), 1024)


def test_the_table_reads_as_written() -> None:
    """An element counts by being found; only where there is none it is asked whether there should be."""
    text = counts.made(PLAN)
    if "LB_RENEW" in os.environ:
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_a_mended_table_keeps_what_counts() -> None:
    """Sets are not deleted; of applications those that differ alone are named, of the chains that tell old ones go."""
    other = replace(PLAN, applications=frozenset({VOICE, 4}), devices=("link0",))
    text = counts.made(other, (WEB, VOICE), old=(PLAN.form, PLAN.content))
    assert "delete table" not in text
    assert "delete set" not in text
    assert f"delete chain inet {counts.TABLE} {PLAN.content}\n" in text
    assert f"delete chain inet {counts.TABLE} {PLAN.form}\n" not in text
    assert text.endswith(
        f"delete element inet {counts.TABLE} counted {{ 0x00000002 }}\n"
        f"add element inet {counts.TABLE} counted {{ 0x00000004 }}\n"
    )


def test_a_form_is_marks_and_room() -> None:
    """Other devices or applications leave elements what they are."""
    assert replace(PLAN, devices=(), applications=frozenset()).form == PLAN.form
    assert replace(PLAN, pairs=2048).form != PLAN.form != replace(PLAN, marks=Marks(flow_mask=0xFE0000)).form
    assert replace(PLAN, devices=()).content != PLAN.content


def test_there_is_room_for_every_pair() -> None:
    """A power of two, within bounds; as many applications more need no other table."""
    assert counts.room(0, 0) == counts.room(100, 4) == PAIRS_MIN
    assert counts.room(1000, 3) == 8192 >= 2 * 1000 * 4
    assert counts.room(60_000, 255) == PAIRS_MAX


MARK = """
table inet marks {
  chain forward_out { type filter hook prerouting priority mangle; udp dport 7000 ct mark set 0x00010002; }
  chain own { type route hook output priority mangle; udp dport 7000 ct mark set 0x00010002; }
  chain plain { type route hook output priority mangle; udp dport 7003 ct mark set 0x00040003; }
  chain other { type filter hook prerouting priority mangle; udp dport 7002 ct mark set 0x00010009; }
}
"""
ECHO_SIZE = 100 + 28


@pytest.fixture
def place() -> Iterator[tuple[Namespace, Namespace, NetlinkSocket]]:
    """Yield a router that counts, and a host whose default route leads to it; who is asked echoes."""
    with Namespace("gw") as here, Namespace("lan") as lan, Namespace("far") as far, here.entered():
        here.connect("lan0", lan, "eth0")
        here.connect("link0", far, "eth0")
        here(
            "ip addr add 192.0.2.1/24 dev lan0", "ip addr add 10.1.0.1/24 dev link0", "sysctl -qw net.ipv4.ip_forward=1"
        )
        here("sysctl -qw net.ipv4.conf.all.send_redirects=0", "sysctl -qw net.ipv4.conf.lan0.send_redirects=0")
        lan(
            "ip addr add 192.0.2.100/24 dev eth0",
            "ip addr add 192.0.2.9/24 dev eth0",
            "ip addr add 203.0.113.9/32 dev lo",
        )
        lan("ip route add 10.1.0.0/24 via 192.0.2.1")
        far("ip addr add 10.1.0.2/24 dev eth0", "ip route add 192.0.2.0/24 via 10.1.0.1")
        here("nft -f -", given=MARK)
        here("ip route add 203.0.113.0/24 via 192.0.2.9")
        with closing(NetlinkSocket(NETFILTER)) as netlink:
            load.load(counts.made(PLAN))
            yield lan, far, netlink


def exchange(near: Namespace | None, far: Namespace, address: str, port: int, many: int) -> None:
    """Have datagrams of 100 bytes echoed, one after the other, one flow."""
    with far.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((address, port))
    if near is None:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    else:
        with near.entered():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        for one in (server, client):
            one.settimeout(5)
        for _ in range(many):
            client.sendto(bytes(100), (address, port))
            data, peer = server.recvfrom(200)
            server.sendto(data, peer)
            client.recv(200)


@pytest.mark.lab
def test_what_passes_is_counted(place: tuple[Namespace, Namespace, NetlinkSocket]) -> None:
    """Forwarded and own packets, both ways, new flows; an application that is not named is not."""
    lan, far, netlink = place
    key = 0x00010002
    exchange(lan, far, "10.1.0.2", 7000, 5)
    exchange(None, far, "10.1.0.2", 7000, 3)
    exchange(lan, far, "10.1.0.2", 7002, 4)
    found = counts.read(netlink).sets
    assert found[OUT] == found[IN] == {key: Counted(8, 8 * ECHO_SIZE)}
    assert found[OUT + counts.BEGUN] == {key: Counted(2, 2 * ECHO_SIZE)}
    assert found[IN + counts.BEGUN] == {}


@pytest.mark.lab
def test_a_flow_from_a_link_begins_there(place: tuple[Namespace, Namespace, NetlinkSocket]) -> None:
    """It is counted as what came in first."""
    lan, far, netlink = place
    exchange(far, lan, "192.0.2.100", 7000, 2)
    found = counts.read(netlink).sets
    assert found[IN + counts.BEGUN] == {0x00010002: Counted(1, ECHO_SIZE)}
    assert found[OUT + counts.BEGUN] == {}


@pytest.mark.lab
def test_a_gateway_among_the_hosts_is_told_by_its_address(place: tuple[Namespace, Namespace, NetlinkSocket]) -> None:
    """What goes by it counts as out, what answers on its VID as in: that of hosts beside it too (docs/counting.md)."""
    lan, _far, netlink = place
    exchange(None, lan, "192.0.2.100", 7003, 2)
    assert counts.read(netlink).sets[OUT] == {}
    exchange(None, lan, "203.0.113.9", 7003, 2)
    found = counts.read(netlink).sets
    assert found[OUT] == {0x00040003: Counted(2, 2 * ECHO_SIZE)}
    assert found[IN] == {0x00040003: Counted(2 + 2, 4 * ECHO_SIZE)}


@pytest.mark.lab
def test_tables_are_told_apart(place: tuple[Namespace, Namespace, NetlinkSocket]) -> None:
    """One that was made anew has another number; what is counted no more is taken out; gone is gone."""
    lan, far, netlink = place
    exchange(lan, far, "10.1.0.2", 7000, 1)
    before = counts.read(netlink)
    assert counts.read(netlink) == before
    digest = counts.digest(netlink)
    assert sorted(counts.counted(netlink, Marks())) == [WEB, VOICE]
    load.load(counts.made(PLAN, (WEB, VOICE), old=(PLAN.form, PLAN.content)))
    assert (counts.read(netlink), counts.digest(netlink)) == (before, digest)
    less = replace(PLAN, applications=frozenset({VOICE}))
    load.load(counts.forgotten(less, before))
    assert counts.read(netlink).sets[OUT] == {}
    assert counts.forgotten(less, counts.read(netlink)) == ""
    load.load("flush chain inet linkbalancer_counts arrives\n")
    assert counts.digest(netlink) != digest
    load.load(counts.made(PLAN, anew=True))
    assert counts.read(netlink).table != before.table
    for _twice in range(2):
        counts.remove(netlink)
        assert counts.chains(netlink) == []
