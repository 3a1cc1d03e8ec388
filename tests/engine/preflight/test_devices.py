"""Which addresses of its own a LAN device needs so that a group can advertise there."""

from ipaddress import ip_interface

import pytest

from linkbalancer.engine.preflight.devices import _has_source, judge
from linkbalancer.engine.preflight.observed import Observed, Wanted
from tests.engine.alone import FOUR, SIX, loaded
from tests.engine.preflight.hosts import address, changed


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


def kinds(wanted: str, six: str | None, observed: Observed) -> list[str]:
    """Return what is found at a gateway of these groups."""
    return [one.kind.name for one in judge(Wanted(loaded(wanted, six).config, ()), observed)]


def host(*eth0: str) -> Observed:
    """Return a host with these addresses on eth0, none of them by VRRP."""
    return changed(addresses={"eth0": tuple(address(one) for one in eth0)})


def test_groups_of_ipv6_ask_for_no_address_of_ipv4() -> None:
    """Their adverts are sent from the link's own address."""
    observed = FOUR.replace("priority: 150", "mode: observe")
    assert kinds(observed, SIX, host("10.0.0.1/8", "fe80::1/64")) == []
    assert kinds(observed, SIX, host("10.0.0.1/8")) == ["lan-address-missing"]
    assert kinds(FOUR, SIX, host("10.0.0.1/8", "fe80::1/64")) == ["lan-address-missing"]


def test_an_owner_has_its_addresses_always() -> None:
    """That is what it is; the others' must come and go, wherever they stand."""
    assert kinds(FOUR.replace("150", "255"), None, host("192.0.2.251/24")) == []
    assert kinds(FOUR, None, host("192.0.2.1/24", "192.0.2.251/24")) == ["virtual-ip-fixed"]
    moved = FOUR.replace("251/24]", "251/24 dev eth7], excluded_ips: [192.0.2.9/24]")
    assert kinds(moved, None, host("192.0.2.1/24", "192.0.2.251/24")) == []
    assert kinds(moved, None, host("192.0.2.1/24", "192.0.2.9/24")) == ["virtual-ip-fixed"]
