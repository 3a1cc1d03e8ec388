"""Every VRRP advertisement that passes a LAN device, with the address of its frame's sender; nothing is ever sent."""

import socket
import struct
from contextlib import suppress
from typing import Final, NamedTuple

from linkbalancer.host import packetfilter
from linkbalancer.links import DeviceName, Family, Mac
from linkbalancer.vrrp.ip import PROTOCOL, multicast

_EVERYTHING: Final = 0x0003
_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP: Final = 1
_MULTICAST: Final = 0
_OUTGOING: Final = 4
_LINK_HEADER: Final = 14
_LARGEST: Final = 9216
_GROUPS: Final = (bytes.fromhex("01005e000012"), bytes.fromhex("333300000012"))


class Overheard(NamedTuple):
    """A datagram, its frame's source, and whether this computer sent it."""

    packet: bytes
    mac: Mac
    here: bool


class LanEar:
    """Hears a device of Ethernet, those who use it here included. Raises OSError when it is missing or rights are."""

    def __init__(self, device: DeviceName) -> None:
        """Begin to listen, to whatever is let in by the card and by switches that watch memberships."""
        kind = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        index = socket.if_nametoindex(device)
        self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | kind, 0)
        self._members = [socket.socket(family, socket.SOCK_DGRAM | kind) for family in _families()]
        try:
            packetfilter.accept_protocol(self._packets, PROTOCOL)
            for mac in _GROUPS:
                self._packets.setsockopt(
                    _SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("=iHH8s", index, _MULTICAST, len(mac), mac)
                )
            self._packets.bind((device, _EVERYTHING))
        except OSError:
            self.close()
            raise
        self._join(index)

    def _join(self, index: int) -> None:
        """Tell switches that watch IGMP and MLD; a device without address cannot, and hears what they flood."""
        for member in self._members:
            with suppress(OSError):
                if member.family == socket.AF_INET6:
                    group = struct.pack("=16si", multicast(Family.IPV6).packed, index)
                    member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
                else:
                    group = struct.pack("=4s4si", multicast(Family.IPV4).packed, bytes(4), index)
                    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """Return the descriptor that is readable when something was overheard."""
        return self._packets.fileno()

    def close(self) -> None:
        """Listen no more."""
        for one in (self._packets, *self._members):
            one.close()

    def listen(self) -> list[Overheard]:
        """Return what waits. Raises OSError: the device went down, or away."""
        found: list[Overheard] = []
        while True:
            try:
                frame, (_device, _protocol, kind, _hardware, _mac) = self._packets.recvfrom(_LARGEST)
            except BlockingIOError:
                return found
            found.append(Overheard(frame[_LINK_HEADER:], frame[6:12], kind == _OUTGOING))


def _families() -> list[socket.AddressFamily]:
    return [socket.AF_INET, *([socket.AF_INET6] if socket.has_ipv6 else [])]
