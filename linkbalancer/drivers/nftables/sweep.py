"""Deleting chains that nothing leads to any more, by netlink messages of our own.

However many there are, nft has no need to learn of them; and what packets do not meet may go in several transactions.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final

from linkbalancer.drivers.netlink.codec import ACK, message, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.render import TABLE

_SUBSYSTEM: Final = 10
_DELETE_CHAIN: Final = _SUBSYSTEM << 8 | 5
_DELETE_RULE: Final = _SUBSYSTEM << 8 | 8
_BATCH_BEGIN: Final = 0x10
_BATCH_END: Final = 0x11
_INET: Final = struct.pack("!BBH", 1, 0, 0)
_BATCH: Final = struct.pack("!BBH", socket.AF_UNSPEC, 0, _SUBSYSTEM)

_RULE_TABLE, _RULE_CHAIN = 1, 2
_CHAIN_TABLE, _CHAIN_NAME = 1, 3
_PER_TRANSACTION: Final = 1000
"""Messages in one transaction: its messages have to fit into the socket's buffer at once."""


def sweep(chains: Sequence[str], netlink: NetlinkSocket) -> None:
    """Delete chains that only each other lead to. Raises DriverError; what is deleted by then is gone.

    All are emptied before any is deleted, so their order does not matter.
    """
    rules = [(_DELETE_RULE, _INET + text(_RULE_TABLE, TABLE) + text(_RULE_CHAIN, chain)) for chain in chains]
    themselves = [(_DELETE_CHAIN, _INET + text(_CHAIN_TABLE, TABLE) + text(_CHAIN_NAME, chain)) for chain in chains]
    work = [*rules, *themselves]
    for begin in range(0, len(work), _PER_TRANSACTION):
        batch = [message(_BATCH_BEGIN, 0, _BATCH)]
        batch += [message(kind, 0, content) for kind, content in work[begin : begin + _PER_TRANSACTION]]
        batch[-1] = message(*_acknowledged(work[min(begin + _PER_TRANSACTION, len(work)) - 1]))
        netlink.request(b"".join([*batch, message(_BATCH_END, 0, _BATCH)]), "delete chains that are not used")


def in_words(chains: Sequence[str]) -> str:
    """Return the same as nft text: for few of them, in a transaction that nft makes anyway."""
    lines = [f"{verb} chain inet {TABLE} {one}" for verb in ("flush", "delete") for one in chains]
    return "".join(f"{line}\n" for line in lines)


def _acknowledged(step: tuple[int, bytes]) -> tuple[int, int, bytes]:
    return (step[0], ACK, step[1])
