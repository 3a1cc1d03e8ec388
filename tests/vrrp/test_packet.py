"""The codec: fixed vectors, both checksums, a reason for every bad packet, and any bytes at all."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.vrrp.packet import (
    CENTISECOND,
    MULTICAST,
    PROTOCOL,
    Advertisement,
    ChecksumForm,
    Received,
    Rejection,
    centiseconds,
    decode,
    encode,
)

SOURCE = IPv4Address("192.0.2.10")
ADVERTISEMENT = Advertisement(1, 100, SECOND, (IPv4Address("192.0.2.251"),))

# VRID 1, priority 100, one address, 100 cs. Words without checksum: 3101 6401 0064 c000 02fb, their sum folded 5862.
RFC9568_MESSAGE = bytes.fromhex("31016401 0064a79d c00002fb")
# The pseudo-header adds c000 020a e000 0012 0070 000c: the sum folded is fafb.
RFC5798_MESSAGE = bytes.fromhex("31016401 00640504 c00002fb")
IP_HEADER = bytes.fromhex("45c00020 00004000 ff700000 c000020a e0000012")
PACKET = IP_HEADER + RFC9568_MESSAGE

advertisements = st.builds(
    Advertisement,
    st.integers(1, 255),
    st.integers(0, 255),
    st.integers(1, 4095).map(lambda cs: cs * CENTISECOND),
    st.lists(st.integers(0, 2**32 - 1).map(IPv4Address), min_size=1, max_size=255).map(tuple),
)
sources = st.integers(0, 2**32 - 1).map(IPv4Address)


def packed(message: bytes, source: IPv4Address = SOURCE, *, options: bytes = b"", ttl: int = 255) -> bytes:
    """Put an IPv4 header before a message."""
    length = 20 + len(options) + len(message)
    first = 0x45 + len(options) // 4
    header = struct.pack("!BBHHHBBH", first, 0xC0, length, 0, 0x4000, ttl, PROTOCOL, 0)
    return header + source.packed + MULTICAST.packed + options + message


def summed(message: bytes) -> bytes:
    """Give a message the checksum of RFC 9568, whatever else is wrong with it."""
    words = sum(struct.unpack(f"!{len(message) // 2}H", message[:6] + b"\0\0" + message[8:]))
    words = (words >> 16) + (words & 0xFFFF)
    return message[:6] + struct.pack("!H", 0xFFFF - ((words >> 16) + (words & 0xFFFF))) + message[8:]


def changed(packet: bytes, at: int, *values: int) -> bytes:
    """Replace bytes of a packet."""
    return packet[:at] + bytes(values) + packet[at + len(values) :]


@pytest.mark.rfc("RFC 9568 5.2.8")
@pytest.mark.parametrize(
    ("form", "message"),
    [(ChecksumForm.RFC9568, RFC9568_MESSAGE), (ChecksumForm.RFC5798, RFC5798_MESSAGE)],
)
def test_fixed_vectors(form: ChecksumForm, message: bytes) -> None:
    """A message is, byte by byte, what was computed on paper, in both checksum forms, both ways."""
    assert encode(ADVERTISEMENT, SOURCE, form) == message
    assert decode(IP_HEADER + message) == Received(ADVERTISEMENT, SOURCE, form)


def test_a_larger_vector() -> None:
    """Two addresses, the longest interval and priority 0 stand where RFC 9568 5.1 draws them."""
    advertisement = Advertisement(255, 0, 40950 * MILLISECOND, (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")))

    message = encode(advertisement, SOURCE, ChecksumForm.RFC9568)

    # 31ff 0002 0fff 0a00 0001 0a00 0002: the sum is 5603.
    assert message == bytes.fromhex("31ff0002 0fffa9fc 0a000001 0a000002")


@settings(max_examples=60)
@given(advertisements, sources, st.sampled_from(ChecksumForm), st.integers(0, 10), st.binary(max_size=30))
def test_what_is_encoded_is_decoded(
    advertisement: Advertisement, source: IPv4Address, form: ChecksumForm, words: int, padding: bytes
) -> None:
    """Every advertisement comes back as it was, through IP options before it and Ethernet padding behind it."""
    message = encode(advertisement, source, form)

    received = decode(packed(message, source, options=bytes(4 * words)) + padding)

    assert isinstance(received, Received)
    assert received.advertisement == advertisement
    assert received.source == source
    assert received.form in (form, ChecksumForm.RFC9568)  # a pseudo-header may sum to nothing


def test_the_edges_of_every_field_come_back() -> None:
    """The highest VRID, priority and count, and the lowest priority and interval, are no mistakes."""
    for advertisement in (
        Advertisement(255, 255, 40950 * MILLISECOND, (SOURCE,) * 255),
        Advertisement(1, 0, 10 * MILLISECOND, (SOURCE,)),
    ):
        message = encode(advertisement, SOURCE, ChecksumForm.RFC9568)
        assert decode(packed(message)) == Received(advertisement, SOURCE, ChecksumForm.RFC9568)


def test_a_sum_that_fits_both_forms_counts_as_rfc_9568() -> None:
    """A pseudo-header that adds nothing leaves the forms the same; then the newer one is assumed."""
    source = IPv4Address(0xFFFF - (0xE000 + 0x12 + 0x70 + 0x0C))
    message = encode(ADVERTISEMENT, source, ChecksumForm.RFC5798)

    assert message == RFC9568_MESSAGE
    assert decode(packed(message, source)) == Received(ADVERTISEMENT, source, ChecksumForm.RFC9568)


@settings(max_examples=200)
@given(st.binary(max_size=80))
@example(b"")
@example(b"\x45")
def test_any_bytes_are_answered(data: bytes) -> None:
    """Whatever arrives gives a value or a reason; nothing is raised."""
    assert isinstance(decode(data), Received | Rejection)


@settings(max_examples=200)
@given(st.integers(0, len(PACKET) - 1), st.integers(0, 255), st.integers(0, len(PACKET)))
def test_any_damage_is_answered(at: int, value: int, length: int) -> None:
    """A good packet with a byte replaced and its end cut off gives a value or a reason."""
    assert isinstance(decode(changed(PACKET, at, value)[:length]), Received | Rejection)


@settings(max_examples=200)
@given(st.binary(min_size=8, max_size=60))
def test_any_message_in_a_good_header_is_answered(message: bytes) -> None:
    """Any payload behind a good IPv4 header gives a value or a reason, with its own checksum or with a good one."""
    assert isinstance(decode(packed(message)), Received | Rejection)
    assert isinstance(decode(packed(summed(message[: len(message) // 2 * 2]))), Received | Rejection)


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (PACKET[:19], Rejection.PACKET_LENGTH),
        (PACKET[:31], Rejection.PACKET_LENGTH),
        (changed(PACKET, 0, 0x65), Rejection.IP_VERSION),
        (changed(PACKET, 0, 0x44), Rejection.PACKET_LENGTH),
        (changed(PACKET, 0, 0x47), Rejection.PACKET_LENGTH),
        (changed(PACKET, 2, 0, 27), Rejection.PACKET_LENGTH),
        (changed(PACKET, 2, 0, 33), Rejection.PACKET_LENGTH),
        (changed(PACKET, 6, 0x20, 0), Rejection.FRAGMENT),
        (changed(PACKET, 6, 0, 1), Rejection.FRAGMENT),
        (changed(PACKET, 9, 89), Rejection.PROTOCOL),
        (changed(PACKET, 19, 0x13), Rejection.ADDRESS),
        (changed(PACKET, 8, 254), Rejection.IP_TTL),
        (changed(PACKET, 20, 0x21), Rejection.VERSION),
        (changed(PACKET, 20, 0x32), Rejection.INVALID_TYPE),
        (changed(PACKET, 21, 0), Rejection.VRID),
        (changed(PACKET, 23, 2), Rejection.PACKET_LENGTH),
        (packed(RFC9568_MESSAGE + bytes(8)), Rejection.PACKET_LENGTH),
        (packed(RFC9568_MESSAGE + bytes(1)), Rejection.PACKET_LENGTH),
        (changed(PACKET, 22, 101), Rejection.CHECKSUM),
        (packed(RFC5798_MESSAGE, IPv4Address("192.0.2.11")), Rejection.CHECKSUM),
        (packed(summed(bytes.fromhex("31016400 00640000"))), Rejection.ZERO_COUNT),
        (packed(summed(bytes.fromhex("31016401 00000000 c00002fb"))), Rejection.ZERO_INTERVAL),
        (packed(summed(bytes.fromhex("31016401 f0000000 c00002fb"))), Rejection.ZERO_INTERVAL),
    ],
)
def test_each_fault_has_its_reason(packet: bytes, reason: Rejection) -> None:
    """Each check of the receive path refuses what it is there for, and says which one it was."""
    assert decode(packet) == reason


@pytest.mark.rfc("RFC 9568 5.1.1.3")
@pytest.mark.parametrize("ttl", [0, 1, 64, 254])
def test_a_routed_advert_is_refused(ttl: int) -> None:
    """Only a TTL of 255 proves that the sender is on this LAN."""
    assert decode(packed(RFC9568_MESSAGE, ttl=ttl)) == Rejection.IP_TTL


@pytest.mark.rfc("RFC 9568 5.2.6")
@given(st.integers(0, 15))
def test_the_reserved_bits_are_ignored(nibble: int) -> None:
    """The four bits before the interval never change it, though they are summed."""
    message = summed(changed(RFC9568_MESSAGE, 4, nibble << 4))

    assert decode(packed(message)) == Received(ADVERTISEMENT, SOURCE, ChecksumForm.RFC9568)


def test_ethernet_padding_is_no_part_of_the_message() -> None:
    """A frame padded to Ethernet's minimum, with zeros or with rubbish, decodes as if it were not."""
    assert decode(PACKET + bytes(14)) == decode(PACKET)
    assert decode(PACKET + b"\xff" * 14) == decode(PACKET)


@pytest.mark.parametrize(
    "advertisement",
    [
        Advertisement(0, 100, SECOND, (SOURCE,)),
        Advertisement(256, 100, SECOND, (SOURCE,)),
        Advertisement(1, -1, SECOND, (SOURCE,)),
        Advertisement(1, 256, SECOND, (SOURCE,)),
        Advertisement(1, 100, SECOND, ()),
        Advertisement(1, 100, SECOND, (SOURCE,) * 256),
        Advertisement(1, 100, 0, (SOURCE,)),
    ],
)
def test_nothing_outside_the_fields_is_sent(advertisement: Advertisement) -> None:
    """What the wire cannot say is refused before it is cut to something else."""
    with pytest.raises(ValueError, match=r"out of range|interval"):
        encode(advertisement, SOURCE, ChecksumForm.RFC9568)


@pytest.mark.rfc("RFC 9568 5.2.7")
def test_intervals_are_whole_centiseconds() -> None:
    """10 ms to 40.95 s go through, everything between and beyond the steps is refused."""
    assert [centiseconds(10 * MILLISECOND), centiseconds(SECOND), centiseconds(40950 * MILLISECOND)] == [1, 100, 4095]
    for interval in (0, -CENTISECOND, 15 * MILLISECOND, 40960 * MILLISECOND, SECOND + 1):
        with pytest.raises(ValueError, match=f"not {interval} ns"):
            centiseconds(interval)
