"""The IP header around a VRRP message, of either version: taken off what arrives, put before what is sent."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.links import Address, Family
from linkbalancer.vrrp.rejection import Rejection

PROTOCOL: Final = 112
"""IP protocol, and IPv6 next header, of VRRP."""

MULTICAST: Final = IPv4Address("224.0.0.18")
MULTICAST_IPV6: Final = IPv6Address("ff02::12")

LOCAL_TTL: Final = 255
"""What every advertisement leaves with: arrived with less, it came from another network (RFC 9568 5.1.1.3)."""

SHORTEST: Final = 8
"""The fixed part of a message of either version; nothing shorter can be one."""

_CLASS_SELECTOR_6: Final = 0xC0
_FRAGMENT_HEADER: Final = 44
_BROADCAST: Final = IPv4Address("255.255.255.255")
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_IPV6: Final = struct.Struct("!IHBB16s16s")


@dataclass(frozen=True, slots=True)
class Datagram:
    """A VRRP message and what its IP header says; `message` is cut to the datagram's own length, without padding."""

    source: Address
    destination: Address
    ttl: int
    message: bytes

    @property
    def family(self) -> Family:
        """The family of the carrying header, and so of the virtual router."""
        return Family(self.source.version)

    @property
    def to_group(self) -> bool:
        """Whether it was sent to all VRRP routers of the LAN."""
        return self.destination == multicast(self.family)


def multicast(family: Family) -> Address:
    """Return the group that all VRRP routers of a family listen to."""
    return MULTICAST_IPV6 if family is Family.IPV6 else MULTICAST


def unwrap(packet: bytes) -> Datagram | Rejection:
    """Take the IP header off a datagram (Ethernet padding tolerated), or say why that cannot be done.

    A packet socket hands over what the kernel's own IP layer would still have refused: hence the header's checksum, and
    sources that nobody can have.
    """
    version = packet[0] >> 4 if packet else None
    if version == 6:
        return _unwrap_ipv6(packet)
    if version == 4:
        return _unwrap_ipv4(packet)
    return Rejection.PACKET_LENGTH if version is None else Rejection.IP_VERSION


def wrap(source: Address, destination: Address, message: bytes, *, ttl: int = LOCAL_TTL) -> bytes:
    """Put before a message the IP header that the kernel of its sender would."""
    if isinstance(source, IPv6Address):
        flow = 6 << 28 | _CLASS_SELECTOR_6 << 20
        return _IPV6.pack(flow, len(message), PROTOCOL, ttl, source.packed, destination.packed) + message
    head = (0x45, _CLASS_SELECTOR_6, _IPV4.size + len(message), 0, 0, ttl, PROTOCOL)
    bare = _IPV4.pack(*head, 0, source.packed, destination.packed)
    return _IPV4.pack(*head, -int.from_bytes(bare) % 0xFFFF, source.packed, destination.packed) + message


def _unwrap_ipv4(packet: bytes) -> Datagram | Rejection:
    if len(packet) < _IPV4.size:
        return Rejection.PACKET_LENGTH
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(packet)
    header = (first & 0x0F) * 4  # options may follow the fixed part
    if header < _IPV4.size or not header + SHORTEST <= total <= len(packet):
        return Rejection.PACKET_LENGTH
    if int.from_bytes(packet[:header]) % 0xFFFF:
        return Rejection.IP_CHECKSUM
    if fragment & 0x3FFF:  # more fragments, or an offset; the bit "don't fragment" is no matter
        return Rejection.FRAGMENT
    if protocol != PROTOCOL:
        return Rejection.PROTOCOL
    return _judged(Datagram(IPv4Address(source), IPv4Address(destination), ttl, packet[header:total]))


def _unwrap_ipv6(packet: bytes) -> Datagram | Rejection:
    if len(packet) < _IPV6.size:
        return Rejection.PACKET_LENGTH
    _, length, following, hops, source, destination = _IPV6.unpack_from(packet)
    if not SHORTEST <= length <= len(packet) - _IPV6.size:
        return Rejection.PACKET_LENGTH
    if following == _FRAGMENT_HEADER:
        return Rejection.FRAGMENT
    if following != PROTOCOL:
        return Rejection.PROTOCOL
    message = packet[_IPV6.size : _IPV6.size + length]
    return _judged(Datagram(IPv6Address(source), IPv6Address(destination), hops, message))


def _judged(datagram: Datagram) -> Datagram | Rejection:
    """Refuse a source that no router can have."""
    source = datagram.source
    nobody = source.is_unspecified or source.is_multicast or source.is_loopback or source == _BROADCAST
    return Rejection.SOURCE if nobody else datagram
