"""The UDP conversations of a host that share one of its addresses and ports: numbers sent, and numbers received.

Each says of which flow it is, whatever its addresses and ports have become on the way. The far host answers where the
last word of a conversation came from, so that one whose source is translated goes on when it is translated to something
else; the near host knows whom it asked, and hears nobody else.
"""

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from linkbalancer.clock import SECOND, Instant
from linkbalancer.lab.arrivals import Kind
from linkbalancer.lab.stream import Notes

FULL_TTL: Final = 64
_WORD: Final = struct.Struct("!II")
"""A number, and the flow that it is of."""
_PADDING: Final = bytes(56)
_IP_RECVTTL: Final = 12
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("@ll")


class Datagrams:
    """All conversations of one local address and port; `ends` say of each what it sends and receives."""

    def __init__(self, ends: Sequence[dict[str, Any]], notebook: Notes) -> None:
        self._ends = {end["sends"]: end for end in ends}
        self._answers = {end["receives"]: end["sends"] for end in ends}
        self._peers = {flow: tuple(end["remote"]) for flow, end in self._ends.items()}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(tuple(ends[0]["local"]))
        self._socket.settimeout(0)
        self._tos = 0
        self._notebook = notebook

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def send(self, flow: int, number: int) -> None:
        """Send a number of a flow; whatever the network says about it is no reason to stop."""
        tos = self._ends[flow]["tos"]
        with contextlib.suppress(OSError):
            if tos != self._tos:
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
                self._tos = tos
            self._socket.sendto(_WORD.pack(number, flow) + _PADDING, self._peers[flow])

    def receive(self) -> None:
        """Write down everything that has arrived, with the kernel's time of arrival."""
        # The kernel stamps with the wall clock; its distance to ours is taken anew for every batch.
        offset = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
        while True:
            try:
                said, ancillary, _, peer = self._socket.recvmsg(128, 256)
            except BlockingIOError:
                return
            except OSError:
                continue  # An ICMP error about something we sent; it is told once.
            number, flow = _WORD.unpack_from(said)
            if flow in self._answers and self._heeds(self._answers[flow], peer):
                at, gateways = _stamp(ancillary, offset)
                self._notebook.note(Kind.ARRIVAL, flow, number, gateways, at)

    def _heeds(self, flow: int, peer: tuple[str, int]) -> bool:
        """Whether a word is from whom we asked; who was asked answers whoever asks."""
        if not self._ends[flow]["connects"]:
            self._peers[flow] = peer
        return self._peers[flow] == peer


def _stamp(ancillary: Sequence[tuple[int, int, bytes]], offset: int) -> tuple[Instant | None, int]:
    """Return when a datagram came by our clock, None where the kernel does not say, and how many gateways it passed."""
    at, ttl = None, FULL_TTL
    for _, kind, value in ancillary:
        if kind == _SO_TIMESTAMPNS:
            seconds, rest = _TIMESPEC.unpack(value)
            at = seconds * SECOND + rest + offset
        elif kind == socket.IP_TTL:
            ttl = int.from_bytes(value, sys.byteorder)
    return at, FULL_TTL - ttl
