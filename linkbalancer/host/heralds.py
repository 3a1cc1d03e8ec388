"""Heralds of one LAN: UDP to the group that VRRP's routers are in, held to a device, from the same wire alone."""

import socket
import struct
import sys
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.engine.events import HeraldReceived
from linkbalancer.links import DeviceName, Family
from linkbalancer.vrrp.ip import LOCAL_TTL, multicast

PORT: Final = 20113
_LARGEST: Final = 512
_PER_CALL: Final = 64
_TTL_SPACE: Final = socket.CMSG_SPACE(4)
_RECEIVE_BYTES: Final = 65_536
_IP_RECVTTL: Final = 12
_SAME_WIRE: Final = [(socket.IPPROTO_IP, socket.IP_TTL, LOCAL_TTL.to_bytes(4, sys.byteorder))]


class HeraldSocket:
    """The socket of a LAN device. Raises OSError when the device is missing.

    Attributes:
        refused: datagrams that the kernel would not send.
        strangers: datagrams that came over a router (their TTL is not 255), dropped.
    """

    def __init__(self, device: DeviceName) -> None:
        self._device = device
        self._group = str(multicast(Family.IPV4))
        self.refused = self.strangers = 0
        index = socket.if_nametoindex(device)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        here = struct.pack("=4s4si", multicast(Family.IPV4).packed, bytes(4), index)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            # An agent and its successor hold one each for a moment.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, LOCAL_TTL)
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, here)
            self._socket.bind((self._group, PORT))
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
            if extras == _SAME_WIRE:
                found.append(HeraldReceived(self._device, IPv4Address(origin[0]), data))
            else:
                self.strangers += 1
        return found

    def send(self, data: bytes) -> int:
        """Send a herald; return 0, or the error number when the kernel would not (it is counted)."""
        try:
            self._socket.sendto(data, (self._group, PORT))
        except OSError as error:
            self.refused += 1
            return error.errno or -1
        return 0
