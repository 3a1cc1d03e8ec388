"""Which chains our table has: by their names it is known what is loaded."""

import errno
import struct
from collections.abc import Mapping
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import attributes, message, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import INET
from linkbalancer.drivers.nftables.render import TABLE

_GET_CHAIN: Final = 10 << 8 | 4
_TABLE, _NAME = 1, 3
_OURS: Final = text(_TABLE, TABLE)
_HEAD: Final = struct.Struct("=HH")
"""An attribute's length and kind."""


def chains(netlink: NetlinkSocket) -> list[str]:
    """Return the names of our table's chains; none when there is no table. Raises DriverError."""
    return [
        name
        for reply in netlink.dump(_GET_CHAIN, INET, "list the chains")
        for name in [_chain(reply, len(INET))]
        if name is not None
    ]


def has(netlink: NetlinkSocket, name: str) -> bool:
    """Return whether our table has a chain of this name, of however many. Raises DriverError."""
    try:
        netlink.ask(message(_GET_CHAIN, 0, INET + _OURS + text(_NAME, name)), f"look for the chain {name}")
    except DriverError as error:
        if error.errno != errno.ENOENT:
            raise
        return False
    return True


def _chain(reply: bytes, begin: int) -> str | None:
    """Return the name of a chain of ours, None of another table's.

    There are ten thousand of them, and the kernel writes the table first and the name next.
    """
    if reply.startswith(_OURS, begin):
        at = begin + len(_OURS)
        length, kind = _HEAD.unpack_from(reply, at)
        if kind == _NAME:
            return reply[at + _HEAD.size : at + length - 1].decode()
    parts = dict(attributes(reply, begin))
    return _text(parts, _NAME) if _text(parts, _TABLE) == TABLE else None


def _text(parts: Mapping[int, bytes], kind: int) -> str:
    """Return a text attribute without its closing zero."""
    return parts.get(kind, b"").rstrip(b"\0").decode()
