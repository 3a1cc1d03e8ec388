"""Which addresses of its own a LAN device needs so that a group can advertise there."""

from ipaddress import ip_interface

import pytest

from linkbalancer.engine.preflight.devices import _has_source


@pytest.mark.parametrize(
    ("virtual", "own", "enough"),
    [
        (["192.0.2.251/24"], ["192.0.2.1/24"], True),
        (["192.0.2.251/24"], ["198.51.100.1/24", "fe80::1/64"], False),
        (["192.0.2.251/24", "10.0.0.1/8"], ["10.9.9.9/8"], True),
        (["192.0.2.251/32"], ["198.51.100.1/24"], True),
        (["192.0.2.251/32"], ["fe80::1/64"], False),
        (["fe80::251/64", "2001:db8::251/64"], ["192.0.2.1/24", "fe80::1/64"], True),
        (["fe80::251/64", "2001:db8::251/64"], ["192.0.2.1/24", "2001:db8::1/64"], False),
        (["192.0.2.251/24"], [], False),
    ],
)
def test_where_adverts_come_from(virtual: list[str], own: list[str], *, enough: bool) -> None:
    """IPv4: an address in the network of a virtual IP, or any where these are hosts' alone; IPv6: a link-local one."""
    networks = [ip_interface(one).network for one in virtual]
    assert _has_source(networks, [ip_interface(one) for one in own]) is enough
