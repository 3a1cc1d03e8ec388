"""The LVrrp datagram, version 1: a header of 44 bytes, elements, and a tag over all before it (design 4.1).

This file and `tlv.py` are the only ones that know units of the wire; docs/protocol.md draws them. Nothing unauthentic
is parsed further than it takes to find the tag, save by `claimed_link`, whose answer is hearsay by its name.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant
from linkbalancer.lvrrp import tlv

MAGIC = b"LV"
VERSION = 1
LENGTH_MAX = 1200
TAG_LENGTH = 16

_HEADER = struct.Struct("!2sBBBBHQQIIIII")
HEADER_LENGTH = _HEADER.size
_PLACE = struct.Struct("!QQI")
_PLACE_AT = 8
_BEGIN = MAGIC + bytes([VERSION])
STAMPS = 1 << 32

Stamp: TypeAlias = int
"""Microseconds of its writer's clock, modulo 2^32: only the writer can read it."""


class MessageType(IntEnum):
    """What a datagram is for; the numbers are the wire's."""

    QUERY = 1
    STATE = 2
    WEIGHT = 3
    ADJUST = 4
    BYE = 5


class Rejection(StrEnum):
    """Why a datagram was not even read; the texts are the names of the counters."""

    LENGTH = "length"
    MAGIC = "magic"
    VERSION = "version"
    KEY = "key"
    TAG = "tag"
    REFLECTED = "reflected"
    TYPE = "type"
    ELEMENT = "element"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """One datagram.

    `session` is the sender's, `echoed` the receiver's as the sender knows it (0: none). `sequence` is 32 bits, strictly
    increasing in a session. `detect` is what the sender calls silence, in whole milliseconds (rounded up).
    `sent` is the sender's stamp, `echo_sent` the last stamp it had of the receiver, and `echo_delay` how long ago that
    came, in whole microseconds, at most 71 minutes (more is written as the most).
    """

    kind: MessageType
    key_id: int
    session: int
    echoed: int
    sequence: int
    detect: Duration
    sent: Stamp
    echo_sent: Stamp
    echo_delay: Duration
    body: tlv.Body = field(default_factory=tlv.Body)


def stamp(now: Instant) -> Stamp:
    """Return an instant as it is written into a datagram."""
    return now // MICROSECOND % STAMPS


def stamped_at(now: Instant, echo: Stamp) -> Instant:
    """Return when one of our own stamps was written: the latest instant up to now, in whole microseconds."""
    microseconds = now // MICROSECOND
    return (microseconds - (microseconds - echo) % STAMPS) * MICROSECOND


def encode(
    datagram: Datagram, tag_with: Callable[[int, bytes], bytes], write: Callable[[tlv.Body], bytes] = tlv.encode
) -> bytes:
    """Return the datagram's bytes, tagged by `tag_with(key id, all bytes before the tag)`.

    `write` does what `tlv.encode` does.
    """
    elements = write(datagram.body)
    length = HEADER_LENGTH + len(elements) + TAG_LENGTH
    assert length <= LENGTH_MAX, "the limits of a body keep every datagram within 1,200 bytes"
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        datagram.kind,
        datagram.key_id,
        0,
        length,
        datagram.session,
        datagram.echoed,
        datagram.sequence,
        -(-datagram.detect // MILLISECOND),
        datagram.sent,
        datagram.echo_sent,
        max(0, min(datagram.echo_delay // MICROSECOND, STAMPS - 1)),
    )
    signed = header + elements
    return signed + tag_with(datagram.key_id, signed)


def decode(
    data: bytes, verify: Callable[[int, bytes, bytes], Rejection | None], read: Callable[[bytes], tlv.Body] = tlv.decode
) -> Datagram | Rejection:
    """Return the datagram, or why it is none; never raises.

    `verify(key id, all bytes before the tag, tag)` answers None for an authentic one; `read` does as `tlv.decode`.
    """
    if not HEADER_LENGTH + TAG_LENGTH <= len(data) <= LENGTH_MAX:
        return Rejection.LENGTH
    (magic, version, kind, key_id, _flags, length, session, echoed, sequence, detect, sent, echo_sent, echo_delay) = (
        _HEADER.unpack_from(data)
    )
    if magic != MAGIC:
        return Rejection.MAGIC
    if version != VERSION:
        return Rejection.VERSION
    if length != len(data):
        return Rejection.LENGTH
    refused = verify(key_id, data[:-TAG_LENGTH], data[-TAG_LENGTH:])
    if refused is not None:
        return refused
    if not MessageType.QUERY <= kind <= MessageType.BYE:
        return Rejection.TYPE
    try:
        body = read(data[HEADER_LENGTH:-TAG_LENGTH])
    except ValueError:
        return Rejection.ELEMENT
    return Datagram(
        kind=MessageType(kind),
        key_id=key_id,
        session=session,
        echoed=echoed,
        sequence=sequence,
        detect=detect * MILLISECOND,
        sent=sent,
        echo_sent=echo_sent,
        echo_delay=echo_delay * MICROSECOND,
        body=body,
    )


def claimed_place(data: bytes) -> tuple[int, int, int]:
    """Return session, echoed session and sequence as a datagram has them, authentic or not; zeros where it is none.

    Good for dropping what would be dropped whoever wrote it, before anybody reckons a tag; for nothing else.
    """
    if len(data) < HEADER_LENGTH or data[: len(_BEGIN)] != _BEGIN:
        return 0, 0, 0
    session, echoed, sequence = _PLACE.unpack_from(data, _PLACE_AT)
    return session, echoed, sequence


def claimed_link(data: bytes) -> str | None:
    """Return which link a datagram says it is of, though its tag does not fit: good for an alarm, for nothing else."""
    if len(data) < HEADER_LENGTH + TAG_LENGTH:
        return None
    try:
        for kind, value in tlv.elements(data[HEADER_LENGTH:-TAG_LENGTH]):
            if kind == tlv.Kind.LINK:
                return tlv.name(value)
    except ValueError:
        return None
    return None
