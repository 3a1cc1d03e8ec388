"""Questions about one packet, answered by a real kernel."""

import errno
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from linkbalancer.drivers import lookup
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.crosscheck.iprule import IpRule
from linkbalancer.routing.packet import Packet
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

PACKET = Packet(ip_address("192.0.2.100"), ip_address("198.51.100.9"), 6, 40000, 443)
MARK = 0x10000


def test_the_way_depends_on_mark_and_entrance(gateway: Gateway) -> None:
    """Table, next hop and the route that was found, as a packet that enters there would meet them."""
    gateway.here(
        "sysctl -qw net.ipv4.ip_forward=1",
        "ip route add default via 10.1.0.2 dev link0 table 20001 protocol 112",
        "ip rule add priority 21 fwmark 0x10000/0xff0000 lookup 20001",
    )
    found = lookup.way(gateway.route, PACKET, MARK, "lan0")
    assert (found.error, found.kind, found.table, found.prefix) == (0, "unicast", 20001, "0.0.0.0/0")
    assert (found.gateway, found.device, found.protocol) == (IPv4Address("10.1.0.2"), "link0", 112)
    assert found.way == "10.1.0.2 over link0"
    assert lookup.way(gateway.route, PACKET, 0, "lan0").error == errno.ENETUNREACH
    assert lookup.way(gateway.route, replace(PACKET, source=ip_address("192.0.2.2")), MARK).table == 20001
    local = lookup.way(gateway.route, replace(PACKET, destination=ip_address("10.1.0.1")), MARK, "lan0")
    assert (local.kind, local.way, local.table) == ("local", "local", 255)
    near = lookup.way_to(gateway.route, ip_address("192.0.2.7"))
    assert (near.device, near.gateway, near.prefix, near.way) == ("lan0", None, "192.0.2.0/24", "straight onto lan0")

    for kind, code in (("unreachable", errno.EHOSTUNREACH), ("prohibit", errno.EACCES), ("blackhole", errno.EINVAL)):
        gateway.here(f"ip route add {kind} 198.51.100.0/24 table 20001")
        assert lookup.way(gateway.route, PACKET, MARK, "lan0").error == code
        gateway.here(f"ip route del {kind} 198.51.100.0/24 table 20001")


def test_every_protocol_may_be_asked_with(gateway: Gateway) -> None:
    """Ports narrow the rules; a protocol that the kernel does not take in a question is left out; so are ports of 0."""
    gateway.here(
        "sysctl -qw net.ipv4.ip_forward=1",
        "ip route add 198.51.100.0/24 via 10.1.0.2 table 77",
        "ip rule add priority 5 ipproto tcp dport 443 lookup 77",
        "ip rule add priority 6 tos 0x10 lookup 77",
    )
    assert lookup.way(gateway.route, PACKET, 0, "lan0").table == 77
    for other in (
        replace(PACKET, destination_port=80),
        replace(PACKET, source_port=0, destination_port=0),
        replace(PACKET, protocol=17),
        replace(PACKET, protocol=1, source_port=0, destination_port=0),
        replace(PACKET, protocol=47, source_port=0, destination_port=0),
    ):
        assert lookup.way(gateway.route, other, 0, "lan0").error == errno.ENETUNREACH
    assert lookup.way(gateway.route, replace(PACKET, protocol=47, tos=0x12), 0, "lan0").table == 77


def test_ipv6_answers_with_the_route_itself(gateway: Gateway) -> None:
    """One without a way is an error here too."""
    gateway.here(
        "sysctl -qw net.ipv6.conf.all.forwarding=1",
        "ip addr add 2001:db8:1::2/64 dev lan0 nodad",
        "ip -6 route add 2001:db8:2::/64 dev link0",
        "ip -6 route add unreachable 2001:db8:3::/64",
    )
    packet = Packet(ip_address("2001:db8:1::7"), ip_address("2001:db8:2::9"), 17, 1, 2)
    found = lookup.way(gateway.route, packet, 0, "lan0")
    assert (found.error, found.device, found.prefix) == (0, "link0", "2001:db8:2::/64")
    nowhere = lookup.way(gateway.route, replace(packet, destination=ip_address("2001:db8:3::9")), 0, "lan0")
    assert nowhere.error == errno.EHOSTUNREACH


def test_rules_of_everybody(gateway: Gateway) -> None:
    """Every selector is read."""
    gateway.here(
        "ip rule add priority 5 not from 192.0.2.0/24 to 198.51.100.0/24 tos 0x10 fwmark 0x10000/0xff0000 iif lan0"
        " ipproto udp sport 1-9 dport 53 uidrange 0-99 lookup 77 suppress_prefixlength 0 protocol 112",
        "ip rule add priority 6 oif link0 prohibit",
        "ip rule add priority 7 goto 32766",
    )
    rules = lookup.rules(gateway.route)
    assert rules[0] == IpRule(priority=0, table=255, protocol=2)
    assert rules[1] == IpRule(
        priority=5,
        table=77,
        protocol=112,
        inverted=True,
        source=ip_network("192.0.2.0/24"),
        destination=ip_network("198.51.100.0/24"),
        tos=0x10,
        mark=0x10000,
        mask=0xFF0000,
        iif="lan0",
        ip_protocol=17,
        source_ports=(1, 9),
        destination_ports=(53, 53),
        uids=(0, 99),
        suppress_prefixlength=0,
    )
    assert [(rule.priority, rule.action, rule.oif, rule.goto) for rule in rules[2:4]] == [
        (6, 8, "link0", None),
        (7, 2, None, 32766),
    ]
    assert [rule.priority for rule in lookup.rules(gateway.route, 6)] == [0, 32766]


def test_neighbours(gateway: Gateway) -> None:
    """State, MAC, whose it is and how old; None where there is no entry."""
    peer = IPv4Address("10.1.0.2")
    assert lookup.neighbour(gateway.route, "link0", peer) is None
    gateway.here("ip neigh replace 10.1.0.2 dev link0 lladdr 02:00:00:00:00:09 nud permanent protocol 112")
    pinned = lookup.neighbour(gateway.route, "link0", peer)
    assert pinned is not None
    assert (pinned.state, pinned.mac, pinned.ours) == ("permanent", b"\x02\0\0\0\0\x09", True)
    gateway.here("ip neigh replace 10.1.0.2 dev link0 nud failed protocol static")
    failed = lookup.neighbour(gateway.route, "link0", peer)
    assert failed is not None
    assert (failed.state, failed.ours) == ("failed", False)
    assert failed.updated_ms is not None
    assert failed.updated_ms < 60_000


def test_a_device_that_is_not_there_is_no_answer(gateway: Gateway) -> None:
    """It cannot be asked about."""
    with pytest.raises(DriverError, match="look for the device eth9"):
        lookup.way(gateway.route, PACKET, 0, "eth9")
