"""The checksums: each form against a sum by the book, and what a receiver makes of each."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.links import Address
from linkbalancer.vrrp.checksum import ChecksumForm, seal, verified
from linkbalancer.vrrp.ip import MULTICAST, MULTICAST_IPV6, PROTOCOL, Datagram
from tests.vrrp.adverts import SOURCE, SOURCE_6, changed, ipv4, ipv6, summed

PEER = IPv4Address("192.0.2.11")
MESSAGE = bytes.fromhex("31016401 00640000 c00002fb")
FORMS = (ChecksumForm.RFC9568, ChecksumForm.RFC5798, ChecksumForm.OLD_UNICAST)

messages = (
    st.integers(0, 40)
    .flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
    .map(lambda rest: b"\x31\1\x64\1\0\x64\0\0" + rest)
)


def laid_out(source: Address, destination: Address, length: int) -> bytes:
    """Return the pseudo-header of either family as its RFC draws it (RFC 1071 and RFC 8200 8.1)."""
    if source.version == 6:
        return source.packed + destination.packed + length.to_bytes(4) + bytes([0, 0, 0, PROTOCOL])
    return source.packed + destination.packed + bytes([0, PROTOCOL]) + length.to_bytes(2)


@pytest.mark.rfc("RFC 9568 5.2.8")
@given(messages, ipv4, ipv4)
def test_each_form_covers_what_it_says(message: bytes, source: IPv4Address, destination: IPv4Address) -> None:
    """Message alone, real pseudo-header, and one of the group: each as if added up word by word."""
    real = laid_out(source, destination, len(message))
    group = laid_out(source, MULTICAST, len(message))
    expected = summed(message), summed(message, real), summed(message, group)
    assert expected == tuple(seal(3, source, destination, message, form) for form in FORMS)
    assert summed(message) == seal(3, source, destination, message, ChecksumForm.AUTO)


@pytest.mark.rfc("RFC 9568 5.2.8")
@given(messages, ipv6, ipv6, st.sampled_from(ChecksumForm))
def test_ipv6_has_one_form(message: bytes, source: Address, destination: Address, form: ChecksumForm) -> None:
    """Its pseudo-header is always part of it, whatever form is asked for."""
    sealed = summed(message, laid_out(source, destination, len(message)))
    assert sealed == seal(3, source, destination, message, form)
    assert verified(3, Datagram(source, destination, 255, sealed)) is ChecksumForm.RFC9568


@pytest.mark.rfc("RFC 3768 5.3.8")
@given(messages, ipv4, st.sampled_from(ChecksumForm))
def test_version_2_has_one_form(message: bytes, source: IPv4Address, form: ChecksumForm) -> None:
    """The message alone."""
    assert summed(message) == seal(2, source, MULTICAST, message, form)


@pytest.mark.parametrize("destination", [MULTICAST, PEER])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_told_apart(form: ChecksumForm, destination: IPv4Address) -> None:
    """A receiver says which form it met; to the group, the old one for single peers is that of RFC 5798."""
    met = verified(3, Datagram(SOURCE, destination, 255, seal(3, SOURCE, destination, MESSAGE, form)))
    assert met is (ChecksumForm.RFC5798 if form in FORMS[1:] and destination == MULTICAST else form)


def test_what_fits_no_form_is_refused() -> None:
    """A flipped bit, another source, and pseudo-headers where none belong."""
    damaged = changed(seal(3, SOURCE, PEER, MESSAGE, ChecksumForm.RFC5798), 2, 0x65)
    assert verified(3, Datagram(SOURCE, PEER, 255, damaged)) is None
    other = seal(3, PEER, MULTICAST, MESSAGE, ChecksumForm.RFC5798)
    assert verified(3, Datagram(SOURCE, MULTICAST, 255, other)) is None
    assert verified(2, Datagram(SOURCE, MULTICAST, 255, seal(3, SOURCE, MULTICAST, MESSAGE, FORMS[1]))) is None
    bare = seal(2, SOURCE_6, MULTICAST_IPV6, MESSAGE, ChecksumForm.AUTO)
    assert verified(3, Datagram(SOURCE_6, MULTICAST_IPV6, 255, bare)) is None


def test_a_sum_that_fits_both_forms_counts_as_rfc_9568() -> None:
    """A pseudo-header that adds nothing leaves the forms the same; then the newer one is assumed."""
    source = IPv4Address(0xFFFF - (0xE000 + 0x12 + 0x70 + 0x0C))
    sealed = seal(3, source, MULTICAST, MESSAGE, ChecksumForm.RFC5798)
    assert sealed == summed(MESSAGE)
    assert verified(3, Datagram(source, MULTICAST, 255, sealed)) is ChecksumForm.RFC9568
