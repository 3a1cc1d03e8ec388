"""Tests of the kinds of values that groups have."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

import pytest

from linkbalancer.config import groupfields as fields
from linkbalancer.config.findings import FieldError
from linkbalancer.config.groupfields import VirtualIp
from linkbalancer.links import Family, GroupId


def test_values_that_are_right_already_stay() -> None:
    """A program may hand in values."""
    virtual_ip = VirtualIp(IPv4Interface("10.0.0.1/24"))
    assert fields.parse_virtual_ip(virtual_ip) is virtual_ip
    assert fields.parse_host(IPv6Address("fe80::1")) == IPv6Address("fe80::1")
    assert fields.parse_group(GroupId(1, Family.IPV6)) == GroupId(1, Family.IPV6)


@pytest.mark.parametrize(
    ("text", "interface", "device"),
    [
        ("10.0.0.0/31", IPv4Interface("10.0.0.0/31"), None),
        ("10.0.0.0/32", IPv4Interface("10.0.0.0/32"), None),
        ("192.0.2.9/32  dev eth2.7", IPv4Interface("192.0.2.9/32"), "eth2.7"),
        ("fe80::1/64 dev eth1", IPv6Interface("fe80::1/64"), "eth1"),
        ("2001:DB8::1/128", IPv6Interface("2001:db8::1/128"), None),
        ("2001:db8::/127", IPv6Interface("2001:db8::/127"), None),
        ("2001:db8::ffff:ffff:ffff:ffff/64", IPv6Interface("2001:db8::ffff:ffff:ffff:ffff/64"), None),
    ],
)
def test_virtual_ips(text: str, interface: IPv4Interface | IPv6Interface, device: str | None) -> None:
    """Of both families, on the group's device or another; written as they are read."""
    found = fields.parse_virtual_ip(text)

    assert found == VirtualIp(interface, device)
    assert (found.ip, found.network, found.family) == (interface.ip, interface.network, interface.version)
    assert fields.parse_virtual_ip(str(found)) == found


@pytest.mark.parametrize(
    ("parse", "raw", "error"),
    [
        (fields.parse_virtual_ip, None, "nothing is no virtual IP; write such as 192.0.2.251/24"),
        (fields.parse_virtual_ip, "", "'' is no virtual IP; write such as 192.0.2.251/24, or 192.0.2.251/24 dev eth2"),
        (fields.parse_virtual_ip, "10.0.0.1/24 on eth2", "'10.0.0.1/24 on eth2' is no virtual IP; write such as"),
        (fields.parse_virtual_ip, "10.0.0.1/24 dev eth/2", "the device 'eth/2' cannot be"),
        (fields.parse_virtual_ip, "10.0.0.1", "the virtual IP 10.0.0.1 has no prefix length; write the LAN's, such as"),
        (
            fields.parse_virtual_ip,
            "fe80::1",
            "the virtual IP fe80::1 has no prefix length; write the LAN's, such as fe80",
        ),
        (fields.parse_virtual_ip, "10.0.0.1/33", "'10.0.0.1/33' has no prefix length from 1 to 32; write the LAN's"),
        (fields.parse_virtual_ip, "fe80::1/129", "'fe80::1/129' has no prefix length from 1 to 128"),
        (fields.parse_virtual_ip, "fe80::1/0", "'fe80::1/0' has no prefix length from 1 to 128"),
        (fields.parse_virtual_ip, "10.0.0.1/x", "'10.0.0.1/x' has no prefix length from 1 to 32"),
        (fields.parse_virtual_ip, "x/24", "'x' is no IPv4 address"),
        (fields.parse_virtual_ip, "10.0.0.0/24", "10.0.0.0/24 is the network's own address; write a host's address"),
        (fields.parse_virtual_ip, "10.0.0.255/24", "10.0.0.255/24 is the network's own address"),
        (fields.parse_virtual_ip, "2001:db8::/64", "2001:db8::/64 is the network's own address"),
        (fields.parse_host, "fe80::x", "'fe80::x' is no IPv6 address; write such as fe80::1 or 2001:db8::1"),
        (fields.parse_host, "fe80::1%eth0", "fe80::1%eth0 names a device; write fe80::1 alone, and the device by its"),
        (fields.parse_host, "::ffff:10.0.0.1", "::ffff:10.0.0.1 is an IPv4 address in disguise; write 10.0.0.1"),
        (fields.parse_host, "ff02::12", "ff02::12 is no host's address; write the address of one host"),
        (fields.parse_host, "::", ":: is no host's address"),
        (fields.parse_host, "::1", "::1 is no host's address"),
        (fields.parse_host, 7, "7 is no IPv4 address"),
        (fields.parse_group, True, "true is no VID; write such as 1 (IPv4), without quotes, or 1/ipv6"),
        (fields.parse_group, "1", "'1' is no VID"),
        (fields.parse_group, "1/ipv4", "'1/ipv4' is no VID"),
        (fields.parse_group, "01/ipv6", "'01/ipv6' is no VID"),
        (fields.parse_group, 0, "0 is too small; use 1 or more"),
        (fields.parse_group, "256/ipv6", "256 is too large; use 255 or less"),
        (fields.parse_ttl, [1, 2, 3], "3 numbers, not two; write [lowest, highest], such as [254, 255], each 0 to 255"),
        (fields.parse_ttl, [255, 254], "the range runs backwards; write [254, 255]"),
        (fields.parse_ttl, 256, "256 is no TTL; write [lowest, highest]"),
        (fields.parse_ttl, [True, 255], "true is no TTL"),
        (fields.parse_ttl, "255", "'255' is no TTL"),
    ],
)
def test_wrong_values(parse: Callable[[object], object], raw: object, error: str) -> None:
    """What is wrong is said with what to write instead."""
    with pytest.raises(FieldError) as caught:
        parse(raw)

    assert str(caught.value).startswith(error)


def test_a_host_is_of_either_family() -> None:
    """By how its address is written."""
    assert fields.parse_host("192.0.2.1") == IPv4Address("192.0.2.1")
    assert fields.parse_host("2001:db8::1") == IPv6Address("2001:db8::1")


def test_one_ttl_is_a_range_of_one() -> None:
    """As most will write it."""
    assert (fields.parse_ttl(255), fields.parse_ttl((250, 255))) == ((255, 255), (250, 255))
