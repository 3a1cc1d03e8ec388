"""The IP header: of either version, with options and padding, and the reason for each that is refused."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.links import Address, Family
from linkbalancer.vrrp.ip import MULTICAST, MULTICAST_IPV6, Datagram, multicast, unwrap, wrap
from linkbalancer.vrrp.packet import Rejection
from tests.vrrp.adverts import SOURCE, SOURCE_6, changed, headed, packed

MESSAGE = bytes.fromhex("31016401 0064a79d c00002fb")
HEADER = bytes.fromhex("45c00020 00000000 ff701891 c000020a e0000012")
"""Words 45c0 0020 ff70 c000 020a e000 0012: their sum is 2e76c, folded e76e."""

HEADER_6 = bytes.fromhex("6c000000 000c70ff") + SOURCE_6.packed + MULTICAST_IPV6.packed
PACKET, PACKET_6 = HEADER + MESSAGE, HEADER_6 + MESSAGE


@pytest.mark.rfc("RFC 9568 5.1")
def test_fixed_vectors() -> None:
    """Both headers are, byte by byte, what was written down on paper: class CS6, TTL 255, protocol 112; both ways."""
    assert wrap(SOURCE, MULTICAST, MESSAGE) == PACKET
    assert wrap(SOURCE_6, MULTICAST_IPV6, MESSAGE) == PACKET_6
    assert unwrap(PACKET) == Datagram(SOURCE, MULTICAST, 255, MESSAGE)
    assert unwrap(PACKET_6) == Datagram(SOURCE_6, MULTICAST_IPV6, 255, MESSAGE)


def test_the_family_and_its_group() -> None:
    """A datagram knows its family, and whether it was sent to all VRRP routers."""
    assert (multicast(Family.IPV4), multicast(Family.IPV6)) == (MULTICAST, MULTICAST_IPV6)
    assert Datagram(SOURCE_6, MULTICAST_IPV6, 255, MESSAGE).family is Family.IPV6
    assert Datagram(SOURCE, MULTICAST, 255, MESSAGE).to_group
    assert not Datagram(SOURCE, IPv4Address("192.0.2.11"), 255, MESSAGE).to_group


@pytest.mark.parametrize("padding", [b"", bytes(14), b"\xff" * 14])
@pytest.mark.parametrize("words", [0, 1, 10])
def test_options_and_padding_are_no_part_of_the_message(words: int, padding: bytes) -> None:
    """The header's own length and the datagram's own length count, whatever Ethernet brings behind."""
    assert unwrap(packed(MESSAGE, options=bytes(4 * words)) + padding) == Datagram(SOURCE, MULTICAST, 255, MESSAGE)
    assert unwrap(PACKET_6 + padding) == Datagram(SOURCE_6, MULTICAST_IPV6, 255, MESSAGE)


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", Rejection.PACKET_LENGTH),
        (b"\x45", Rejection.PACKET_LENGTH),
        (PACKET[:19], Rejection.PACKET_LENGTH),
        (PACKET[:31], Rejection.PACKET_LENGTH),
        (changed(PACKET, 0, 0x75), Rejection.IP_VERSION),
        (changed(PACKET, 0, 0x44), Rejection.PACKET_LENGTH),
        (headed(changed(PACKET, 0, 0x4F)), Rejection.PACKET_LENGTH),
        (headed(changed(PACKET, 2, 0, 27)), Rejection.PACKET_LENGTH),
        (headed(changed(PACKET, 2, 0, 33)), Rejection.PACKET_LENGTH),
        (changed(PACKET, 8, 254), Rejection.IP_CHECKSUM),
        (changed(PACKET, 12, 0xC1), Rejection.IP_CHECKSUM),
        (headed(changed(PACKET, 6, 0x20, 0)), Rejection.FRAGMENT),
        (headed(changed(PACKET, 6, 0, 1)), Rejection.FRAGMENT),
        (headed(changed(PACKET, 9, 89)), Rejection.PROTOCOL),
        (PACKET_6[:39], Rejection.PACKET_LENGTH),
        (PACKET_6[:51], Rejection.PACKET_LENGTH),
        (changed(PACKET_6, 4, 0, 7), Rejection.PACKET_LENGTH),
        (changed(PACKET_6, 4, 0, 13), Rejection.PACKET_LENGTH),
        (changed(PACKET_6, 6, 44), Rejection.FRAGMENT),
        (changed(PACKET_6, 6, 0), Rejection.PROTOCOL),
    ],
)
def test_each_fault_has_its_reason(packet: bytes, reason: Rejection) -> None:
    """Each check refuses what it is there for, and says which one it was."""
    assert unwrap(packet) is reason


def test_do_not_fragment_is_no_fragment() -> None:
    """The bit that forbids fragments is set by many senders."""
    assert isinstance(unwrap(headed(changed(PACKET, 6, 0x40, 0))), Datagram)


@pytest.mark.parametrize("source", ["0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255", "::", "::1", "ff02::12"])
def test_a_source_that_nobody_has_is_refused(source: str) -> None:
    """The kernel's IP layer would drop it, but a packet socket sees it: nobody shall be Master at 0.0.0.0."""
    address: Address = IPv6Address(source) if ":" in source else IPv4Address(source)
    assert unwrap(packed(MESSAGE, address)) is Rejection.SOURCE


@given(st.binary(min_size=8, max_size=300), st.sampled_from([SOURCE, SOURCE_6]), st.integers(0, 255))
def test_what_is_wrapped_is_unwrapped(message: bytes, source: Address, ttl: int) -> None:
    """Any message comes back as it was, with its addresses and its TTL."""
    packet = packed(message, source, ttl=ttl)
    assert unwrap(packet) == Datagram(source, MULTICAST if source.version == 4 else MULTICAST_IPV6, ttl, message)
