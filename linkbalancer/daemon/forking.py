"""A child at the other end of a line, forked so that neither side keeps the other's end."""

import os
import socket
from collections.abc import Callable
from typing import NoReturn


def fork(kind: socket.SocketKind, live: Callable[[socket.socket, int], NoReturn]) -> tuple[int, socket.socket]:
    """Fork a child; return its id and this end of its line.

    Args:
        kind: of the line, a pair of Unix sockets.
        live: what the child does with its end, and with its parent's id; it never returns.

    Raises:
        OSError: there is no child, and no line.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid == 0:
        live(theirs, parent)
    theirs.close()
    return pid, ours
