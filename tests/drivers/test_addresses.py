"""Virtual IPs on a real device."""

import errno
from ipaddress import IPv4Interface, IPv6Interface

import pytest

from linkbalancer.drivers.addresses import Addresses, Held, read
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import Interface
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

VIP = IPv4Interface("192.0.2.251/24")
ELSEWHERE = IPv4Interface("198.51.100.1/24")


SECOND = IPv4Interface("192.0.2.252/24")
VIP_IPV6 = IPv6Interface("2001:db8::251/64")
LOCAL = IPv6Interface("fe80::251/64")


def _held(gateway: Gateway, version: int) -> list[Interface]:
    return [one.interface for one in read(gateway.route, "lan0") if one.ip.version == version]


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
    assert [str(one) for one in _held(gateway, 4)] == ["192.0.2.2/24"]
    assert _routes(gateway) == before


def test_a_virtual_ip_survives_the_devices_own_address(gateway: Gateway) -> None:
    """It is no secondary of the primary address, so it does not go with it."""
    Addresses(gateway.route).add("lan0", [VIP])
    gateway.here("ip addr del 192.0.2.2/24 dev lan0")
    assert [one.ip for one in _held(gateway, 4)] == [VIP.ip]


def test_a_prefix_that_nothing_covers_gets_its_connected_route(gateway: Gateway) -> None:
    """A virtual IP in a prefix of its own brings the route, and takes it away again."""
    Addresses(gateway.route).add("lan0", [ELSEWHERE])
    assert "198.51.100.0/24 dev lan0" in _routes(gateway)
    Addresses(gateway.route).remove("lan0", [ELSEWHERE])
    assert "198.51.100.0/24" not in _routes(gateway)


def test_one_of_ours_that_somebody_replaced_is_claimed(gateway: Gateway) -> None:
    """Else nobody would take it away when another gateway has it; what we never installed is not claimed."""
    ours, others = Addresses(gateway.route), Addresses(gateway.route)
    ours.add("lan0", [VIP])
    (held,) = [one for one in read(gateway.route, "lan0") if one.ours]
    gateway.here(f"ip addr replace {held.interface} dev lan0")
    seen = read(gateway.route, "lan0")
    assert [one for one in seen if one.ours] == []
    assert (ours.usurped("lan0", seen), others.usurped("lan0", seen)) == ({VIP.ip}, set())
    others.add("lan0", [VIP])
    assert [one for one in read(gateway.route, "lan0") if one.ours] == []
    ours.forget()
    ours.add("lan0", [VIP])
    assert [one for one in read(gateway.route, "lan0") if one.ours] == [held]
    ours.remove("lan0", [VIP])
    assert VIP.ip not in {one.ip for one in read(gateway.route, "lan0")}


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
    assert read(gateway.route, "gone0") == ()


def test_a_virtual_ip_of_ipv6_works_at_once_and_is_nobodys_source(gateway: Gateway) -> None:
    """Not tentative for a moment, deprecated from birth, a single address beside the one that covers it."""
    gateway.here("ip -6 addr add 2001:db8::2/64 dev lan0 nodad")
    addresses = Addresses(gateway.route)
    before = gateway.here("ip -6 route show table main")
    for _again in range(2):
        addresses.add("lan0", [VIP_IPV6, LOCAL])
    assert Held(VIP_IPV6.ip, 128, ours=True) in read(gateway.route, "lan0")
    shown = (
        gateway.here("ip -6 -o addr show dev lan0 tentative"),
        gateway.here("ip -6 -o addr show dev lan0 deprecated"),
    )
    assert "::251" not in shown[0]
    assert "2001:db8::251/128" in shown[1]
    assert "fe80::251/" in shown[1]
    chosen = gateway.here("ip -6 route get 2001:db8::100")
    assert "src 2001:db8::2 " in chosen
    addresses.remove("lan0", [VIP_IPV6, LOCAL])
    assert "::251" not in gateway.here("ip -6 addr show dev lan0")
    assert gateway.here("ip -6 route show table main") == before


def test_a_prefix_of_ipv6_that_nothing_covers_gets_its_connected_route(gateway: Gateway) -> None:
    """As in IPv4; and the other family's addresses cover nothing."""
    addresses = Addresses(gateway.route)
    addresses.add("lan0", [VIP_IPV6])
    assert "2001:db8::/64 dev lan0" in gateway.here("ip -6 route")
    addresses.remove("lan0", [VIP_IPV6])
    assert "2001:db8::/64" not in gateway.here("ip -6 route")


def test_an_address_of_ipv6_that_is_not_ours_stays(gateway: Gateway) -> None:
    """The owner's own address is neither installed once more nor removed."""
    gateway.here("ip -6 addr add 2001:db8::251/64 dev lan0 nodad")
    addresses = Addresses(gateway.route)
    addresses.add("lan0", [VIP_IPV6])
    addresses.remove("lan0", [VIP_IPV6])
    assert Held(VIP_IPV6.ip, 64, ours=False) in read(gateway.route, "lan0")


def test_on_top_of_a_device_the_addresses_below_cover_too(gateway: Gateway) -> None:
    """All but link-local ones, which bring the prefix that the upper device needs to answer by itself."""
    gateway.here(
        "ip link add link lan0 name vr4-51 address 00:00:5e:00:01:33 type macvlan mode private",
        "sysctl -qw net.ipv6.conf.vr4-51.addr_gen_mode=1",
        "ip link set vr4-51 up",
        "ip -6 addr add 2001:db8::2/64 dev lan0 nodad",
    )
    addresses = Addresses(gateway.route, {"vr4-51": "lan0"})
    host_only = IPv6Interface("fe80::252/128")
    addresses.add("vr4-51", [VIP, ELSEWHERE, VIP_IPV6, LOCAL, host_only])
    assert sorted(str(one.interface) for one in read(gateway.route, "vr4-51")) == [
        *("192.0.2.251/32", "198.51.100.1/24", "2001:db8::251/128"),
        *("fe80::251/64", "fe80::252/64"),
    ]


def test_what_others_change_is_seen_after_a_reminder(gateway: Gateway) -> None:
    """What is remembered is right for our own changes; others' are asked for when told to."""
    addresses = Addresses(gateway.route)
    addresses.add("lan0", [VIP])
    gateway.here("ip addr del 192.0.2.251/32 dev lan0")
    addresses.remove("lan0", [VIP])  # gone already: fine
    gateway.here("ip addr add 198.51.100.9/24 dev lan0")
    addresses.forget()
    addresses.add("lan0", [ELSEWHERE, VIP])
    assert {str(one.interface) for one in read(gateway.route, "lan0") if one.ours} == {
        "198.51.100.1/32",
        "192.0.2.251/32",
    }
    gateway.here("ip addr del 192.0.2.251/32 dev lan0")
    addresses.add("lan0", [VIP])  # what we put there once is put there again
    assert VIP.ip in [one.ip for one in read(gateway.route, "lan0")]
    Addresses(gateway.route).add("lan0", [SECOND])
    addresses.remove("lan0", [SECOND])  # a predecessor's
    assert SECOND.ip not in [one.ip for one in read(gateway.route, "lan0")]


def test_a_device_that_is_another_by_now_is_read_again(gateway: Gateway) -> None:
    """The name counts; what an older device of the name held says nothing."""
    gateway.here("ip link add spare0 type bridge", "ip addr add 198.51.100.9/24 dev spare0")
    addresses = Addresses(gateway.route)
    addresses.add("spare0", [ELSEWHERE])
    gateway.here("ip link del spare0", "ip link add spare0 type bridge")
    addresses.add("spare0", [ELSEWHERE])
    assert [str(one.interface) for one in read(gateway.route, "spare0")] == ["198.51.100.1/24"]


def test_ipv6_that_is_switched_off_is_an_error_in_words(gateway: Gateway) -> None:
    """The device's name and the kernel's own reason."""
    gateway.here("sysctl -qw net.ipv6.conf.lan0.disable_ipv6=1")
    with pytest.raises(DriverError, match=r"2001:db8::251/64 on lan0 .*disabled") as refusal:
        Addresses(gateway.route).add("lan0", [VIP_IPV6])
    assert refusal.value.errno == errno.EACCES
