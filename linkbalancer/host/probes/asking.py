"""What every probe is: begun, read from until it has an answer, ended; and the way that it goes."""

import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Protocol

from linkbalancer.links import DeviceName

_SO_MARK: Final = 36


@dataclass(frozen=True, slots=True)
class Answer:
    """How a probe ended: whether it passed, and what there is to say."""

    passed: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """The way that probes go: from a device, to its gateway, whatever the main table says.

    `mark` is the one that the kernel's rules send to a table which leads to that gateway (design 5).
    """

    device: DeviceName
    gateway: IPv4Address
    mark: int

    def socket(self, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
        """Return a socket that goes this way alone; raises OSError."""
        opened = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode() + b"\0")
            opened.setsockopt(socket.SOL_SOCKET, _SO_MARK, self.mark)
        except OSError:
            opened.close()
            raise
        return opened


class Probe(Protocol):
    """One way of asking; a round at a time. What the kernel, or who is asked, refuses is an OSError."""

    writes: bool
    """Whether the round waits until it can write, and not until it can read."""

    def begin(self) -> None:
        """Ask."""

    def fileno(self) -> int:
        """Return the descriptor to wait for while a round goes on."""

    def ready(self) -> Answer | None:
        """Go on, now that something has come; return the answer when there is one."""

    def end(self) -> None:
        """End the round, answered or not."""


class Socketed:
    """The part that all of them share: a socket for each round."""

    def __init__(self, path: Path) -> None:
        self._path, self.writes = path, False
        self._socket: socket.socket | None = None

    @property
    def opened(self) -> socket.socket:
        """The round's socket."""
        assert self._socket is not None, "no round goes on"
        return self._socket

    def fileno(self) -> int:
        """Return the descriptor to wait for while a round goes on."""
        return self.opened.fileno()

    def open(self, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
        """Begin a round with a new socket; raises OSError."""
        self.end()
        self._socket = self._path.socket(kind, protocol)
        return self._socket

    def end(self) -> None:
        """End the round."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Connecting(Socketed):
    """A round that begins with a TCP connection."""

    def connect(self, address: IPv4Address, port: int) -> None:
        """Begin to connect; raises OSError."""
        sock = self.open(socket.SOCK_STREAM)
        self.writes = True
        try:
            sock.connect((str(address), port))
        except BlockingIOError:
            return

    def connected(self) -> None:
        """Take in that the connection is made; raises OSError where it is not."""
        number = self.opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
