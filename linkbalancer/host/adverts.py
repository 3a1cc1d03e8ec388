"""VRRP advertisements on a LAN device: received with the frame's source address, sent by a raw socket.

Reception is on a packet socket, because only that tells the MAC address to which the virtual IP is to be pinned.
"""

import socket
import struct
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.engine.effects import SendAdvert
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.host import packetfilter
from linkbalancer.links import DeviceName
from linkbalancer.vrrp.packet import MULTICAST, PROTOCOL

_ETH_P_IP: Final = 0x0800
_SOL_PACKET: Final = 263
_PACKET_IGNORE_OUTGOING: Final = 23
_PACKET_OTHERHOST: Final = 3
_IP_PKTINFO: Final = 8
_TTL: Final = 255
_CLASS_SELECTOR_6: Final = 0xC0
_LARGEST: Final = 2048
_ADVERTS_PER_CALL: Final = 128


class AdvertSocket:
    """Both directions of one device. Raises OSError when the device is missing or rights are."""

    def __init__(self, device: DeviceName, inherited: tuple[socket.socket, socket.socket] | None = None) -> None:
        """Open the sockets, or go on with a predecessor's receiving and sending one of the same device."""
        self._device = device
        if inherited is not None:
            self._receiver, self._sender = inherited
            return
        index = socket.if_nametoindex(device)
        kind = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._receiver = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | kind, 0)
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_RAW | kind, PROTOCOL)
        try:
            self._open(index)
        except OSError:
            self.close()
            raise

    @property
    def descriptors(self) -> tuple[int, int]:
        """The two descriptors, for a successor."""
        return self._receiver.fileno(), self._sender.fileno()

    def _open(self, index: int) -> None:
        """Set the sockets up; the receiver is bound last, so that nothing comes in unfiltered."""
        packetfilter.accept_protocol(self._receiver, PROTOCOL)
        self._receiver.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        packetfilter.accept_nothing(self._sender)
        self._sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._device.encode())
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _CLASS_SELECTOR_6)
        # The membership makes the device, and switches that watch IGMP, let the group in.
        member = struct.pack("=4s4si", MULTICAST.packed, bytes(4), index)
        self._sender.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._receiver.bind((self._device, _ETH_P_IP))

    def fileno(self) -> int:
        """Return the descriptor that is readable when adverts wait."""
        return self._receiver.fileno()

    def close(self) -> None:
        """Close the sockets, leaving the group."""
        self._receiver.close()
        self._sender.close()

    def receive(self) -> list[AdvertReceived]:
        """Return the adverts that wait, at most 128 a call, oldest first; what was meant for other MACs is left out."""
        found: list[AdvertReceived] = []
        for _packet in range(_ADVERTS_PER_CALL):
            try:
                packet, origin = self._receiver.recvfrom(_LARGEST)
            except BlockingIOError:
                break
            except OSError:
                # ENETDOWN is told once when the device goes down; the device monitor reports that.
                continue
            device, _protocol, destination, _hardware, mac = origin
            if device == self._device and destination != _PACKET_OTHERHOST:
                found.append(AdvertReceived(self._device, packet, mac))
        return found

    def send(self, advert: SendAdvert) -> int:
        """Send one advert from its source address; return 0, or the error number when the kernel would not."""
        source = struct.pack("=i4s4s", 0, advert.source.packed, IPv4Address(0).packed)
        try:
            self._sender.sendmsg([advert.message], [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, (str(MULTICAST), 0))
        except OSError as error:
            return error.errno or -1
        return 0
