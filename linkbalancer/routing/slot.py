"""The slot of a packet, as the kernel's `jhash` finds it: for `explain`, and to prove that both ends have the same.

Bob Jenkins' lookup3 (public domain) over the fields one after the other, each filled up to four bytes, as nftables lays
them out; the result is scaled to the number of slots. The words are taken as a little-endian machine reads them.
"""

from typing import Final

from linkbalancer.routing.balance import SLOTS
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS
from linkbalancer.routing.sticky import Sticky

SEED: Final = 0x6C62
"""The same on all gateways."""

_WORD: Final = 0xFFFFFFFF
_GOLDEN: Final = 0xDEADBEEF
_BLOCK: Final = 12


def slot_of(packet: Packet, sticky: Sticky) -> int:
    """Return the slot of a packet that runs from near to far; of one that runs back, hand in the mirror image."""
    return jhash(key_of(packet, sticky), SEED) * SLOTS >> 32


def key_of(packet: Packet, sticky: Sticky) -> bytes:
    """Return what is hashed; a flow of a protocol without ports is known by its addresses."""
    key = packet.source.packed
    if sticky is not Sticky.SOURCE:
        key += packet.destination.packed
    if sticky is Sticky.FLOW and packet.protocol in PROTOCOLS_WITH_PORTS:
        key += b"".join(port.to_bytes(2) + b"\0\0" for port in (packet.source_port, packet.destination_port))
    return key


def jhash(key: bytes, seed: int) -> int:
    """Return the hash of a key of whole words (32 bits)."""
    a = b = c = (_GOLDEN + len(key) + seed) & _WORD
    while len(key) > _BLOCK:
        a, b, c = _mixed(*_added(a, b, c, key))
        key = key[_BLOCK:]
    return _final(*_added(a, b, c, key)) if key else c


def _added(a: int, b: int, c: int, key: bytes) -> tuple[int, int, int]:
    block = key[:_BLOCK].ljust(_BLOCK, b"\0")
    x, y, z = (int.from_bytes(block[at : at + 4], "little") for at in (0, 4, 8))
    return (a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    """Stir three words after a block that is not the last."""
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c) & _WORD ^ _rotated(c, bits)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    """Stir three words after the last block."""
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & _WORD
        a, b, c = b, c, a
    return b
