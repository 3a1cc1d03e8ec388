"""ICMP: an echo of a host beyond the gateway."""

import os
import socket
import struct
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.host.probes.asking import Answer, Path, Socketed

_ECHO, _REPLY = 8, 0
_HEADER: Final = struct.Struct("!BBHHH")
_SOL_RAW, _ICMP_FILTER = 255, 1
_TOKEN_BYTES: Final = 16
_READS: Final = 64


class IcmpProbe(Socketed):
    """One host; only the echo of this round's own words is an answer."""

    def __init__(self, path: Path, address: IPv4Address) -> None:
        super().__init__(path)
        self._address, self._number, self._token = str(address), 0, b""

    def begin(self) -> None:
        """Ask; raises OSError."""
        sock = self.open(socket.SOCK_RAW, socket.IPPROTO_ICMP)
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << _REPLY)))
        self._number, self._token = self._number + 1 & 0xFFFF, os.urandom(_TOKEN_BYTES)
        head = _HEADER.pack(_ECHO, 0, 0, os.getpid() & 0xFFFF, self._number)
        head = _HEADER.pack(_ECHO, 0, _checksum(head + self._token), os.getpid() & 0xFFFF, self._number)
        sock.sendto(head + self._token, (self._address, 0))

    def ready(self) -> Answer | None:
        """Return the answer when there is one; raises OSError."""
        for _packet in range(_READS):
            try:
                packet, (source, _port) = self.opened.recvfrom(1500)
            except BlockingIOError:
                return None
            if source == self._address and packet[(packet[0] & 0xF) * 4 :][_HEADER.size :] == self._token:
                return Answer(passed=True, text="echoes")
        return None


def _checksum(message: bytes) -> int:
    """Return the Internet checksum of a message of even length."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF & ~total
