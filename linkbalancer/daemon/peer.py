"""Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED, unix(7))."""

import os
import socket
import struct
from typing import Final, NamedTuple

_CREDENTIALS: Final = struct.Struct("=iII")


class Peer(NamedTuple):
    """A process as it was when it connected."""

    pid: int
    uid: int

    @property
    def is_ours(self) -> bool:
        """Whether it may speak as a part of this daemon: it runs as this process does, or as root."""
        return self.uid in {0, os.geteuid()}


def peer_of(sock: socket.socket) -> Peer:
    """Return who is at the other end; raises OSError."""
    pid, uid, _gid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid)
