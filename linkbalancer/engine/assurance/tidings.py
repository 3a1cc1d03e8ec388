"""What a gateway tells its LAN of its links, beside its name (`engine.company`): figures, and whose VIDs they are.

A Backup sends packets to the Master, over whose link they go; how good that one is only the Master's end of it knows.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from linkbalancer.clock import MICROSECOND
from linkbalancer.engine.assurance.figures import Figures
from linkbalancer.links import LinkName, Vid
from linkbalancer.lvrrp import tlv

KIND: Final = 32
"""The number of the element; those of LVrrp's own datagrams count from 1."""

PAGE: Final = 1000
"""Bytes of elements in one datagram; more links are told in several."""

_HEAD: Final = struct.Struct("!BH")
_FIGURES: Final = struct.Struct("!IIIB")
_UNKNOWN: Final = 0xFFFF_FFFF
_PARTS: Final = 10**6


@dataclass(frozen=True, slots=True)
class Tiding:
    """A link's figures, and the VIDs that go over it wherever its gateway is their Master."""

    link: LinkName
    figures: Figures
    vids: frozenset[Vid]


def pages(tidings: Iterable[Tiding]) -> list[bytes]:
    """Write tidings as elements, shared among as few datagrams as they need; none for none."""
    found: list[bytes] = []
    for one in tidings:
        element = _element(one)
        if found and len(found[-1]) + len(element) <= PAGE:
            found[-1] += element
        else:
            found.append(element)
    return found


def read(elements: bytes) -> Iterator[Tiding]:
    """Read the tidings among elements.

    Raises:
        ValueError: an element is cut short, or a name is none.
    """
    for kind, value in tlv.elements(elements):
        if kind == KIND:
            yield _tiding(value)


def _element(tiding: Tiding) -> bytes:
    loss, rtt, jitter = tiding.figures
    name = tiding.link.encode()
    value = _FIGURES.pack(
        _written(None if loss is None else loss * _PARTS),
        _written(None if rtt is None else rtt / MICROSECOND),
        _written(None if jitter is None else jitter / MICROSECOND),
        len(name),
    )
    value += name + bytes(sorted(tiding.vids))
    return _HEAD.pack(KIND, len(value)) + value


def _written(figure: float | None) -> int:
    return _UNKNOWN if figure is None else min(round(figure), _UNKNOWN - 1)


def _tiding(value: bytes) -> Tiding:
    if len(value) < _FIGURES.size:
        raise ValueError(f"a tiding must be at least {_FIGURES.size} bytes")
    loss, rtt, jitter, length = _FIGURES.unpack_from(value)
    names = value[_FIGURES.size :]
    figures = Figures(
        None if loss > _PARTS else loss / _PARTS,
        None if rtt == _UNKNOWN else rtt * MICROSECOND,
        None if jitter == _UNKNOWN else jitter * MICROSECOND,
    )
    return Tiding(tlv.name(names[:length]), figures, frozenset(names[length:]))
