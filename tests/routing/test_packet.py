"""Tests of packets."""

from ipaddress import IPv4Address

from linkbalancer.routing.packet import Packet


def test_a_mirrored_packet_swaps_its_ends() -> None:
    """Addresses and ports change places; protocol and TOS stay; twice is the packet itself."""
    packet = Packet(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"), 6, 1000, 80, 16)

    assert packet.mirrored() == Packet(IPv4Address("10.0.0.2"), IPv4Address("10.0.0.1"), 6, 80, 1000, 16)
    assert packet.mirrored().mirrored() == packet
