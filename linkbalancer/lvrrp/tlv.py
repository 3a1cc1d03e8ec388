"""The body of an LVrrp datagram: type-length-value elements, each standing alone (design 4.1).

An element of fixed layout may be longer than this release knows it: a later one appends, and what it appended is left.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.links import Family, GroupState, GroupWord, LinkName, NodeName
from linkbalancer.lvrrp import figures
from linkbalancer.lvrrp.figures import Adjustment, LinkWeight
from linkbalancer.weights.metrics import Metrics

NAME_LENGTH_MAX = 63
FAULT_LENGTH_MAX = 80
DIGEST_LENGTH_MAX = 32
WORDS_MAX = 64
"""Words in one datagram: what fits beside the longest names, fault, metrics and digest; more are split over several."""

_HEAD = struct.Struct("!BH")
_WORD = struct.Struct("!BBBBIB")
_HOLD = struct.Struct("!I")


class Kind(IntEnum):
    """The number of each element."""

    NODE = 1
    LINK = 2
    WORD = 3
    METRICS = 4
    WEIGHT = 5
    ADJUST = 6
    FAULT = 7
    DIGEST = 8
    HOLD = 9


@dataclass(frozen=True, slots=True)
class Body:
    """What a datagram says: who speaks on which link, a word per VID, and on occasion a fault, a digest or a hold.

    Names are at most 63 bytes of UTF-8, `fault` at most 80 (the rest is cut), `digest` at most 32, `words` at most
    `WORDS_MAX`. `hold` has whole milliseconds. An element that was not there is empty, or None for `hold` and
    `metrics`, of which `masters` is always empty: the words say that. With `words` there are neither `weights` nor
    `adjustments`, which are at most `figures.PAGE`.
    """

    node: NodeName = ""
    link: LinkName = ""
    words: tuple[GroupWord, ...] = ()
    fault: str = ""
    digest: bytes = b""
    hold: Duration | None = None
    metrics: Metrics | None = None
    weights: tuple[LinkWeight, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()


def split(words: tuple[GroupWord, ...]) -> list[tuple[GroupWord, ...]]:
    """Share words among as few datagrams as they need: one at least, for none at all."""
    return [words[start : start + WORDS_MAX] for start in range(0, len(words), WORDS_MAX)] or [()]


def encode(body: Body) -> bytes:
    """Return the elements of a body; empty ones are left out."""
    parts = [
        _element(Kind.NODE, body.node.encode()),
        _element(Kind.LINK, body.link.encode()),
        *(_element(Kind.WORD, _encode_word(word)) for word in body.words),
        b"" if body.metrics is None else _element(Kind.METRICS, figures.encode_metrics(body.metrics)),
        *(_element(Kind.WEIGHT, figures.encode_weight(weight)) for weight in body.weights),
        *(_element(Kind.ADJUST, figures.encode_adjustment(one)) for one in body.adjustments),
        _element(Kind.FAULT, body.fault.encode()[:FAULT_LENGTH_MAX].decode(errors="ignore").encode()),
        _element(Kind.DIGEST, body.digest),
        b"" if body.hold is None else _element(Kind.HOLD, _HOLD.pack(body.hold // MILLISECOND)),
    ]
    return b"".join(parts)


def decode(data: bytes) -> Body:
    """Return what the elements say, skipping unknown kinds; the last of a repeated kind counts.

    Raises:
        ValueError: an element is cut short, is shorter than its kind, or has a value that none may have.
    """
    texts = {Kind.NODE: "", Kind.LINK: "", Kind.FAULT: ""}
    words: list[GroupWord] = []
    weights: list[LinkWeight] = []
    adjustments: list[Adjustment] = []
    digest, hold, metrics = b"", None, None
    for kind, value in elements(data):
        match kind:
            case Kind.NODE | Kind.LINK:
                texts[Kind(kind)] = name(value)
            case Kind.WORD:
                words += _decode_word(value)
            case Kind.METRICS:
                metrics = figures.decode_metrics(value)
            case Kind.WEIGHT:
                weights += figures.decode_weight(value)
            case Kind.ADJUST:
                adjustments += figures.decode_adjustment(value)
            case Kind.FAULT:
                texts[Kind.FAULT] = _printable(value.decode(errors="replace"))
            case Kind.DIGEST:
                digest = value
            case Kind.HOLD:
                hold = _decode_hold(value)
            case _:
                pass
    node, link, fault = texts.values()
    return Body(node, link, tuple(words), fault, digest, hold, metrics, tuple(weights), tuple(adjustments))


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the elements as they stand: kind and value.

    Raises:
        ValueError: the last element is cut short.
    """
    start = 0
    while start < len(data):
        if start + _HEAD.size > len(data):
            raise ValueError("an element's head is cut short")
        kind, length = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        if start + length > len(data):
            raise ValueError("an element's value is cut short")
        yield kind, data[start : start + length]
        start += length


def name(value: bytes) -> str:
    """Return a node's or link's name.

    Raises:
        ValueError: it is empty, too long, no UTF-8 or not printable (a name may reach a log).
    """
    text = value.decode()
    if not text.isprintable() or not 1 <= len(value) <= NAME_LENGTH_MAX:
        raise ValueError("a name must be 1 to 63 printable bytes")
    return text


def _element(kind: Kind, value: bytes) -> bytes:
    return _HEAD.pack(kind, len(value)) + value if value else b""


def _encode_word(word: GroupWord) -> bytes:
    generation = word.generation & 0xFFFF_FFFF
    return _WORD.pack(word.vid, word.family, word.state, word.priority, generation, word.witnesses)


@lru_cache(maxsize=1024)
def _decode_word(value: bytes) -> tuple[GroupWord, ...]:
    """Return the word, or none of a later version's family; a later version's state is one that we do not know."""
    if len(value) < _WORD.size or value[0] == 0:
        raise ValueError("a word must be at least 9 bytes about a VID of 1..255")
    vid, family, state, priority, generation, witnesses = _WORD.unpack_from(value)
    known = GroupState(state) if state <= max(GroupState) else GroupState.UNKNOWN
    if family not in set(Family):
        return ()
    return (GroupWord(vid, known, priority, generation, witnesses, Family(family)),)


def _decode_hold(value: bytes) -> Duration:
    if len(value) < _HOLD.size:
        raise ValueError("a hold must be at least 4 bytes")
    (milliseconds,) = _HOLD.unpack_from(value)
    return int(milliseconds) * MILLISECOND


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
