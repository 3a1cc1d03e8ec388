"""Virtual IPs on a real device."""

import errno
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface

import pytest

from linkbalancer.drivers.addresses import Addresses, Held, read
from linkbalancer.drivers.errors import DriverError
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

VIP = IPv4Interface("192.0.2.251/24")
ELSEWHERE = IPv4Interface("198.51.100.1/24")


def _routes(gateway: Gateway) -> str:
    return gateway.here("ip route show table main")


def test_adding_and_removing_twice_leaves_the_connected_route_alone(gateway: Gateway) -> None:
    """Both are idempotent, and the LAN's own route is never touched."""
    before = _routes(gateway)
    for _again in range(2):
        Addresses(gateway.route).add("lan0", [VIP])
    assert [one.ip for one in read(gateway.route, "lan0") if one.ours] == [VIP.ip]
    assert _routes(gateway) == before
    for _again in range(2):
        Addresses(gateway.route).remove("lan0", [VIP])
    assert [str(one.interface) for one in read(gateway.route, "lan0")] == ["192.0.2.2/24"]
    assert _routes(gateway) == before


def test_a_virtual_ip_survives_the_devices_own_address(gateway: Gateway) -> None:
    """It is no secondary of the primary address, so it does not go with it."""
    Addresses(gateway.route).add("lan0", [VIP])
    gateway.here("ip addr del 192.0.2.2/24 dev lan0")
    assert [one.ip for one in read(gateway.route, "lan0")] == [VIP.ip]


def test_a_prefix_that_nothing_covers_gets_its_connected_route(gateway: Gateway) -> None:
    """A virtual IP in a prefix of its own brings the route, and takes it away again."""
    Addresses(gateway.route).add("lan0", [ELSEWHERE])
    assert "198.51.100.0/24 dev lan0" in _routes(gateway)
    Addresses(gateway.route).remove("lan0", [ELSEWHERE])
    assert "198.51.100.0/24" not in _routes(gateway)


def test_what_is_not_ours_is_never_removed(gateway: Gateway) -> None:
    """An administrator's address stays, even if it is called a virtual IP."""
    gateway.here("ip addr add 192.0.2.251/32 dev lan0")
    Addresses(gateway.route).add("lan0", [VIP])
    Addresses(gateway.route).remove("lan0", [VIP])
    assert VIP.ip in [one.ip for one in read(gateway.route, "lan0")]


def test_a_device_that_is_not_there_is_an_error_for_adding_only(gateway: Gateway) -> None:
    """Nothing can be added to it; what is on it is gone already."""
    with pytest.raises(DriverError, match="on gone0") as refusal:
        Addresses(gateway.route).add("gone0", [VIP])
    assert refusal.value.errno == errno.ENODEV
    Addresses(gateway.route).remove("gone0", [VIP])
    assert read(gateway.route, "gone0") == []
