"""The kernel as a whole: prepared, changed effect by effect, and read back."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.kernel import Kernel, _check_version
from linkbalancer.drivers.neighbours import pinned
from linkbalancer.drivers.nftables.elements import MapWriter, MemberWriter
from linkbalancer.engine.effects import AddAddresses, Announce, RemoveAddresses, SetMembers, SetNextHop
from linkbalancer.engine.found import Found
from linkbalancer.links import Family, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.marks import Marks
from tests.drivers.conftest import Gateway
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE
from tests.namespaces import Namespace

VIP = IPv4Interface("192.0.2.251/24")
OTHER_VIP = IPv4Interface("192.0.2.252/24")
OWN = IPv4Address("192.0.2.2")
MASTER, OTHER = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
VIA_LINK = ViaLink("link0", IPv4Address("10.1.0.2"), OWN)
VIA_MASTER = ViaMaster("lan0", VIP.ip, MASTER, OWN)
VIPS = {"lan0": (VIP, OTHER_VIP)}


@pytest.fixture
def kernel(gateway: Gateway) -> Iterator[Kernel]:
    """Yield a prepared kernel of the gateway."""
    assert gateway.route.port
    with closing(Kernel(LAYOUT, VIPS)) as opened:
        opened.prepare()
        yield opened


@pytest.mark.lab
def test_preparing_again_changes_nothing(gateway: Gateway, kernel: Kernel) -> None:
    """A second start finds everything as it should be, and refusals are told each time."""
    shown = ("ip rule", "ip route show table all", "nft list ruleset")
    before = [gateway.here(command) for command in shown]
    prepared = kernel.prepare()
    assert prepared.changed == ()
    # link1 is in the layout and does not exist.
    assert {str(error).partition("link1")[0] for error in prepared.refused} == {"set net/ipv4/conf/"}
    assert [gateway.here(command) for command in shown] == before


@pytest.mark.lab
def test_a_layout_without_a_vid_takes_its_rules_and_tables_away(gateway: Gateway, kernel: Kernel) -> None:
    """What is no longer wanted goes: rules, tables with their next hops, guarded ones too."""
    kernel.apply(SetNextHop(1, VIA_LINK))
    with closing(Kernel(replace(LAYOUT, vids=(2,)), VIPS)) as smaller:
        smaller.prepare()
        assert smaller.found() == Found(next_hops={2: Unreachable()})
    left = gateway.here("ip route show table all") + gateway.here("ip rule")
    assert "20001" not in left
    assert "20257" not in left


@pytest.mark.lab
def test_every_effect_is_found_again_by_a_successor(gateway: Gateway, kernel: Kernel) -> None:
    """An agent that starts after another one reads back virtual IPs, next hops, classifier and applications."""
    assert kernel.found() == Found(next_hops={1: Unreachable(), 2: Unreachable()})
    for _again in range(2):
        kernel.apply(AddAddresses("lan0", (OTHER_VIP,)))
        kernel.apply(Announce("lan0", (OTHER_VIP.ip,)))
        kernel.apply(SetNextHop(1, VIA_MASTER))
        kernel.apply(SetNextHop(2, VIA_LINK))
        kernel.apply(SetNextHop(2, VIA_LINK, guard=True))
        kernel.apply(SetMembers("lan0", frozenset({MASTER})))
    kernel.install(SAMPLE, IDS)
    MapWriter(Marks(), gateway.netfilter).steer({2: 1})
    with closing(Kernel(LAYOUT, VIPS)) as successor:
        assert successor.found() == Found(
            addresses=frozenset({("lan0", OTHER_VIP)}), next_hops={1: VIA_MASTER, 2: VIA_LINK}
        )
        assert successor.digest() == SAMPLE.digest[:12]
        assert MapWriter(Marks(), gateway.netfilter).read() == {1: None, 2: 1}
        assert MemberWriter(gateway.netfilter).read() == {"lan0": frozenset({MASTER})}
        # It knows its predecessor's pin, too: the pin goes when the route no longer needs it.
        successor.apply(SetNextHop(1, VIA_LINK))
        assert pinned(gateway.route, "lan0") == {}


@pytest.mark.lab
def test_a_virtual_ip_of_an_older_configuration_is_found_as_it_is(gateway: Gateway, kernel: Kernel) -> None:
    """It bears our tag, so it is ours, though no configuration knows it."""
    kernel.apply(AddAddresses("lan0", (VIP,)))
    with closing(Kernel(LAYOUT, {})) as successor:
        assert successor.found().addresses == {("lan0", IPv4Interface("192.0.2.251/32"))}
        successor.apply(RemoveAddresses("lan0", (VIP,)))
    assert "192.0.2.251" not in gateway.here("ip addr show lan0")


@pytest.mark.lab
def test_a_pin_follows_the_master_and_goes_with_the_need(gateway: Gateway, kernel: Kernel) -> None:
    """Another Master replaces it, another next hop removes it, and one that a second VID shares stays for it."""
    kernel.apply(SetNextHop(1, VIA_MASTER))
    kernel.apply(SetNextHop(1, replace(VIA_MASTER, mac=OTHER)))
    assert pinned(gateway.route, "lan0") == {VIP.ip: OTHER}
    kernel.apply(SetNextHop(2, replace(VIA_MASTER, mac=OTHER)))
    kernel.apply(SetNextHop(1, ViaMain()))
    assert kernel.found().next_hops[1] == ViaMain()
    kernel.apply(SetNextHop(1, Unreachable()))
    kernel.apply(SetNextHop(1, VIA_LINK, guard=True))
    assert pinned(gateway.route, "lan0") == {VIP.ip: OTHER}
    kernel.apply(SetNextHop(2, VIA_LINK))
    assert pinned(gateway.route, "lan0") == {}


@pytest.mark.lab
def test_what_the_kernel_refuses_is_a_drivers_error(gateway: Gateway, kernel: Kernel) -> None:
    """The text says which table, VID and next hop; the old next hop stays."""
    kernel.apply(SetNextHop(1, VIA_LINK))
    kernel.apply(AddAddresses("lan0", (VIP,)))
    with pytest.raises(DriverError, match=r"point table 20001 of VID 1 to 192.0.2.251 on lan0") as refusal:
        kernel.apply(SetNextHop(1, VIA_MASTER))
    assert refusal.value.errno == errno.EINVAL
    assert kernel.found().next_hops[1] == VIA_LINK
    with pytest.raises(DriverError) as refusal:
        kernel.apply(SetNextHop(1, replace(VIA_LINK, device="gone0")))
    assert refusal.value.errno == errno.ENODEV
    gateway.here("ip link set link0 down")
    with pytest.raises(DriverError) as refusal:
        kernel.apply(SetNextHop(1, VIA_LINK))
    assert refusal.value.errno == errno.ENETDOWN


@pytest.mark.lab
def test_a_next_hop_is_asserted_again_after_its_device_was_down(gateway: Gateway, kernel: Kernel) -> None:
    """The kernel forgets routes of a device that goes down; `unreachable` stays, and the same effect mends it."""
    kernel.apply(SetNextHop(1, VIA_LINK))
    gateway.here("ip link set link0 down")
    assert kernel.found().next_hops[1] == Unreachable()
    gateway.here("ip link set link0 up")
    kernel.apply(SetNextHop(1, VIA_LINK))
    assert kernel.found().next_hops[1] == VIA_LINK
    assert kernel.flush_unresolved("link0") == 0


@pytest.mark.lab
def test_prebuilt_requests_are_limited(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many MACs a LAN shows, what is kept is bounded and the newest next hop is set."""
    monkeypatch.setattr("linkbalancer.drivers.tables.PREPARED_MAX", 3)
    for number in range(8):
        kernel.apply(SetNextHop(1, replace(VIA_MASTER, mac=bytes([2, 0, 0, 0, 0, number]))))
        assert len(kernel._tables[Family.IPV4]._prepared) <= 3
    assert kernel.found().next_hops[1] == replace(VIA_MASTER, mac=b"\x02\0\0\0\0\x07")


_PACKETS = 30_000


@pytest.mark.lab
def test_no_packet_is_lost_while_next_hops_are_replaced(gateway: Gateway, kernel: Kernel) -> None:
    """A flood through the gateway, dozens of switches between link and LAN, and what arrives is what was sent."""
    with Namespace("source") as source:
        _two_ways(gateway, source)
        hops: list[NextHop] = [VIA_LINK, ViaMaster("lan0", VIP.ip, _mac(gateway.lan, "eth0"), OWN)]
        kernel.apply(SetNextHop(1, hops[0]))
        with gateway.far.entered():
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE: the sink shall lose nothing itself
            sink.bind(("203.0.113.1", 9))
        with sink:
            child = _flood(source)
            switches = 0
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                switches += 1
                kernel.apply(SetNextHop(1, hops[switches % 2]))
                time.sleep(0.001)
            assert _received(sink) == set(range(_PACKETS))
    assert switches > 20
    used = [int(gateway.far(f"cat /sys/class/net/{device}/statistics/rx_packets")) for device in ("eth0", "eth1")]
    assert min(used) > 100


def _two_ways(gateway: Gateway, source: Namespace) -> None:
    """Lay out source -> gateway -> far end, by the link, and by the LAN's host as if it were the Master.

    All neighbours are known beforehand: resolving them could lose packets by itself.
    """
    gateway.here.connect("source0", source, "eth0")
    gateway.far.connect("eth1", gateway.lan, "eth1")
    source("ip addr add 10.8.0.2/30 dev eth0", "ip route add default via 10.8.0.1")
    source(f"ip neigh add 10.8.0.1 dev eth0 lladdr {_mac(gateway.here, 'source0').hex(':')}")
    gateway.here("ip addr add 10.8.0.1/30 dev source0", "ip rule add priority 5 iif source0 table 20001")
    gateway.here(f"ip neigh add 10.1.0.2 dev link0 lladdr {_mac(gateway.far, 'eth0').hex(':')}")
    gateway.lan(
        "ip addr add 10.9.0.1/30 dev eth1",
        "ip addr add 192.0.2.251/32 dev eth0",
        "ip route add 203.0.113.0/24 via 10.9.0.2",
        f"ip neigh add 10.9.0.2 dev eth1 lladdr {_mac(gateway.far, 'eth1').hex(':')}",
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0",
    )
    gateway.far(
        "ip addr add 203.0.113.1/32 dev lo",
        "ip addr add 10.9.0.2/30 dev eth1",
        "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0",
    )


def _flood(source: Namespace) -> int:
    """Send numbered datagrams from a namespace in a process of its own; return its number."""
    child = os.fork()
    if child == 0:
        with source.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("203.0.113.1", 9))
            for number in range(_PACKETS):
                sender.send(number.to_bytes(4, "big"))
        os._exit(0)
    return child


def _mac(namespace: Namespace, device: str) -> bytes:
    """Return the MAC address of a namespace's device."""
    return bytes.fromhex(namespace(f"cat /sys/class/net/{device}/address").strip().replace(":", ""))


def _received(sink: socket.socket) -> set[int]:
    """Return the numbers that a sink holds."""
    sink.settimeout(0.5)
    found = set()
    while True:
        try:
            found.add(int.from_bytes(sink.recv(16), "big"))
        except TimeoutError:
            return found


@pytest.mark.parametrize(("release", "good"), [("5.17.9", False), ("5.18.0", True), ("6.1.0-13", True), ("odd", True)])
def test_an_old_kernel_is_refused_with_a_sentence(release: str, good: bool) -> None:  # noqa: FBT001 - a column
    """Without tags on addresses we could not tell ours; a release that cannot be read gets the benefit of the doubt."""
    if good:
        _check_version(release)
    else:
        with pytest.raises(DriverError, match=r"5\.18"):
            _check_version(release)
