"""How one agent succeeds another on the same host: a conversation on one connection of the agent's socket (ADR 0009).

    successor                                incumbent
    {"verb": "hold", "succession": 1}   ->   compares the kernel with nothing while this connection lasts
                                        <-   {"ok": true, "answer": {"layout": ...}}, then {"still": true} all the time
      ... makes what is new, loads ...
    {"verb": "succeed", vids, links}    ->   hands over what the successor will not serve
                                        <-   {"bequest": ...}, with descriptors; says and does nothing from here on
    {"verb": "taken"}                   ->   ends

Whoever of the two fails or is killed before `taken`, the other one goes on; after it there is only the successor.
"""

import array
import json
import socket
from dataclasses import dataclass, field
from typing import Any, Final

VERSION: Final = 1
"""Of this conversation; what a bequest holds has a version of its own (`engine.snapshot`)."""

LINE_MAX: Final = 1 << 16

UNREADY: Final = (BlockingIOError, InterruptedError)


@dataclass(frozen=True, slots=True)
class Heirloom:
    """Sockets that are handed on: what they are for (`key`, JSON-able), and their descriptors."""

    key: tuple[str | int, ...]
    descriptors: tuple[int, ...]


@dataclass(slots=True)
class Bequest:
    """What a successor received; sockets that it does not take are closed by `close`."""

    fields: dict[str, Any]
    sockets: dict[tuple[str | int, ...], list[socket.socket]] = field(default_factory=dict)

    def take(self, *key: str | int) -> list[socket.socket]:
        """Return the sockets of a key, none where none were handed on."""
        return self.sockets.pop(key, [])

    def close(self) -> None:
        """Close what nobody took."""
        for sockets in self.sockets.values():
            for sock in sockets:
                sock.close()
        self.sockets.clear()


def send(sock: socket.socket, data: bytes, descriptors: list[int]) -> bool:
    """Send words, with descriptors; False when that would have to wait, or nobody is there."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    try:
        return sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL) == len(data)
    except OSError:
        return False


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Return what has come, with the descriptors that came along."""
    room = socket.CMSG_SPACE(4 * 253)
    data, ancillary, _flags, _address = sock.recvmsg(LINE_MAX, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors)


def parse(line: bytes) -> dict[str, Any]:
    """Return the object in a line, an empty one where there is none."""
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}
