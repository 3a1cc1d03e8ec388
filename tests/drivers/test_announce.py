"""Gratuitous ARP."""

import errno
import socket
from ipaddress import IPv4Address

import pytest

from linkbalancer.drivers.announce import Announcer, gratuitous_arp
from linkbalancer.drivers.errors import DriverError
from tests.drivers.conftest import Gateway

VIP = IPv4Address("192.0.2.251")


def test_the_frame_is_the_fact_sheets() -> None:
    """Byte by byte as in the VRRP fact sheet 7.1: 42 bytes, a request, sender and target the virtual IP."""
    mac = bytes.fromhex("020000000001")
    assert gratuitous_arp(VIP, mac).hex() == (
        "ffffffffffff" "020000000001" "0806" "0001" "0800" "06" "04" "0001"
        "020000000001" "c00002fb" "ffffffffffff" "c00002fb"
    )  # fmt: skip


@pytest.mark.lab
def test_the_lan_hears_it_and_moves(gateway: Gateway) -> None:
    """A host that knew the virtual IP at another MAC knows it at ours afterwards."""
    gateway.lan("ip neigh add 192.0.2.251 dev eth0 lladdr 02:00:00:00:00:99 nud stale")
    with gateway.lan.entered():
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        listener.bind(("eth0", 0x0806))
        listener.settimeout(5)
    announcer = Announcer()
    announcer.announce("lan0", [VIP])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as probe:
        probe.bind(("lan0", 0))
        mac: bytes = probe.getsockname()[4]
    with listener:
        assert listener.recv(100)[:42] == gratuitous_arp(VIP, mac)
    assert mac.hex(":") in gateway.lan("ip neigh show 192.0.2.251")
    announcer.close()


@pytest.mark.lab
def test_a_device_that_is_down_or_gone_is_an_error(gateway: Gateway) -> None:
    """The announcement fails with the device's name, and works again when the device does."""
    announcer = Announcer()
    with pytest.raises(DriverError, match="on gone0") as refusal:
        announcer.announce("gone0", [VIP])
    assert refusal.value.errno == errno.ENODEV
    gateway.here("ip link set lan0 down")
    with pytest.raises(DriverError, match="on lan0") as refusal:
        announcer.announce("lan0", [VIP])
    assert refusal.value.errno == errno.ENETDOWN
    gateway.here("ip link set lan0 up")
    announcer.announce("lan0", [VIP])
    announcer.close()
