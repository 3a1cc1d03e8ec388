"""The elements of a datagram."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Family, GroupState, GroupWord
from linkbalancer.lvrrp import tlv

PRINTABLE = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
NAMES = st.text(PRINTABLE, max_size=15)
WORDS = st.builds(
    GroupWord,
    st.integers(1, 255),
    st.sampled_from(GroupState),
    st.integers(0, 255),
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 255),
)
HOLDS = st.none() | st.integers(0, 0xFFFF_FFFF).map(lambda value: value * MILLISECOND)
BODIES = st.builds(
    tlv.Body,
    NAMES,
    NAMES,
    st.lists(WORDS, max_size=tlv.WORDS_MAX).map(tuple),
    st.text(PRINTABLE, max_size=20),
    st.binary(max_size=tlv.DIGEST_LENGTH_MAX),
    HOLDS,
)


@settings(max_examples=60)
@given(BODIES)
def test_a_body_comes_back(body: tlv.Body) -> None:
    """What is encoded is decoded to the same."""
    assert tlv.decode(tlv.encode(body)) == body


@settings(max_examples=150)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Decoding ends with a body or with ValueError, never otherwise, and a body encodes again."""
    try:
        body = tlv.decode(data)
    except ValueError:
        return
    tlv.encode(body)


def test_unknown_kinds_are_skipped() -> None:
    """An element of a later version stands between known ones without harm."""
    later = b"\xc8\x00\x03abc"

    assert tlv.decode(later + tlv.encode(tlv.Body(node="f1")) + later) == tlv.Body(node="f1")


def test_a_state_of_a_later_version_is_unknown() -> None:
    """A word with a state that we do not know tells of an unknown state; a word of an unknown family is skipped."""
    word = tlv.encode(tlv.Body(words=(GroupWord(7, GroupState.MASTER, 100, 3, 2),)))
    later = word[:5] + b"\x63" + word[6:]
    strange = word[:4] + b"\x07" + word[5:]

    assert tlv.decode(later + strange).words == (GroupWord(7, GroupState.UNKNOWN, 100, 3, 2),)


def test_words_of_both_families_of_one_vid() -> None:
    """Two words, each with its family; one of IPv4 is on the wire as it always was."""
    four = GroupWord(7, GroupState.MASTER, 100, 3, 2)
    six = GroupWord(7, GroupState.BACKUP, 90, 1, 0, Family.IPV6)

    assert tlv.decode(tlv.encode(tlv.Body(words=(four, six)))).words == (four, six)
    assert tlv.encode(tlv.Body(words=(four,))) == bytes.fromhex(
        "030009" + "07" + "04" + "06" + "64" + "00000003" + "02"
    )


def test_a_long_fault_is_cut_between_characters() -> None:
    """At most 80 bytes of a fault are sent, and no half character."""
    assert tlv.decode(tlv.encode(tlv.Body(fault="é" * 60))).fault == "é" * 40
    assert tlv.decode(tlv.encode(tlv.Body(fault="a" + "é" * 60))).fault == "a" + "é" * 39


def test_a_fault_reaches_no_log_with_control_characters() -> None:
    """What cannot be printed, or is no UTF-8, is replaced."""
    assert tlv.decode(bytes([tlv.Kind.FAULT, 0, 4]) + b"a\x1b\xffb").fault == "a?�b"


@pytest.mark.parametrize(
    "element",
    [
        "0100",  # a head cut short
        "01000541",  # a value cut short
        "010000",  # an empty name
        "02000141" + "0200400" + "0" * 127,  # a name of 64 bytes
        "0100010a",  # a name that cannot be printed
        "010001ff",  # a name that is no UTF-8
        "030008" + "01" * 8,  # a word too short
        "040033" + "00" * 51,  # metrics too short
        "050009" + "01" * 9,  # a weight too short
        "05000a" + "00" * 10,  # a weight for VID 0
        "060006" + "01" * 6,  # an adjustment too short
        "060007" + "00" * 7,  # an adjustment of VID 0
        "030009" + "00" + "04" * 8,  # a word on VID 0
        "0900020001",  # a hold too short
    ],
)
def test_malformed_elements_are_refused(element: str) -> None:
    """A known kind with a wrong length or value makes the whole body worthless."""
    with pytest.raises(ValueError):
        tlv.decode(bytes.fromhex(element))


def test_words_are_shared_among_as_few_datagrams_as_needed() -> None:
    """One datagram for none at all, and 255 words in four; none is lost and the order stays."""
    words = tuple(GroupWord(vid, GroupState.BACKUP, 1, 1) for vid in range(1, 256))

    assert tlv.split(()) == [()]
    assert [len(part) for part in tlv.split(words)] == [64, 64, 64, 63]
    assert sum(tlv.split(words), ()) == words
