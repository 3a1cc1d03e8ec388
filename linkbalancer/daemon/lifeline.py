"""The line between the supervisor and one of its children: words both ways, and its end means the other's end.

A packet socket (SOCK_SEQPACKET), so that a word is a word. Words of a child: `configured`, `refused`, `ready`, `beat`,
`spawned`, `failed`; of the api also `reload`, `upgrade`. Words of the supervisor: `go`, `spawn`, `leave`, `end`,
`renew`; to the api also `outcome`, to a candidate `order`. What is too long for a word travels beside it, in
a memory file.
"""

import array
import ctypes
import errno
import os
import signal
import socket
from dataclasses import dataclass
from typing import Self

LONGEST = 4096
"""Bytes of the longest word."""

CONTENT_LIMIT = 64 << 20
"""Bytes beside a word at most."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One word with its arguments, and the file descriptor that came with it, if one did."""

    word: str
    arguments: tuple[str, ...] = ()
    descriptor: int | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    """The other end is closed: its process is gone."""


class Lifeline:
    """One end of the line; never blocks unless asked to wait."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        sock.settimeout(0)

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """Return the supervisor's end, and the child's as a bare socket to be handed on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def fileno(self) -> int:
        """Return the file descriptor to wait for."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def say(self, word: str, *arguments: str, descriptor: int | None = None) -> bool:
        """Send a word; False when the other end is gone, or so far behind that it may miss this one."""
        ancillary = []
        if descriptor is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        try:
            self._socket.sendmsg(["\0".join((word, *arguments)).encode()], ancillary, socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True

    def tell(self, word: str, content: bytes) -> bool:
        """Send a word with content beside it; False as `say`, or when there is no memory for it."""
        try:
            descriptor = enclose(content)
        except OSError:
            return False
        try:
            return self.say(word, descriptor=descriptor)
        finally:
            os.close(descriptor)

    def hear(self) -> Spoken | Hangup | None:
        """Return the next word, `Hangup` at the end of the line, or None when nothing has been said."""
        try:
            data, ancillary, _flags, _address = self._socket.recvmsg(
                LONGEST, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return Hangup()
        descriptor = None
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(content) >= 4:
                descriptor = array.array("i", content[:4])[0]
        if not data:
            return Hangup()
        word, *arguments = data.decode(errors="replace").split("\0")
        return Spoken(word, tuple(arguments), descriptor)

    def wait(self) -> Spoken | Hangup:
        """Wait for the next word."""
        self._socket.settimeout(None)
        try:
            return self.hear() or Hangup()
        finally:
            self._socket.settimeout(0)


def enclose(content: bytes) -> int:
    """Return the descriptor of a memory file with this content; raises OSError."""
    descriptor = os.memfd_create("linkbalancer")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def enclosed(descriptor: int, limit: int = CONTENT_LIMIT) -> bytes:
    """Return the content of a memory file; raises OSError for what is none, or is too long."""
    size = os.fstat(descriptor).st_size
    if size > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return os.pread(descriptor, size, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent, even when it is stopped; at once if the parent is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def live_on() -> None:
    """Take `die_with_parent` back."""
    _prctl(_PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def call_myself(name: str) -> None:
    """Set the name that ps and top show (15 bytes)."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def _prctl(option: int, value: object) -> None:
    argument = value if isinstance(value, ctypes.c_char_p) else ctypes.c_ulong(int(str(value)))
    if _LIBC.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
