"""VRRP advertisements on a LAN device, of both families: heard with their frames' source addresses, and sent.

One packet socket hears them all, before anything else of the kernel does. So it hears a rival that sends with the
virtual MAC of a macvlan of ours, which the macvlan would keep from every tap behind it (VRRP fact sheet 9.1), and no
rule of a firewall keeps a Backup deaf.

Multicast leaves by the same socket, as frames that are built here: with whatever source MAC the group has, from an
address that the kernel might still be testing, past routing and firewalls (a Master that a rule silences is two
Masters), and with less work than any other way. What goes to single peers is routed, so the kernel sends it.
"""

import errno
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from linkbalancer.engine.effects import SendAdvert
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.host import packetfilter
from linkbalancer.links import Address, DeviceName, Mac

_PROTOCOL: Final = 112
_GROUP_IPV4: Final = IPv4Address("224.0.0.18")
_GROUP_IPV6: Final = IPv6Address("ff02::12")
_MAC_IPV4: Final = bytes.fromhex("01005e000012")
_MAC_IPV6: Final = bytes.fromhex("333300000012")

_EVERYTHING: Final = 0x0003
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
_SOL_PACKET: Final = 263
_ADD_MEMBERSHIP, _STATISTICS, _IGNORE_OUTGOING = 1, 6, 23
_MULTICAST: Final = 0
_RECEIVE_BUFFER_FORCE: Final = 33
_IP_PKTINFO: Final = 8
_IPV6_UNICAST_HOPS: Final = 16
_ETHERNET: Final = 1

_TTL: Final = 255
_CLASS_SELECTOR_6: Final = 0xC0
_CONTROL: Final = 7
"""The priority of traffic that keeps a network together: a queueing discipline may send it before all else."""
_DONT_FRAGMENT: Final = 0x4000

_LINK_HEADER: Final = 14
_LARGEST: Final = 9216
_ADVERTS_PER_CALL: Final = 1024
_BUFFER_BYTES: Final = 2 << 20
"""Holds between 3,000 and 5,000 adverts: a second of 255 groups at ten adverts a second, in both families.

No more than the loop reads before it judges any timer (`daemon.loop.LEAST` calls).
"""
_FRAMES_MAX: Final = 1024
"""Prebuilt frames kept; more groups than this are not on one device."""


class _Frame(NamedTuple):
    """A frame for a message, and what it was built for."""

    source: Address
    destination: Address
    mac: Mac | None
    data: bytes


class AdvertSocket:
    """Both directions of one device. Raises OSError when the device is missing or rights are.

    Attributes:
        refused: adverts that the kernel would not send.
        lost: frames that came while the receive buffer was full, as far as `look_after` has counted them.
    """

    def __init__(self, device: DeviceName, inherited: Sequence[socket.socket] = ()) -> None:
        """Open the sockets, or go on with a predecessor's of the same device."""
        self._device = device
        self.refused = self.lost = 0
        self._frames: dict[bytes, _Frame] = {}
        self._routed: dict[int, socket.socket] = {}
        self._joined = False
        if inherited:
            self._packets = inherited[0]
            self._routed = {sock.family: sock for sock in inherited[1:]}
        else:
            self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | _KIND, 0)
            try:
                self._open(socket.if_nametoindex(device))
            except OSError:
                self.close()
                raise
        self._mac: Mac = self._packets.getsockname()[4]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors, for a successor: that of the packet socket first."""
        return (self._packets.fileno(), *(sock.fileno() for sock in self._routed.values()))

    def _open(self, index: int) -> None:
        """Set the sockets up; the packet socket is bound last, so that nothing comes in unfiltered."""
        packetfilter.accept_protocol(self._packets, _PROTOCOL)
        self._packets.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self._packets.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, _BUFFER_BYTES)
        self._packets.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)
        for mac in (_MAC_IPV4, _MAC_IPV6):
            # The card lets the groups in, whatever the state of the device's IP.
            member = struct.pack("=iHH8s", index, _MULTICAST, len(mac), mac)
            self._packets.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        self._open_routed(index)
        self._packets.bind((self._device, _EVERYTHING))
        if self._packets.getsockname()[3] != _ETHERNET:
            raise OSError(errno.EPROTONOSUPPORT, "VRRP needs an Ethernet device")

    def _open_routed(self, index: int) -> None:
        """Open what sends to single peers, and join: switches that watch IGMP and MLD hear of it by our own MAC.

        Without IPv6 on this computer there is none of that family.
        """
        plain = self._routed[socket.AF_INET] = _raw(socket.AF_INET, self._device)
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _TTL)
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _CLASS_SELECTOR_6)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)  # the class has just set it to best effort
        member = struct.pack("=4s4si", _GROUP_IPV4.packed, bytes(4), index)
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        with suppress(OSError):
            sixth = self._routed[socket.AF_INET6] = _raw(socket.AF_INET6, self._device)
            sixth.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, _TTL)
            sixth.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _CLASS_SELECTOR_6)
            sixth.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)
        self._join_ipv6()

    def _join_ipv6(self) -> None:
        """Join the group of IPv6, unless that is done; a device may have no IPv6 yet."""
        sixth = self._routed.get(socket.AF_INET6)
        if sixth is None or self._joined:
            return
        try:
            member = struct.pack("=16si", _GROUP_IPV6.packed, socket.if_nametoindex(self._device))
            sixth.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        except OSError as error:
            self._joined = error.errno == errno.EADDRINUSE  # by a predecessor, on this very socket
        else:
            self._joined = True

    def fileno(self) -> int:
        """Return the descriptor that is readable when adverts wait."""
        return self._packets.fileno()

    def close(self) -> None:
        """Close the sockets, leaving the groups."""
        for sock in (self._packets, *self._routed.values()):
            sock.close()

    def receive(self) -> list[AdvertReceived]:
        """Return the adverts that wait, at most 1024 a call, oldest first; what is for other MACs is left out."""
        found: list[AdvertReceived] = []
        receive, device = self._packets.recv, self._device
        for _packet in range(_ADVERTS_PER_CALL):
            try:
                frame = receive(_LARGEST)
            except BlockingIOError:
                break
            except OSError:
                # ENETDOWN is told once when the device goes down; the device monitor reports that.
                continue
            found.append(AdvertReceived(device, frame[_LINK_HEADER:], frame[6:12]))
        return found

    def look_after(self) -> int:
        """Do now and then what no event asks for; return how many frames were lost since the last call.

        The device may have another MAC, or IPv6, by now; frames are lost when the receive buffer is full.
        """
        self._join_ipv6()
        try:
            mac = self._packets.getsockname()[4]
            counted = self._packets.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        except OSError:
            return 0
        if mac != self._mac:
            self._mac = mac
            self._frames.clear()
        lost: int = struct.unpack("=II", counted)[1]
        self.lost += lost
        return lost

    def send(self, advert: SendAdvert) -> int:
        """Send one advert from its source address; return 0, or the error number when the kernel would not."""
        message = advert.message
        frame = self._frames.get(message)
        try:
            if frame is not None and _fits(frame, advert):
                self._packets.send(frame.data)
            elif advert.destination.is_multicast:
                self._packets.send(self._build(advert))
            else:
                self._send_routed(advert)
        except OSError as error:
            self.refused += 1
            return error.errno or -1
        return 0

    def _build(self, advert: SendAdvert) -> bytes:
        """Return the frame of an advert, kept for as long as the group says the same."""
        header = _ipv4_header if isinstance(advert.destination, IPv4Address) else _ipv6_header
        data = header(advert, advert.mac or self._mac) + advert.message
        if len(self._frames) >= _FRAMES_MAX:
            self._frames.clear()
        self._frames[advert.message] = _Frame(advert.source, advert.destination, advert.mac, data)
        return data

    def _send_routed(self, advert: SendAdvert) -> None:
        """Send to a single peer. Raises OSError."""
        family = socket.AF_INET if isinstance(advert.destination, IPv4Address) else socket.AF_INET6
        sender = self._routed.get(family)
        if sender is None:
            raise OSError(errno.EAFNOSUPPORT, "no such family here")
        if family == socket.AF_INET:
            level, kind = socket.IPPROTO_IP, _IP_PKTINFO
            source = struct.pack("=i4s4s", 0, advert.source.packed, bytes(4))
        else:
            level, kind = socket.IPPROTO_IPV6, socket.IPV6_PKTINFO
            source = struct.pack("=16si", advert.source.packed, 0)
        sender.sendmsg([advert.message], [(level, kind, source)], 0, (str(advert.destination), 0))


_KIND: Final = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK


def _raw(family: int, device: DeviceName) -> socket.socket:
    """Return a raw socket that only sends, by one device. Raises OSError."""
    opened = socket.socket(family, socket.SOCK_RAW | _KIND, _PROTOCOL)
    try:
        packetfilter.accept_nothing(opened)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    except OSError:
        opened.close()
        raise
    return opened


def _fits(frame: _Frame, advert: SendAdvert) -> bool:
    """Return whether a frame is an advert's; the same message may come from another address since."""
    return (
        (frame.source is advert.source or frame.source == advert.source)
        and frame.mac == advert.mac
        and (frame.destination is advert.destination or frame.destination == advert.destination)
    )


def _ipv4_header(advert: SendAdvert, mac: Mac) -> bytes:
    """Return what stands before the message: Ethernet and IPv4 (RFC 9568 5.1.1)."""
    fields = (0x45, _CLASS_SELECTOR_6, 20 + len(advert.message), 0, _DONT_FRAGMENT, _TTL, _PROTOCOL)
    addresses = advert.source.packed + advert.destination.packed
    unsummed = struct.pack("!BBHHHBBH", *fields, 0) + addresses
    total = sum(struct.unpack("!10H", unsummed))
    total = (total >> 16) + (total & 0xFFFF)
    check = 0xFFFF - (total >> 16) - (total & 0xFFFF)
    header = struct.pack("!BBHHHBBH", *fields, check) + addresses
    return _MAC_IPV4 + mac + _ETH_P_IP.to_bytes(2, "big") + header


def _ipv6_header(advert: SendAdvert, mac: Mac) -> bytes:
    """Return what stands before the message: Ethernet and IPv6 (RFC 9568 5.1.2)."""
    first = 6 << 28 | _CLASS_SELECTOR_6 << 20
    header = struct.pack("!IHBB", first, len(advert.message), _PROTOCOL, _TTL)
    addresses = advert.source.packed + advert.destination.packed
    return _MAC_IPV6 + mac + _ETH_P_IPV6.to_bytes(2, "big") + header + addresses
