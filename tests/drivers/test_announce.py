"""Gratuitous ARP."""

import errno
import socket
from ipaddress import IPv4Address, IPv6Address

import pytest

from linkbalancer.drivers.announce import Announcer, gratuitous_arp, is_router, unsolicited_advertisement
from linkbalancer.drivers.errors import DriverError
from tests.daemon.waiting import until
from tests.drivers.conftest import Gateway

VIP = IPv4Address("192.0.2.251")
VIP_IPV6 = IPv6Address("2001:db8::251")
VIRTUAL = bytes.fromhex("00005e000201")


def test_the_frame_is_the_fact_sheets() -> None:
    """Byte by byte as in the VRRP fact sheet 7.1: 42 bytes, a request, sender and target the virtual IP."""
    mac = bytes.fromhex("020000000001")
    assert gratuitous_arp(VIP, mac).hex() == (
        "ffffffffffff" "020000000001" "0806" "0001" "0800" "06" "04" "0001"
        "020000000001" "c00002fb" "ffffffffffff" "c00002fb"
    )  # fmt: skip


def test_what_is_announced_again_is_a_reply() -> None:
    """The same frame but for its operation, so that nobody who has the address as well answers it."""
    request, reply = gratuitous_arp(VIP, VIRTUAL), gratuitous_arp(VIP, VIRTUAL, reply=True)
    assert (request[20:22].hex(), reply[20:22].hex()) == ("0001", "0002")
    assert request[:20] + request[22:] == reply[:20] + reply[22:]


def test_the_advertisement_is_the_fact_sheets() -> None:
    """Byte by byte as in the VRRP fact sheet 7.2: 86 bytes, from the virtual IP to all nodes, its MAC as an option."""
    frame = unsolicited_advertisement(VIP_IPV6, VIRTUAL, router=True)
    assert len(frame) == 86
    assert frame[:54].hex() == (
        "333300000001" "00005e000201" "86dd" "60000000" "0020" "3a" "ff"
        "20010db8000000000000000000000251" "ff020000000000000000000000000001"
    )  # fmt: skip
    assert (frame[54:56].hex(), frame[58:].hex()) == (
        "8800",
        "a000000020010db8000000000000000000000251020100005e000201",
    )
    assert unsolicited_advertisement(VIP_IPV6, VIRTUAL, router=False)[58:62].hex() == "20000000"


@pytest.mark.lab
@pytest.mark.parametrize("forwarding", [0, 1])
def test_the_lan_hears_an_advertisement_and_moves(gateway: Gateway, forwarding: int) -> None:
    """A host that knew the virtual IP at another MAC knows it at the new one, and as a router while it forwards."""
    gateway.lan("ip -6 addr add 2001:db8::100/64 dev eth0 nodad")
    gateway.lan("ip neigh add 2001:db8::251 dev eth0 lladdr 02:00:00:00:00:99 nud stale")
    gateway.here(f"sysctl -qw net.ipv6.conf.lan0.forwarding={forwarding}")
    assert is_router("lan0") is bool(forwarding)
    announcer = Announcer()
    announcer.announce("lan0", [VIP, VIP_IPV6], VIRTUAL)
    announcer.close()
    until(lambda: VIRTUAL.hex(":") in gateway.lan("ip neigh show 2001:db8::251"))
    assert ("router" in gateway.lan("ip neigh show 2001:db8::251")) is bool(forwarding)


@pytest.mark.lab
def test_a_device_that_is_gone_is_no_router(gateway: Gateway) -> None:
    """Nor one without IPv6."""
    assert gateway.route
    assert not is_router("gone0")


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
