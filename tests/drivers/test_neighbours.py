"""Pinned and unresolved neighbour entries on a real device."""

import socket
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers import neighbours
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

VIP = IPv4Address("192.0.2.251")
FIRST, SECOND = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"


def _pin(gateway: Gateway, mac: bytes) -> None:
    request = neighbours.pin_request(socket.if_nametoindex("lan0"), VIP, mac)
    gateway.route.request(request, "pin")


def test_a_pin_is_replaced_in_place_and_removed(gateway: Gateway) -> None:
    """The newest Master's MAC wins; unpinning twice is fine."""
    for mac in (FIRST, SECOND):
        _pin(gateway, mac)
        assert neighbours.pinned(gateway.route, "lan0") == {VIP: mac}
    for _again in range(2):
        neighbours.unpin(gateway.route, "lan0", VIP)
    assert neighbours.pinned(gateway.route, "lan0") == {}


def test_a_pin_replaces_what_arp_had_learnt(gateway: Gateway) -> None:
    """A resolved entry of the kernel's own becomes ours."""
    gateway.here(f"ip neigh add {VIP} dev lan0 lladdr 02:00:00:00:00:99 nud reachable")
    _pin(gateway, FIRST)
    assert neighbours.pinned(gateway.route, "lan0") == {VIP: FIRST}


def test_other_peoples_permanent_entries_are_not_ours(gateway: Gateway) -> None:
    """An administrator's permanent entry is not counted among the pins."""
    gateway.here("ip neigh add 192.0.2.9 dev lan0 lladdr 02:00:00:00:00:99 nud permanent")
    assert neighbours.pinned(gateway.route, "lan0") == {}


def test_only_unresolved_neighbours_are_forgotten(gateway: Gateway) -> None:
    """What hangs in resolution goes, what is resolved or pinned stays."""
    _pin(gateway, FIRST)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", ("192.0.2.44", 9))
    assert neighbours.flush_unresolved(gateway.route, "lan0") == 1
    assert neighbours.flush_unresolved(gateway.route, "lan0") == 0
    assert neighbours.pinned(gateway.route, "lan0") == {VIP: FIRST}


def test_unresolved_neighbours_of_ipv6_are_forgotten_too(gateway: Gateway) -> None:
    """Both families' hang while there is no carrier."""
    gateway.here("ip -6 addr add 2001:db8::2/64 dev lan0 nodad")
    gateway.here("ip neigh add 2001:db8::9 dev lan0 lladdr 02:00:00:00:00:99 nud reachable")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", ("2001:db8::44", 9))
    assert neighbours.flush_unresolved(gateway.route, "lan0") == 1
    assert "2001:db8::44" not in gateway.here("ip -6 neigh show dev lan0")
    assert "2001:db8::9" in gateway.here("ip -6 neigh show dev lan0")


def test_a_device_that_is_gone_has_nothing_to_forget(gateway: Gateway) -> None:
    """No device, no entries, no error."""
    assert neighbours.flush_unresolved(gateway.route, "gone0") == 0
    neighbours.unpin(gateway.route, "gone0", VIP)
