"""Tests of questions to resolvers and their answers."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.engine.naming.message import (
    ADDRESSES_MAX,
    Answer,
    Question,
    Refusal,
    Reply,
    Truncated,
    asked,
    read,
    usable,
)
from tests.engine.naming import answers

FOUR, SIX = Question("a.example", 4), Question("a.example", 6)
AT_NAME = b"\xc0\x0c"
"""A pointer to the question's name."""


def said(
    *some: bytes, question: Question = FOUR, authorities: tuple[bytes, ...] = (), flags: int = 0x8180
) -> Reply | None:
    """Read an answer with these records."""
    kind = 1 if question.family == 4 else 28
    return read(answers.message(7, question.name, kind, some, authorities=authorities, flags=flags), 7, question)


def numbers(*words: str) -> tuple[int, ...]:
    """Return addresses as integers."""
    return tuple(int(ip_address(one)) for one in words)


def test_a_question_on_the_wire() -> None:
    """RFC 1035 4.1: recursion desired, one question; RFC 6891: how long an answer may be."""
    assert asked(0x1234, FOUR) == bytes.fromhex(
        "1234 0100 0001 0000 0000 0001 01 61 07 6578616d706c65 00 0001 0001 00 0029 04d0 00000000 0000"
    )
    assert asked(0, SIX)[23:27] == bytes.fromhex("001c 0001")
    assert str(SIX) == "a.example (IPv6)"


def test_addresses_and_the_least_ttl() -> None:
    """Sorted, each once; the TTL that ends first counts for all."""
    reply = said(
        answers.address("a.example", "192.0.2.9", 300),
        answers.address(AT_NAME, "192.0.2.1", 20),
        answers.address("A.EXAMPLE", "192.0.2.1", 90),
        answers.record("a.example", 16, 1, b"\x03abc"),
    )

    assert reply == Answer(numbers("192.0.2.1", "192.0.2.9"), 20 * SECOND)
    six = said(answers.address("a.example", "2001:db8::7"), question=SIX)
    assert six == Answer(numbers("2001:db8::7"), 60 * SECOND)


def test_aliases_are_followed() -> None:
    """However the records are ordered; what belongs to none of the aliases counts for nothing."""
    reply = said(
        answers.address("c.cdn.example", "192.0.2.1", 50),
        answers.alias("b.example", "c.cdn.example", 40),
        answers.alias("a.example", "b.example", 30),
        answers.address("other.example", "192.0.2.66", 10),
    )

    assert reply == Answer(numbers("192.0.2.1"), 30 * SECOND)
    assert said(answers.alias("a.example", "b.example"), answers.alias("b.example", "a.example")) == Answer(
        (), 60 * SECOND
    )


def test_nothing_and_for_how_long() -> None:
    """RFC 2308: no such name, or none of that family; the authority says how long that holds."""
    said_so = (answers.authority("example", 900, 300),)

    assert said(authorities=said_so) == Answer((), 300 * SECOND)
    assert said(authorities=said_so, flags=0x8183) == Answer((), 300 * SECOND, missing=True)
    assert said(flags=0x8183) == Answer((), 60 * SECOND, missing=True)
    assert said(
        answers.record("a.example", 6, 5, b""), authorities=(answers.address("a.example", "192.0.2.1"),)
    ) == Answer((), 60 * SECOND)


def test_addresses_that_no_packet_goes_to_are_left_out() -> None:
    """Sinkholes, loopback, multicast, broadcast, link-local: as if they were not said."""
    words = ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.1.1")

    assert said(*(answers.address("a.example", one) for one in words)) == Answer((), 60 * SECOND)
    assert [usable(int(ip_address(one)), 6) for one in ("::", "::1", "ff02::1", "fe80::1", "2001:db8::ffff:ffff")] == [
        False
    ] * 4 + [True]
    many = [answers.address("a.example", f"192.0.2.{one}") for one in range(200)]
    reply = said(*many)
    assert isinstance(reply, Answer)
    assert len(reply.addresses) == ADDRESSES_MAX


def test_a_ttl_that_looks_negative_is_none() -> None:
    """RFC 2181 8."""
    assert said(answers.address("a.example", "192.0.2.1", 1 << 31)) == Answer(numbers("192.0.2.1"), 0)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0x8182, Refusal("server failure")),
        (0x8185, Refusal("refused")),
        (0x8187, Refusal("error 7")),
        (0x8380, Truncated()),
        (0x0180, None),
        (0x9180, None),
    ],
)
def test_what_is_no_answer(flags: int, expected: Reply | None) -> None:
    """A failure of the resolver's, an answer too long, and what is not one at all."""
    assert said(flags=flags) == expected


def test_what_answers_somebody_else() -> None:
    """Another number, another question, too short."""
    good = answers.message(7, "a.example", 1, [answers.address("a.example", "192.0.2.1")])

    assert read(good, 8, FOUR) is None
    assert read(good, 7, SIX) is None
    assert read(good, 7, Question("b.example", 4)) is None
    assert read(good[:11], 7, FOUR) is None
    assert read(struct.pack("!HHHHHH", 7, 0x8181, 0, 0, 0, 0), 7, FOUR) == Refusal("format error")
    assert read(struct.pack("!HHHHHH", 7, 0x8182, 0, 0, 0, 0), 7, FOUR) is None


@pytest.mark.parametrize(
    "record",
    [
        answers.address("a.example", "192.0.2.1")[:-1],
        answers.record("a.example", 1, 60, b"\xc0\x00\x02"),
        answers.record(b"\xc0\x1c", 1, 60, bytes(4)),
        answers.record(b"\xc0\xff", 1, 60, bytes(4)),
        answers.record(b"\x80a", 1, 60, bytes(4)),
        answers.record(b"\x3fa", 1, 60, bytes(4)),
        answers.record((b"\x3f" + b"a" * 63) * 4 + b"\0", 1, 60, bytes(4)),
        answers.record("a.example", 5, 60, b"\xc0"),
        b"",
    ],
)
def test_what_makes_no_sense(record: bytes) -> None:
    """Cut off, pointing onwards or at itself, names without an end: a refusal, and never an exception."""
    assert said(record) == Refusal("an answer that makes no sense")


def test_more_records_than_anybody_sends() -> None:
    """The counts are checked before anything is read."""
    head = struct.pack("!HHHHHH", 7, 0x8180, 1, 400, 400, 0)
    assert read(head + asked(7, FOUR)[12:27], 7, FOUR) == Refusal("an answer that makes no sense")


def test_a_name_of_pointers_comes_to_an_end() -> None:
    """Each pointer points back, to a pointer that does as well."""
    first_at = 12 + 15 + 11 + 10
    for count, expected in ((100, Answer), (300, Refusal)):
        chain = [12, *(first_at + 2 * place for place in range(count))]
        pointers = b"".join(struct.pack("!H", 0xC000 | one) for one in chain)
        txt = answers.record("a.example", 16, 60, pointers[:-2])
        assert isinstance(said(txt, answers.record(pointers[-2:], 1, 60, bytes(4))), expected)


@settings(max_examples=300)
@given(st.binary(max_size=300), st.binary(max_size=200), st.integers(0, 3), st.integers(0, 3))
def test_anything_can_be_read(data: bytes, records: bytes, count: int, authorities: int) -> None:
    """Whatever comes, reading it ends and raises nothing."""
    head = struct.pack("!HHHHHH", 7, 0x8180, 1, count, authorities, 0)
    for message in (data, head + asked(7, FOUR)[12:27] + records):
        reply = read(message, 7, FOUR)
        assert reply is None or isinstance(reply, Answer | Refusal | Truncated)
