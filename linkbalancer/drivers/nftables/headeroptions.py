"""The one expression that the kernel lists otherwise than it takes it: the writing of a header's option (a TCP clamp).

Its listing has flags, always 0, for which the same kernel refuses the expression (net/netfilter/nft_exthdr.c).
"""

from collections.abc import Iterator
from typing import Final

from linkbalancer.drivers.netlink.codec import attribute, attributes, nested

_NAME, _PARTS = 1, 2
_ITEM: Final = 1
_FLAGS, _WRITTEN_FROM = 5, 7
_HEADER_OPTION: Final = b"exthdr\0"


def acceptable(expressions: bytes) -> bytes:
    """Return a rule's expressions as the kernel takes them."""
    return b"".join(_mended(expressions)) if _HEADER_OPTION in expressions else expressions


def _mended(expressions: bytes) -> Iterator[bytes]:
    for _kind, expression in attributes(expressions):
        parts = dict(attributes(expression))
        inner = list(attributes(parts.get(_PARTS, b"")))
        if parts.get(_NAME) != _HEADER_OPTION or _WRITTEN_FROM not in dict(inner):
            yield nested(_ITEM, expression)
            continue
        kept = [attribute(kind, value) for kind, value in inner if kind != _FLAGS]
        yield nested(_ITEM, attribute(_NAME, _HEADER_OPTION), nested(_PARTS, *kept))
