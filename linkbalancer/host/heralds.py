"""Heralds of one LAN: UDP to the group that VRRP's routers are in, held to a device, from the same wire alone."""

import errno
import socket
import struct
import sys
from ipaddress import ip_address
from typing import Final

from linkbalancer.engine.events import HeraldReceived
from linkbalancer.links import DeviceName, Family
from linkbalancer.vrrp.ip import LOCAL_TTL, multicast

PORT: Final = 20113
_LARGEST: Final = 1536
_PER_CALL: Final = 64
_TTL_SPACE: Final = socket.CMSG_SPACE(4)
_RECEIVE_BYTES: Final = 65_536
_IP_RECVTTL: Final = 12
_255: Final = LOCAL_TTL.to_bytes(4, sys.byteorder)
_SAME_WIRE: Final = {
    Family.IPV4: [(socket.IPPROTO_IP, socket.IP_TTL, _255)],
    Family.IPV6: [(socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT, _255)],
}


class HeraldSocket:
    """The socket of a LAN device. Raises OSError when the device is missing.

    Attributes:
        refused: datagrams that the kernel would not send.
        strangers: datagrams that came over a router (their TTL or hop limit is not 255), dropped.
    """

    def __init__(self, device: DeviceName, family: Family = Family.IPV4) -> None:
        self._device, self._same_wire = device, _SAME_WIRE[family]
        self.refused = self.strangers = 0
        index = socket.if_nametoindex(device)
        self._to: tuple[str, int] | tuple[str, int, int, int] = str(multicast(family)), PORT
        if family is Family.IPV6:
            self._to = *self._to, 0, index
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET, kind)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            # An agent and its successor hold one each for a moment.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            (_join_ipv6 if family is Family.IPV6 else _join_ipv4)(self._socket, index)
            self._socket.bind(self._to)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when heralds wait."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> list[HeraldReceived]:
        """Return the heralds that wait, at most 64 a call, oldest first."""
        found: list[HeraldReceived] = []
        for _ in range(_PER_CALL):
            try:
                data, extras, _flags, origin = self._socket.recvmsg(_LARGEST, _TTL_SPACE)
            except BlockingIOError:
                break
            except OSError:
                continue
            if extras == self._same_wire:
                source = ip_address(origin[0].partition("%")[0])
                found.append(HeraldReceived(self._device, source, data))
            else:
                self.strangers += 1
        return found

    def send(self, data: bytes) -> int:
        """Send a herald; return 0, or the error number when the kernel would not (it is counted).

        That there is no address to send it from yet is no error: it is said again soon.
        """
        try:
            self._socket.sendto(data, self._to)
        except OSError as error:
            self.refused += 1
            return 0 if error.errno == errno.EADDRNOTAVAIL else error.errno or -1
        return 0


def _join_ipv4(sock: socket.socket, index: int) -> None:
    here = struct.pack("=4s4si", multicast(Family.IPV4).packed, bytes(4), index)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, LOCAL_TTL)
    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, here)


def _join_ipv6(sock: socket.socket, index: int) -> None:
    here = struct.pack("=16si", multicast(Family.IPV6).packed, index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, LOCAL_TTL)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, here)
