"""A board on which processes of one zygote leave what they want done; whoever has a hand free does it for all.

A transaction of the kernel's costs the same for one application as for a hundred, and so does a walk through its table
of flows; processes that each ask for their own wait for one another there, one after the other. Nobody waits here: who
posts while another works leaves it to that one, and looks later what has become of it. A process that dies lets go of
the lock with that (the kernel sees to it); one that is stopped keeps it, and is not waited for: what is not done in
time is done by whoever wanted it. Posts are written by processes of this daemon and by nobody else.
"""

import fcntl
import json
import mmap
import os
import socket
import struct
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.clock import Instant
from linkbalancer.daemon.loop import boottime

LONGEST: Final = 16_384
"""Bytes of a post; who wants more at once has no need of company."""

_ROOM: Final = 1 << 20
_OUTCOME: Final = struct.Struct("=Q")


@dataclass(frozen=True, slots=True)
class Post:
    """What one process wants: its place on the board, when it was posted (no two at one place alike), and what."""

    place: int
    at: Instant
    what: list[Any]


class Board:
    """One kind of work; made before the processes are forked that use it.

    Args:
        names: theirs, each with a place of its own.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._places = {name: number for number, name in enumerate(names)}
        # A lock of this kind is a process's own, however it came by the file, and ends with it.
        self._file = os.memfd_create("board", os.MFD_CLOEXEC)
        os.ftruncate(self._file, _OUTCOME.size * max(1, len(self._places)))
        self._outcomes = mmap.mmap(self._file, 0)
        self._inbox, self._outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for one in (self._inbox, self._outbox):
            one.settimeout(0)
        with suppress(OSError):  # the kernel's usual room is enough for some two hundred
            self._outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        weakref.finalize(self, _close, self._file, self._inbox, self._outbox)

    def work(self, serve: Callable[[list[Post]], None]) -> bool:
        """Have everything done that is posted, unless another is at it, who then does this too; return whether none is.

        What was posted just before the lock was let go of has found it taken: so the board is looked at after that.
        """
        while self._hold():
            try:
                posts = self._take()
                if posts:
                    serve(posts)
            finally:
                self._let_go()
            if self._is_empty:
                return True
        return False

    def place(self, name: str) -> int:
        """Return where a process posts."""
        return self._places[name]

    def post(self, place: int, what: list[Any]) -> Post | None:
        """Post what JSON can say; None where it is too long, or the board is full."""
        post = Post(place, boottime(), what)
        data = json.dumps([place, post.at, what], separators=(",", ":")).encode()
        if len(data) > LONGEST:
            return None
        try:
            self._outbox.send(data, socket.MSG_NOSIGNAL)
        except OSError:
            return None
        return post

    def _hold(self) -> bool:
        """Have the board to oneself from now on, if nobody has."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    @property
    def _is_empty(self) -> bool:
        """Return whether nothing is posted."""
        try:
            self._inbox.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False

    def _let_go(self) -> None:
        """Let others have it."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _take(self) -> list[Post]:
        """Take down everything that is posted; for who holds the board."""
        found = []
        with suppress(BlockingIOError):
            while data := self._inbox.recv(LONGEST):
                found.append(Post(*json.loads(data)))
        return found

    def settle(self, post: Post, *, done: bool) -> None:
        """Say what has become of a post."""
        _OUTCOME.pack_into(self._outcomes, _OUTCOME.size * post.place, post.at << 1 | done)

    def outcome(self, post: Post) -> bool | None:
        """Return whether a post was done; None while nobody says so."""
        told: int = _OUTCOME.unpack_from(self._outcomes, _OUTCOME.size * post.place)[0]
        return bool(told & 1) if told >> 1 == post.at else None


def _close(file: int, *sockets: socket.socket) -> None:
    """Close what a board had that nobody uses any more."""
    os.close(file)
    for one in sockets:
        one.close()
