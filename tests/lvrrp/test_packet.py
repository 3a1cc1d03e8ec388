"""The datagram: there and back, damaged, cut, forged, and as fixed bytes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND
from linkbalancer.links import GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.figures import PAGE, Adjustment, LinkWeight
from linkbalancer.lvrrp.keys import Key, Keyring
from linkbalancer.lvrrp.packet import Datagram, MessageType, Rejection
from linkbalancer.weights.metrics import Metrics
from tests.lvrrp.test_tlv import BODIES

KEY = Key(1, bytes(range(16)))
NEAR = Keyring((KEY,), "l1", Role.CONTROLLER)
FAR = Keyring((KEY,), "l1", Role.CONTROLLED)

U32 = st.integers(0, 0xFFFF_FFFF)
U64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
DATAGRAMS = st.builds(
    Datagram,
    kind=st.sampled_from(MessageType),
    key_id=st.just(1),
    session=U64,
    echoed=U64,
    sequence=U32,
    detect=U32.map(lambda value: value * MILLISECOND),
    sent=U32,
    echo_sent=U32,
    echo_delay=U32.map(lambda value: value * MICROSECOND),
    body=BODIES,
)

QUERY = Datagram(
    kind=MessageType.QUERY,
    key_id=1,
    session=0x1122334455667788,
    echoed=0,
    sequence=1,
    detect=600 * MILLISECOND,
    sent=1_000_000,
    echo_sent=0,
    echo_delay=0,
    body=tlv.Body(node="b1", link="l1"),
)
STATE = Datagram(
    kind=MessageType.STATE,
    key_id=1,
    session=0x99AABBCCDDEEFF00,
    echoed=0x1122334455667788,
    sequence=1,
    detect=600 * MILLISECOND,
    sent=77,
    echo_sent=1_000_000,
    echo_delay=250 * MICROSECOND,
    body=tlv.Body("f1", "l1", (GroupWord(1, GroupState.MASTER, 150, 3, 2), GroupWord(2, GroupState.BACKUP, 100, 4, 2))),
)
QUERY_BYTES = packet.encode(QUERY, NEAR.tag)


def signed(head: bytes) -> bytes:
    """Tag bytes as the controller would."""
    return head + NEAR.tag(1, head)


@settings(max_examples=60)
@given(DATAGRAMS)
def test_a_datagram_comes_back(datagram: Datagram) -> None:
    """What one end encodes the other decodes to the same, within 1,200 bytes."""
    data = packet.encode(datagram, NEAR.tag)

    assert packet.decode(data, FAR.verify) == datagram
    assert len(data) <= packet.LENGTH_MAX


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_without_raising(data: bytes) -> None:
    """Noise is refused, as it is and behind a true head, and never takes a raise to say so."""
    assert isinstance(packet.decode(data, FAR.verify), Rejection)
    assert isinstance(packet.decode(QUERY_BYTES[:8] + data, FAR.verify), Rejection)
    packet.claimed_link(data)


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_authentic_nonsense_is_read_or_refused(elements: bytes) -> None:
    """Even a true peer's bytes can be refused, and never raise."""
    length = (packet.HEADER_LENGTH + len(elements) + packet.TAG_LENGTH).to_bytes(2, "big")
    data = signed(QUERY_BYTES[:6] + length + QUERY_BYTES[8 : packet.HEADER_LENGTH] + elements)

    assert isinstance(packet.decode(data, FAR.verify), Datagram) or packet.decode(data, FAR.verify) is Rejection.ELEMENT


def test_it_is_refused_cut_anywhere() -> None:
    """No true beginning of a datagram passes for one, nor does one with a byte more."""
    data = packet.encode(STATE, FAR.tag)
    for length in range(len(data)):
        assert packet.decode(data[:length], NEAR.verify) is Rejection.LENGTH
    assert packet.decode(data + b"\0", NEAR.verify) is Rejection.LENGTH


def test_it_is_refused_with_any_bit_turned() -> None:
    """One bit changed anywhere makes it worthless."""
    data = packet.encode(STATE, FAR.tag)
    for bit in range(len(data) * 8):
        forged = bytearray(data)
        forged[bit // 8] ^= 1 << bit % 8
        assert isinstance(packet.decode(bytes(forged), NEAR.verify), Rejection)


@pytest.mark.parametrize(
    ("data", "rejection"),
    [
        (b"LW" + QUERY_BYTES[2:], Rejection.MAGIC),
        (b"LV\x02" + QUERY_BYTES[3:], Rejection.VERSION),
        (QUERY_BYTES[:4] + b"\x09" + QUERY_BYTES[5:], Rejection.KEY),
        (QUERY_BYTES[:-1] + b"\0", Rejection.TAG),
        (packet.encode(QUERY, FAR.tag), Rejection.REFLECTED),
        (signed(QUERY_BYTES[:3] + b"\x06" + QUERY_BYTES[4:-16]), Rejection.TYPE),
        (signed(QUERY_BYTES[:3] + b"\x00" + QUERY_BYTES[4:-16]), Rejection.TYPE),
        (signed(QUERY_BYTES[:-17] + b"\n"), Rejection.ELEMENT),
        (bytes(1201), Rejection.LENGTH),
    ],
)
def test_each_refusal_has_its_name(data: bytes, rejection: Rejection) -> None:
    """The reason says what was found first: form, then authenticity, then contents."""
    assert packet.decode(data, FAR.verify) is rejection


def test_an_unauthentic_datagram_names_its_link() -> None:
    """Only that, and only when it is legible."""
    other = packet.encode(QUERY, Keyring((KEY,), "l2", Role.CONTROLLER).tag)

    assert packet.claimed_link(other) == "l1"
    assert packet.claimed_link(QUERY_BYTES[:20]) is None
    assert packet.claimed_link(QUERY_BYTES[:44] + bytes(16)) is None
    assert packet.claimed_link(QUERY_BYTES[:-17] + b"\n" + bytes(16)) is None


def test_the_longest_datagram_fits() -> None:
    """As many words as allowed beside the longest of everything else stay within 1,200 bytes."""
    words = tuple(GroupWord(vid, GroupState.MASTER, 254, 1, 1) for vid in range(1, tlv.WORDS_MAX + 1))
    body = tlv.Body("n" * 63, "l" * 63, words, "f" * 80, b"d" * 32, 5000 * MILLISECOND, Metrics())
    longest = Datagram(
        kind=MessageType.STATE, key_id=1, session=1, echoed=1, sequence=1, detect=0, sent=0, echo_sent=0, echo_delay=0,
        body=body,
    )  # fmt: skip

    assert 1130 < len(packet.encode(longest, NEAR.tag)) <= packet.LENGTH_MAX
    groups = [GroupId(vid) for vid in range(1, PAGE + 1)]
    page = tlv.Body(
        "n" * 63,
        "l" * 63,
        weights=tuple(LinkWeight(group, 1.0) for group in groups),
        adjustments=tuple(Adjustment(group, 100, 1) for group in groups),
    )
    assert 1100 < len(packet.encode(replace(longest, body=page), NEAR.tag)) <= packet.LENGTH_MAX


def test_where_a_datagram_says_that_it_belongs() -> None:
    """Session, echoed session and sequence, of whatever begins as a datagram does; zeros of anything else."""
    assert packet.claimed_place(QUERY_BYTES) == (QUERY.session, QUERY.echoed, QUERY.sequence)
    assert packet.claimed_place(QUERY_BYTES[:43]) == (0, 0, 0)
    assert packet.claimed_place(b"LV\x02" + QUERY_BYTES[3:]) == (0, 0, 0)


def test_a_clock_that_goes_back_is_written_as_no_delay() -> None:
    """CLOCK_BOOTTIME does not; a datagram is written all the same."""
    read = packet.decode(packet.encode(replace(QUERY, echo_delay=-5), NEAR.tag), FAR.verify)

    assert isinstance(read, Datagram)
    assert read.echo_delay == 0


def test_times_are_rounded_to_the_safe_side() -> None:
    """The detect time is never stated shorter than it is, and a long echo delay is stated as the longest."""
    odd = Datagram(
        kind=MessageType.STATE, key_id=1, session=1, echoed=1, sequence=1, detect=MILLISECOND + 1, sent=0, echo_sent=0,
        echo_delay=10**15,
    )  # fmt: skip
    read = packet.decode(packet.encode(odd, NEAR.tag), FAR.verify)

    assert isinstance(read, Datagram)
    assert read.detect == 2 * MILLISECOND
    assert read.echo_delay == 0xFFFF_FFFF * MICROSECOND


@given(st.integers(0, 2**62), st.integers(0, 2**31))
def test_a_stamp_is_read_by_its_writer(sent: int, later: int) -> None:
    """Within 71 minutes a stamp gives back its instant, in whole microseconds."""
    now = sent + later * MICROSECOND

    assert packet.stamped_at(now, packet.stamp(sent)) == sent // MICROSECOND * MICROSECOND
