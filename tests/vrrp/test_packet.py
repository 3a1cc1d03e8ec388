"""The codec: fixed vectors of every version, a reason for every bad packet, and any bytes at all."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import Address
from linkbalancer.vrrp.packet import (
    CENTISECOND,
    MULTICAST,
    MULTICAST_IPV6,
    Advertisement,
    ChecksumForm,
    Received,
    Rejection,
    centiseconds,
    decode,
    encode,
    whole_seconds,
)
from tests.vrrp.adverts import (
    SOURCE,
    SOURCE_6,
    advertisements,
    changed,
    group_of,
    headed,
    hosts,
    packed,
    summed,
)

LINK_LOCAL, GLOBAL = IPv6Address("fe80::1"), IPv6Address("2001:db8::1")
ADVERTISEMENT = Advertisement(1, 100, SECOND, (IPv4Address("192.0.2.251"),))
OF_2 = replace(ADVERTISEMENT, version=2)
OF_6 = Advertisement(1, 100, SECOND, (LINK_LOCAL, GLOBAL))

# VRID 1, priority 100, one address, 100 cs. Words without checksum: 3101 6401 0064 c000 02fb, their sum folded 5862.
RFC9568_MESSAGE = bytes.fromhex("31016401 0064a79d c00002fb")
# The pseudo-header adds c000 020a e000 0012 0070 000c: the sum folded is fafb.
RFC5798_MESSAGE = bytes.fromhex("31016401 00640504 c00002fb")
# Version 2: words 2101 6401 0001 c000 02fb and four of zero: the sum, folded, is 47ff.
VERSION_2_MESSAGE = bytes.fromhex("21016401 0001b800 c00002fb 0000000000000000")
# The password "secret": type 1 adds 0100, its words 7365 6372 6574 add 13c4b; the sum, folded, is 854b.
PASSWORD_MESSAGE = bytes.fromhex("21016401 01017ab4 c00002fb 7365637265740000")
# IPv6: 3101 6402 0064, fe80..0001, 2001 0db8..0001, and fe80..000a ff02..0012 0028 0070: the sum, folded, is bfdb.
IPV6_MESSAGE = bytes.fromhex("31016402 00644024") + LINK_LOCAL.packed + GLOBAL.packed
PACKET = packed(RFC9568_MESSAGE)
PACKET_2 = packed(VERSION_2_MESSAGE)
PACKET_6 = packed(IPV6_MESSAGE, SOURCE_6)


def received(said: Advertisement, form: ChecksumForm = ChecksumForm.RFC9568, source: Address = SOURCE) -> Received:
    """Return what the codec makes of an advertisement to all routers of a LAN."""
    return Received(said, source, group_of(source), 255, form)


@pytest.mark.rfc("RFC 9568 5.2.8")
@pytest.mark.parametrize(
    ("form", "message"),
    [(ChecksumForm.RFC9568, RFC9568_MESSAGE), (ChecksumForm.RFC5798, RFC5798_MESSAGE)],
)
def test_fixed_vectors_of_version_3(form: ChecksumForm, message: bytes) -> None:
    """A message is, byte by byte, what was computed on paper, in both checksum forms, both ways."""
    assert encode(ADVERTISEMENT, SOURCE, MULTICAST, form) == message
    assert decode(packed(message)) == received(ADVERTISEMENT, form)


@pytest.mark.rfc("RFC 9568 5.2.9")
def test_a_fixed_vector_over_ipv6() -> None:
    """A message over IPv6, with the virtual router's link-local address first, is what was computed on paper."""
    assert encode(OF_6, SOURCE_6, MULTICAST_IPV6, ChecksumForm.AUTO) == IPV6_MESSAGE
    assert decode(PACKET_6) == received(OF_6, source=SOURCE_6)


@pytest.mark.rfc("RFC 3768 5.1")
def test_fixed_vectors_of_version_2() -> None:
    """Seconds, and eight bytes at the end: zero, and of no meaning, or a password."""
    known = replace(OF_2, auth_type=1, auth_data=b"secret\0\0")
    assert encode(OF_2, SOURCE, MULTICAST, ChecksumForm.AUTO) == VERSION_2_MESSAGE
    assert encode(OF_2, SOURCE, MULTICAST, ChecksumForm.AUTO, b"secret") == PASSWORD_MESSAGE
    assert encode(known, SOURCE, MULTICAST, ChecksumForm.AUTO) == PASSWORD_MESSAGE
    assert decode(PACKET_2) == received(OF_2)
    assert decode(packed(summed(VERSION_2_MESSAGE[:-8] + b"whatever"))) == received(OF_2)
    assert decode(packed(PASSWORD_MESSAGE)) == received(known)


def test_a_password_is_cut_to_eight_bytes_and_shown_nowhere() -> None:
    """As Keepalived does, so that both ends may have the same longer one; no representation says it."""
    message = encode(OF_2, SOURCE, MULTICAST, ChecksumForm.AUTO, b"longer-than-eight")
    assert message.endswith(b"longer-t")
    assert "longer" not in repr(decode(packed(message)))


def test_a_larger_vector() -> None:
    """Two addresses, the longest interval and priority 0 stand where RFC 9568 5.1 draws them."""
    advertisement = Advertisement(255, 0, 40950 * MILLISECOND, (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")))

    message = encode(advertisement, SOURCE, MULTICAST, ChecksumForm.RFC9568)

    # 31ff 0002 0fff 0a00 0001 0a00 0002: the sum is 5603.
    assert message == bytes.fromhex("31ff0002 0fffa9fc 0a000001 0a000002")


@settings(max_examples=100)
@given(st.data(), advertisements, st.sampled_from(ChecksumForm), st.sampled_from([True, False]), st.binary(max_size=30))
def test_what_is_encoded_is_decoded(
    data: st.DataObject, advertisement: Advertisement, form: ChecksumForm, group: object, padding: bytes
) -> None:
    """Every advertisement of every version comes back as it was, to all or to one, with padding behind it."""
    family = advertisement.addresses[0].version
    source = data.draw(hosts[family])
    destination = group_of(source) if group else data.draw(hosts[family])
    message = encode(advertisement, source, destination, form)

    found = decode(packed(message, source, destination) + padding)

    assert isinstance(found, Received)
    assert replace(found, form=form) == Received(advertisement, source, destination, 255, form)
    assert encode(found.advertisement, source, destination, found.form) == message


@settings(max_examples=50)
@given(advertisements, st.binary(min_size=1, max_size=12), st.integers(0, 10))
def test_a_password_and_options_come_through(advertisement: Advertisement, password: bytes, words: int) -> None:
    """Version 2 carries its password; no other version knows of one, and IPv4's options stand in nobody's way."""
    family = advertisement.addresses[0].version
    source = SOURCE if family == 4 else SOURCE_6
    message = encode(advertisement, source, group_of(source), ChecksumForm.AUTO, password)
    found = decode(packed(message, source, options=bytes(4 * words) if family == 4 else b""))
    assert isinstance(found, Received)
    said = (1, password[:8].ljust(8, b"\0")) if advertisement.version == 2 else (0, b"")
    assert (found.advertisement.auth_type, found.advertisement.auth_data) == said


def test_the_edges_of_every_field_come_back() -> None:
    """The highest VRID, priority and count, and the lowest priority and interval, are no mistakes."""
    for advertisement in (
        Advertisement(255, 255, 40950 * MILLISECOND, (SOURCE,) * 255),
        Advertisement(1, 0, 10 * MILLISECOND, (SOURCE,)),
        Advertisement(255, 255, 255 * SECOND, (SOURCE,) * 255, version=2),
        Advertisement(1, 0, SECOND, (SOURCE,), version=2),
        Advertisement(255, 255, 40950 * MILLISECOND, (SOURCE_6,) * 255),
    ):
        source = SOURCE if advertisement.addresses[0].version == 4 else SOURCE_6
        message = encode(advertisement, source, group_of(source), ChecksumForm.RFC9568)
        assert decode(packed(message, source)) == received(advertisement, source=source)


@settings(max_examples=200)
@given(st.binary(max_size=80))
@example(b"")
@example(b"\x45")
@example(b"\x60")
def test_any_bytes_are_answered(data: bytes) -> None:
    """Whatever arrives gives a value or a reason; nothing is raised."""
    assert isinstance(decode(data), Received | Rejection)


@settings(max_examples=300)
@given(st.sampled_from([PACKET, PACKET_2, PACKET_6]), st.integers(0, 150), st.integers(0, 255), st.integers(0, 150))
def test_any_damage_is_answered(packet: bytes, at: int, value: int, length: int) -> None:
    """A good packet with a byte replaced and its end cut off gives a value or a reason."""
    damaged = changed(packet, at % len(packet), value)[:length]
    assert isinstance(decode(damaged), Received | Rejection)
    if damaged and damaged[0] >> 4 == 4 and len(damaged) >= 20:
        assert isinstance(decode(headed(damaged)), Received | Rejection)


@settings(max_examples=200)
@given(st.binary(min_size=8, max_size=60), st.sampled_from([SOURCE, SOURCE_6]))
def test_any_message_in_a_good_header_is_answered(message: bytes, source: Address) -> None:
    """Any payload behind a good IP header gives a value or a reason, with its own checksum or with a good one."""
    assert isinstance(decode(packed(message, source)), Received | Rejection)
    assert isinstance(decode(packed(summed(message[: len(message) // 2 * 2]), source)), Received | Rejection)


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (PACKET[:31], Rejection.PACKET_LENGTH),
        (packed(RFC9568_MESSAGE, destination=IPv4Address("224.0.0.19")), Rejection.ADDRESS),
        (packed(IPV6_MESSAGE, SOURCE_6, IPv6Address("ff02::13")), Rejection.ADDRESS),
        (packed(RFC9568_MESSAGE, ttl=254), Rejection.IP_TTL),
        (packed(changed(RFC9568_MESSAGE, 0, 0x11)), Rejection.VERSION),
        (packed(changed(RFC9568_MESSAGE, 0, 0x41)), Rejection.VERSION),
        (packed(changed(IPV6_MESSAGE, 0, 0x21), SOURCE_6), Rejection.VERSION),
        (packed(changed(RFC9568_MESSAGE, 0, 0x32)), Rejection.INVALID_TYPE),
        (packed(changed(RFC9568_MESSAGE, 1, 0)), Rejection.VRID),
        (packed(changed(RFC9568_MESSAGE, 3, 2)), Rejection.PACKET_LENGTH),
        (packed(RFC9568_MESSAGE + bytes(8)), Rejection.PACKET_LENGTH),
        (packed(RFC9568_MESSAGE + bytes(1)), Rejection.PACKET_LENGTH),
        (packed(IPV6_MESSAGE[:-12], SOURCE_6), Rejection.PACKET_LENGTH),
        (packed(VERSION_2_MESSAGE[:-8]), Rejection.PACKET_LENGTH),
        (packed(VERSION_2_MESSAGE + bytes(4)), Rejection.PACKET_LENGTH),
        (packed(changed(RFC9568_MESSAGE, 2, 101)), Rejection.CHECKSUM),
        (packed(changed(VERSION_2_MESSAGE, 2, 101)), Rejection.CHECKSUM),
        (packed(changed(IPV6_MESSAGE, 2, 101), SOURCE_6), Rejection.CHECKSUM),
        (packed(RFC5798_MESSAGE, IPv4Address("192.0.2.11")), Rejection.CHECKSUM),
        (packed(IPV6_MESSAGE, IPv6Address("fe80::b")), Rejection.CHECKSUM),
        (packed(summed(bytes.fromhex("31016400 00640000"))), Rejection.ZERO_COUNT),
        (packed(summed(bytes.fromhex("31016401 00000000 c00002fb"))), Rejection.ZERO_INTERVAL),
        (packed(summed(bytes.fromhex("31016401 f0000000 c00002fb"))), Rejection.ZERO_INTERVAL),
        (packed(summed(changed(VERSION_2_MESSAGE, 5, 0))), Rejection.ZERO_INTERVAL),
    ],
)
def test_each_fault_has_its_reason(packet: bytes, reason: Rejection) -> None:
    """Each check that needs no configuration refuses what it is there for, and says which one it was."""
    assert decode(packet) is reason


@pytest.mark.rfc("RFC 9568 5.1.1.3")
@pytest.mark.parametrize("ttl", [0, 1, 64, 254])
def test_a_routed_advert_is_refused(ttl: int) -> None:
    """Only a TTL, or hop limit, of 255 proves that the sender is on this LAN."""
    assert decode(packed(RFC9568_MESSAGE, ttl=ttl)) is Rejection.IP_TTL
    assert decode(packed(IPV6_MESSAGE, SOURCE_6, ttl=ttl)) is Rejection.IP_TTL


def test_what_was_sent_to_one_router_is_left_to_the_group() -> None:
    """Which peers there are, and how far away, is configured: any destination and TTL come through."""
    peer = IPv4Address("192.0.2.11")
    for form in (ChecksumForm.RFC9568, ChecksumForm.RFC5798, ChecksumForm.OLD_UNICAST):
        message = encode(ADVERTISEMENT, SOURCE, peer, form)
        assert decode(packed(message, destination=peer, ttl=64)) == Received(ADVERTISEMENT, SOURCE, peer, 64, form)


def test_version_2_without_addresses_is_left_to_the_comparison_of_the_lists() -> None:
    """RFC 3768 has no rule for it; an owner's would pass."""
    empty = summed(changed(VERSION_2_MESSAGE[:8], 3, 0) + bytes(8))
    assert decode(packed(empty)) == received(replace(OF_2, addresses=()))


@pytest.mark.rfc("RFC 9568 5.2.6")
@given(st.integers(0, 15))
def test_the_reserved_bits_are_ignored(nibble: int) -> None:
    """The four bits before the interval never change it, though they are summed."""
    message = summed(changed(RFC9568_MESSAGE, 4, nibble << 4))

    assert decode(packed(message)) == received(ADVERTISEMENT)


def test_ethernet_padding_is_no_part_of_the_message() -> None:
    """A frame padded to Ethernet's minimum, with zeros or with rubbish, decodes as if it were not."""
    assert decode(PACKET + bytes(14)) == decode(PACKET)
    assert decode(PACKET + b"\xff" * 14) == decode(PACKET)


@pytest.mark.parametrize(
    "advertisement",
    [
        replace(ADVERTISEMENT, vrid=0),
        replace(ADVERTISEMENT, vrid=256),
        replace(ADVERTISEMENT, priority=-1),
        replace(ADVERTISEMENT, priority=256),
        replace(ADVERTISEMENT, addresses=()),
        replace(ADVERTISEMENT, addresses=(SOURCE,) * 256),
        replace(ADVERTISEMENT, addresses=(SOURCE_6,)),
        replace(ADVERTISEMENT, addresses=(SOURCE, SOURCE_6)),
        replace(ADVERTISEMENT, interval=0),
        replace(ADVERTISEMENT, version=1),
        replace(ADVERTISEMENT, version=4),
        replace(OF_2, interval=100 * MILLISECOND),
        replace(OF_2, auth_type=256),
    ],
)
def test_nothing_outside_the_fields_is_sent(advertisement: Advertisement) -> None:
    """What the wire cannot say is refused before it is cut to something else."""
    with pytest.raises(ValueError, match=r"out of range|interval|two families|no version"):
        encode(advertisement, SOURCE, MULTICAST, ChecksumForm.RFC9568)


def test_version_2_knows_no_ipv6() -> None:
    """And no message goes to a group of the other family."""
    with pytest.raises(ValueError, match="no version 2"):
        encode(replace(OF_6, version=2), SOURCE_6, MULTICAST_IPV6, ChecksumForm.AUTO)
    with pytest.raises(ValueError, match="two families"):
        encode(OF_6, SOURCE_6, MULTICAST, ChecksumForm.AUTO)


@pytest.mark.rfc("RFC 9568 5.2.7")
def test_intervals_are_whole_centiseconds() -> None:
    """10 ms to 40.95 s go through, everything between and beyond the steps is refused."""
    assert [centiseconds(10 * MILLISECOND), centiseconds(SECOND), centiseconds(40950 * MILLISECOND)] == [1, 100, 4095]
    for interval in (0, -CENTISECOND, 15 * MILLISECOND, 40960 * MILLISECOND, SECOND + 1):
        with pytest.raises(ValueError, match=f"not {interval} ns"):
            centiseconds(interval)


@pytest.mark.rfc("RFC 3768 5.3.7")
def test_intervals_of_version_2_are_whole_seconds() -> None:
    """1 s to 255 s go through, everything between and beyond is refused."""
    assert [whole_seconds(SECOND), whole_seconds(255 * SECOND)] == [1, 255]
    for interval in (0, -SECOND, 100 * MILLISECOND, 1500 * MILLISECOND, 256 * SECOND, SECOND + 1):
        with pytest.raises(ValueError, match=f"not {interval} ns"):
            whole_seconds(interval)
