"""A socket to one family of netlink: requests with their acknowledgement, and dumps.

Written by hand because it stands on the path of a failover: prebuilt bytes go out, one acknowledgement comes back, and
nothing else happens in between.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import (
    DUMP,
    DUMP_INTERRUPTED,
    HEADER,
    NLMSG_DONE,
    NLMSG_ERROR,
    attributes,
    message,
    messages,
)

ROUTE: Final = 0
NETFILTER: Final = 12

_SOL_NETLINK: Final = 270
_CAP_ACK: Final = 10
_EXT_ACK: Final = 11
_STRICT: Final = 12
_SEND_BUFFER_FORCE: Final = 32
_ACK_TLVS: Final = 0x200
_ACK_MESSAGE: Final = 1

_RECEIVE_BYTES: Final = 1 << 16
_SEND_BYTES: Final = 1 << 23
"""What one request may have: a transaction is one datagram; ten thousand applications at once are a megabyte."""
_PATIENCE: Final = struct.pack("@ll", 2, 0)
"""The kernel answers within the call; two seconds without an answer mean that it was lost."""
_DUMP_ATTEMPTS: Final = 5


class NetlinkSocket:
    """A netlink socket for requests of one family (`ROUTE` or `NETFILTER`)."""

    def __init__(self, family: int) -> None:
        """Open the socket; raises DriverError when the kernel has no such family."""
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        except OSError as error:
            raise DriverError("open a netlink socket", error.errno or errno.EIO) from error
        self._socket.bind((0, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
        with suppress(OSError):  # who may not is who changes nothing
            self._socket.setsockopt(socket.SOL_SOCKET, _SEND_BUFFER_FORCE, _SEND_BYTES)
        for option in (_CAP_ACK, _EXT_ACK, _STRICT):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._sequence = 0

    @property
    def port(self) -> int:
        """The port id that the kernel writes on notifications of what this socket changed."""
        return int(self._socket.getsockname()[0])

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(self, data: bytes, operation: str) -> None:
        """Send messages, the last of which asks for an acknowledgement, and wait for it.

        All of them get the same new sequence number, so the first error of any is the request's. Raises DriverError
        with the operation's text.
        """
        sequence = self._send(data, operation)
        while True:
            for kind, flags, number, payload in messages(self._receive(operation)):
                if number == sequence and kind == NLMSG_ERROR:
                    judge(payload, operation, flags)
                    return

    def ask(self, data: bytes, operation: str) -> bytes:
        """Send a question that has one message for an answer; return its payload. Raises DriverError."""
        sequence = self._send(data, operation)
        while True:
            for kind, flags, number, payload in messages(self._receive(operation)):
                if number != sequence:
                    continue
                if kind == NLMSG_ERROR:
                    judge(payload, operation, flags)
                return payload

    def dump(self, kind: int, payload: bytes, operation: str) -> list[bytes]:
        """Return the payloads of a dump; one that changed under way is asked for again. Raises DriverError."""
        data = message(kind, DUMP, payload)
        for _attempt in range(_DUMP_ATTEMPTS):
            found = self._dump_once(data, operation)
            if found is not None:
                return found
        raise DriverError(f"{operation}: it changes all the time", errno.EINTR)

    def stream(self, data: bytes, operation: str) -> Iterator[bytes]:
        """Ask for a dump and yield its datagrams; who stops before the last one closes the socket.

        Raises DriverError.
        """
        self._send(data, operation)
        while True:
            yield self._receive(operation)

    def _dump_once(self, data: bytes, operation: str) -> list[bytes] | None:
        """Return the payloads, or None when the kernel says that they do not fit together."""
        sequence = self._send(data, operation)
        found: list[bytes] = []
        consistent = True
        while True:
            for kind, flags, number, payload in messages(self._receive(operation)):
                if number != sequence:
                    continue
                consistent &= not flags & DUMP_INTERRUPTED
                if kind in {NLMSG_DONE, NLMSG_ERROR}:
                    judge(payload, operation, flags)
                    return found if consistent else None
                found.append(payload)

    def _send(self, data: bytes, operation: str) -> int:
        """Number every message of the request and send it; return the number."""
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        numbered = bytearray(data)
        offset = 0
        while offset < len(numbered):
            struct.pack_into("=I", numbered, offset + 8, self._sequence)
            length: int = HEADER.unpack_from(numbered, offset)[0]
            offset += length + -length % 4
        try:
            self._socket.send(numbered)
        except OSError as error:
            raise DriverError(operation, error.errno or errno.EIO) from error
        return self._sequence

    def _receive(self, operation: str) -> bytes:
        """Return the next datagram; no answer in time is an error that may pass."""
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError as error:
            raise DriverError(operation, errno.ETIMEDOUT) from error
        except OSError as error:
            raise DriverError(operation, error.errno or errno.EIO) from error


def judge(payload: bytes, operation: str, flags: int = 0) -> None:
    """Raise what an acknowledgement or a dump's end says, with the kernel's own words where it has any."""
    code: int = -struct.unpack_from("=i", payload)[0] if len(payload) >= 4 else 0
    if code == 0:
        return
    words = ""
    if flags & _ACK_TLVS:
        found = dict(attributes(payload, 4 + HEADER.size))
        words = found.get(_ACK_MESSAGE, b"").rstrip(b"\0").decode("utf-8", "replace")
    raise DriverError(f"{operation} ({words})" if words else operation, code)
