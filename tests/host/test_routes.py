"""Routes as the kernel shows them."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from linkbalancer.host.routes import RouteMonitor, Way
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

FOUR, SIX, DEFAULT = IPv4Network("198.51.100.0/24"), IPv6Network("2001:db8:1::/48"), IPv4Network("0.0.0.0/0")


@pytest.fixture
def gw() -> Iterator[Namespace]:
    """Yield a namespace with a device of both families, entered."""
    with Namespace("gw") as namespace, Namespace("far") as far:
        namespace.connect("eth0", far, "eth0")
        namespace("ip addr add 203.0.113.2/24 dev eth0", "ip -6 addr add 2001:db8::2/64 dev eth0 nodad")
        with namespace.entered():
            yield namespace


def test_what_stands_in_which_table(gw: Namespace) -> None:
    """By which gateway, or straight; a route of no way on is none; a table that is not there has none."""
    monitor = RouteMonitor({(FOUR, 254), (FOUR, 5000), (SIX, 254), (DEFAULT, 254), (FOUR, 99)})
    assert set(monitor.look().values()) == {()}
    gw(
        f"ip route add {FOUR} via 203.0.113.1",
        f"ip route add {FOUR} dev eth0 table 5000",
        f"ip -6 route add {SIX} via 2001:db8::1",
        "ip route add blackhole default",
    )
    assert monitor.look() == {
        (FOUR, 254): (Way(IPv4Address("203.0.113.1"), "eth0"),),
        (FOUR, 5000): (Way(None, "eth0"),),
        (SIX, 254): (Way(IPv6Address("2001:db8::1"), "eth0"),),
        (DEFAULT, 254): (),
        (FOUR, 99): (),
    }
    monitor.close()


def test_only_what_concerns_it_stirs_it(gw: Namespace) -> None:
    """Another route does not; a device does, because its routes go without a word."""
    monitor = RouteMonitor({(FOUR, 254)})
    assert not monitor.read()
    gw("ip route add 192.0.2.0/24 via 203.0.113.1", f"ip route add {FOUR} via 203.0.113.1 table 7")
    assert not monitor.read()
    gw(f"ip route add {FOUR} via 203.0.113.1")
    assert monitor.read()
    gw(f"ip route del {FOUR}")
    assert monitor.read()
    assert not monitor.read()
    gw("ip link set eth0 down")
    assert monitor.read()
    monitor.close()


def test_a_route_by_another_family_is_one(gw: Namespace) -> None:
    """IPv4 by an IPv6 gateway."""
    monitor = RouteMonitor({(FOUR, 254)})
    gw(f"ip route add {FOUR} via inet6 fe80::1 dev eth0")
    assert monitor.look() == {(FOUR, 254): (Way(IPv6Address("fe80::1"), "eth0"),)}
    monitor.close()
