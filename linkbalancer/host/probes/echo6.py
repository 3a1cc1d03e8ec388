"""ICMPv6: an echo of a far end, on the device that it is on."""

import os
import socket
import struct
from ipaddress import IPv6Address
from typing import Final

from linkbalancer.host.probes.asking import Answer
from linkbalancer.links import DeviceName

_ECHO, _REPLY = 128, 129
_HEADER: Final = struct.Struct("!BBHHH")
_SOL_ICMPV6, _ICMP6_FILTER = 58, 1
_FILTER: Final = struct.pack(
    "=8I", *(0xFFFFFFFF & ~(1 << _REPLY % 32 if word == _REPLY // 32 else 0) for word in range(8))
)
_TOKEN_BYTES: Final = 16
_HOPS: Final = 255
_READS: Final = 64


class Echo6Probe:
    """One far end; an echo of this probe's own words is an answer, to whichever round.

    A way may be longer than the interval (a satellite): the answer to an earlier round says as well as any that it is
    there. So the socket lives as long as the probe. No mark is set: the VID's table may refuse, and is to be told when
    it need not.
    """

    writes = False

    def __init__(self, device: DeviceName, address: IPv6Address) -> None:
        self._device, self._address = device, address
        self._token, self._number = os.urandom(_TOKEN_BYTES), 0
        self._socket: socket.socket | None = None
        self._index = 0

    def begin(self) -> None:
        """Ask; raises OSError."""
        index = socket.if_nametoindex(self._device)
        if self._socket is None or index != self._index:
            self.close()
            self._socket, self._index = self._open(), index
        self._number = self._number + 1 & 0xFFFF
        head = _HEADER.pack(_ECHO, 0, 0, os.getpid() & 0xFFFF, self._number)  # the kernel sums it up (RFC 3542 3.1)
        self._socket.sendto(head + self._token, (str(self._address), 0, 0, index))

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        assert self._socket is not None, "no round goes on"
        return self._socket.fileno()

    def ready(self) -> Answer | None:
        """Return the answer when there is one; raises OSError.

        All that has come is read, so that no old answer is left to say tomorrow that today's was one.
        """
        assert self._socket is not None, "no round goes on"
        answer = None
        for _packet in range(_READS):
            try:
                message, (source, *_where) = self._socket.recvfrom(1500)
            except BlockingIOError:
                break
            theirs = IPv6Address(source.partition("%")[0])
            if theirs == self._address and message[_HEADER.size :] == self._token:
                answer = Answer(passed=True, text="echoes")
        return answer

    def end(self) -> None:
        """End the round; its answer may still come."""

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        opened = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6)
        try:
            opened.setsockopt(_SOL_ICMPV6, _ICMP6_FILTER, _FILTER)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._device.encode() + b"\0")
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _HOPS)
        except OSError:
            opened.close()
            raise
        return opened
