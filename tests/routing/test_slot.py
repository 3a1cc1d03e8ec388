"""Tests of a packet's slot: as the kernel has it (the values were read from one), and for both directions the same."""

from ipaddress import ip_address

import pytest

from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import jhash, key_of, slot_of
from linkbalancer.routing.sticky import Sticky

V4 = Packet(ip_address("10.9.0.1"), ip_address("127.0.0.5"), 17, 4000, 53)
V6 = Packet(ip_address("fd00::1"), ip_address("::1"), 17, 4000, 53)


@pytest.mark.parametrize(
    ("packet", "sticky", "slot"),
    [(V4, Sticky.SOURCE, 989), (V4, Sticky.PAIR, 274), (V6, Sticky.SOURCE, 451), (V6, Sticky.PAIR, 908)],
)
def test_a_slot_is_the_kernels(packet: Packet, sticky: Sticky, slot: int) -> None:
    """Kernel 6.18, x86-64: `jhash ip saddr mod 1024 seed 0x6c62`, and its like."""
    assert slot_of(packet, sticky) == slot


def test_what_stays_together_has_one_key() -> None:
    """Ports tell flows apart, destinations pairs; a source is itself alone."""
    other = Packet(V4.source, V4.destination, 17, 4001, 53)
    further = Packet(V4.source, ip_address("127.0.0.6"), 17, 4000, 53)
    assert key_of(V4, Sticky.FLOW) != key_of(other, Sticky.FLOW)
    assert key_of(V4, Sticky.PAIR) == key_of(other, Sticky.PAIR) != key_of(further, Sticky.PAIR)
    assert key_of(V4, Sticky.SOURCE) == key_of(further, Sticky.SOURCE)


def test_a_flow_without_ports_is_known_by_its_addresses() -> None:
    """The bytes that stand where ports would be are a checksum in ICMP: another one in every packet."""
    ping = Packet(V4.source, V4.destination, 1, 8, 1234)
    assert key_of(ping, Sticky.FLOW) == key_of(V4, Sticky.PAIR)


def test_an_empty_key_is_not_stirred() -> None:
    """As the kernel's function has it."""
    assert jhash(b"", 0) == 0xDEADBEEF
