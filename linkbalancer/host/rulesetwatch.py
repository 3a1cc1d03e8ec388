"""What others do to our nftables table, as the kernel tells it: each transaction, with the process that made it."""

import errno
import socket
import struct
from dataclasses import dataclass
from typing import Final

from linkbalancer.host import rtnetlink
from linkbalancer.host.culprit import NOBODY, Culprit

TABLE: Final = b"linkbalancer\0"
"""Our table (`drivers.nftables.render.TABLE`), of the family inet."""

_NETFILTER: Final = 12
_SOL_NETLINK: Final = 270
_JOIN: Final = 1
_GROUP: Final = 7
_RECEIVE_BUFFER_FORCE: Final = 33
_BUFFER_BYTES: Final = 1 << 20
_NFT: Final = 10
_NEW_GENERATION: Final = _NFT << 8 | 15
_FIXED: Final = 4
_INET: Final = 1
_TABLE_OF: Final = 1
_PID, _PROCESS = 2, 3
_DATAGRAMS_PER_READ: Final = 16


@dataclass(frozen=True, slots=True)
class Touched:
    """Our table was touched; `by` is who did it, as far as the kernel told."""

    by: Culprit = NOBODY


class RulesetWatch:
    """Listens to nftables in this network namespace. Raises OSError when the kernel gives no socket."""

    def __init__(self) -> None:
        flags = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, flags, _NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER_BYTES)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _JOIN, _GROUP)
        self._touched = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def read(self) -> list[Touched]:
        """Return the transactions since the last call that touched our table; never blocks.

        What the kernel could not tell (too much at once) may have been one.
        """
        found: list[Touched] = []
        for _datagram in range(_DATAGRAMS_PER_READ):
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._touched = False
                found.append(Touched())
                continue
            found += self._understood(data)
        return found

    def _understood(self, data: bytes) -> list[Touched]:
        found = []
        for message in rtnetlink.messages(data):
            if message.kind == _NEW_GENERATION:
                if self._touched:
                    found.append(Touched(_culprit(message.attributes(_FIXED))))
                self._touched = False
            elif not self._touched and message.kind >> 8 == _NFT and message.payload[:1] == bytes([_INET]):
                self._touched = message.attributes(_FIXED).get(_TABLE_OF) == TABLE
        return found


def _culprit(parts: dict[int, bytes]) -> Culprit:
    """Return who made a transaction; its messages come before the one that says so."""
    if len(parts.get(_PID, b"")) != 4:
        return NOBODY
    return Culprit(struct.unpack("!I", parts[_PID])[0], parts.get(_PROCESS, b"").rstrip(b"\0").decode(errors="replace"))
