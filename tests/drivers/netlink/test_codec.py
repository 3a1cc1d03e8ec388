"""Netlink's framing."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.drivers.netlink.codec import HEADER, attribute, attributes, message, messages, nested, text

_PARTS = st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40)), max_size=6)


@given(_PARTS)
def test_attributes_come_back_as_they_went(parts: list[tuple[int, bytes]]) -> None:
    """Padding is put in and taken out, whatever the lengths."""
    assert list(attributes(b"".join(attribute(kind, value) for kind, value in parts))) == parts


@given(_PARTS)
def test_messages_come_back_as_they_went(parts: list[tuple[int, bytes]]) -> None:
    """Several messages in one datagram are told apart, whatever their lengths."""
    data = b"".join(message(kind, 0, payload) for kind, payload in parts)
    assert [(kind, payload) for kind, _flags, _sequence, payload in messages(data)] == parts


def test_nested_attributes_lose_their_flag_when_read() -> None:
    """The flag that says `nested` is no part of the kind."""
    assert list(attributes(nested(3, text(1, "a")))) == [(3, b"\x06\x00\x01\x00a\x00\x00\x00")]


@given(st.binary(max_size=64))
def test_garbage_is_never_read_beyond_its_end(data: bytes) -> None:
    """Whatever arrives, reading ends and yields only what lies inside."""
    assert sum(len(value) for _kind, value in attributes(data)) <= len(data)
    assert sum(len(payload) + HEADER.size for *_header, payload in messages(data)) <= len(data)
