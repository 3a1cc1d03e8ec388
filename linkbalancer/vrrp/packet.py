"""The VRRP version 3 advertisement for IPv4: bytes to values and back, with a reason for every packet refused.

This is the one file that knows the wire's units (centiseconds) and its two checksums: RFC 9568 5.2.8 sums the message
alone, programs of RFC 5798's time sum an IPv4 pseudo-header as well. Both are accepted; which one is sent is a setting.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.links import Vid

PROTOCOL = 112
MULTICAST = IPv4Address("224.0.0.18")

CENTISECOND: Duration = 10 * MILLISECOND
"""The wire's unit of time; its 12 bits say 1 to 4095 of them (RFC 9568 5.2.7)."""

_VERSION_3_ADVERTISEMENT = 0x31
_IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
_MESSAGE = struct.Struct("!BBBBHH")
_PSEUDO_HEADER = struct.Struct("!4s4sBBH")


class ChecksumForm(StrEnum):
    """What the checksum of an IPv4 advertisement covers: the message alone, or a pseudo-header and the message."""

    RFC9568 = "rfc9568"
    RFC5798 = "rfc5798"


class Rejection(StrEnum):
    """Why a packet was refused; the value is the name of the counter that grows (RFC 6527 and ietf-vrrp names)."""

    PACKET_LENGTH = "packet_length"
    IP_VERSION = "ip_version"
    FRAGMENT = "fragment"
    PROTOCOL = "protocol"
    ADDRESS = "address"
    IP_TTL = "ip_ttl"
    VERSION = "version"
    INVALID_TYPE = "invalid_type"
    VRID = "vrid"
    CHECKSUM = "checksum"
    ZERO_COUNT = "zero_count"
    ZERO_INTERVAL = "zero_interval"


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What one advertisement says.

    `vrid` 1..255; `priority` 0 (the Master leaves) .. 255 (the owner of the addresses); `interval` 10 ms .. 40.95 s in
    steps of 10 ms; `addresses` 1 to 255 virtual IPs, in the order of the wire (RFC 9568 5.2).
    """

    vrid: Vid
    priority: int
    interval: Duration
    addresses: tuple[IPv4Address, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A valid advertisement, who sent it, and which checksum it carried (the RFC 9568 one, if both would fit)."""

    advertisement: Advertisement
    source: IPv4Address
    form: ChecksumForm


def centiseconds(interval: Duration) -> int:
    """Return an advertisement interval in the wire's unit, 1..4095.

    Raises:
        ValueError: The wire cannot say this interval (RFC 9568 5.2.7 and erratum 8301).
    """
    whole, rest = divmod(interval, CENTISECOND)
    if rest or not 1 <= whole <= 4095:
        raise ValueError(f"an advertisement interval is 10 ms to 40.95 s in steps of 10 ms, not {interval} ns")
    return whole


def encode(advertisement: Advertisement, source: IPv4Address, form: ChecksumForm) -> bytes:
    """Return the VRRP message, without its IP header, as it is sent from `source` to 224.0.0.18.

    Raises:
        ValueError: A field is outside the range that `Advertisement` states.
    """
    count = len(advertisement.addresses)
    if not (1 <= advertisement.vrid <= 255 and 0 <= advertisement.priority <= 255 and 1 <= count <= 255):
        raise ValueError(f"VRID, priority or number of addresses out of range: {advertisement}")
    head = (_VERSION_3_ADVERTISEMENT, advertisement.vrid, advertisement.priority, count)
    interval = centiseconds(advertisement.interval)
    addresses = b"".join(address.packed for address in advertisement.addresses)
    message = _MESSAGE.pack(*head, interval, 0) + addresses
    covered = message if form is ChecksumForm.RFC9568 else _pseudo_header(source.packed, len(message)) + message
    return _MESSAGE.pack(*head, interval, 0xFFFF - _sum(covered)) + addresses


def decode(packet: bytes) -> Received | Rejection:
    """Return what an IPv4 datagram (header included, Ethernet padding tolerated) advertises, or why it is refused.

    Any bytes are allowed and nothing is raised. The checks run in the order of RFC 9568 7.1, each making the next one
    safe. Whether the VRID is configured and whether the source is one of our own addresses is the caller's to judge.
    """
    cut = _message_of(packet)
    if isinstance(cut, Rejection):
        return cut
    source, message = cut
    version_and_type, vrid, priority, count, interval, _ = _MESSAGE.unpack_from(message)
    if version_and_type >> 4 != 3:
        return Rejection.VERSION
    if version_and_type & 0x0F != 1:
        return Rejection.INVALID_TYPE
    if vrid == 0:
        return Rejection.VRID
    if len(message) != 8 + 4 * count:
        return Rejection.PACKET_LENGTH
    form = _verified_form(source, message)
    if form is None:
        return Rejection.CHECKSUM
    if count == 0:  # erratum 8299
        return Rejection.ZERO_COUNT
    interval &= 0x0FFF  # the upper four bits are reserved: ignored on receipt (RFC 9568 5.2.6)
    if interval == 0:  # erratum 8301: a zero would make every Backup's timer expire at once
        return Rejection.ZERO_INTERVAL
    addresses = tuple(IPv4Address(message[at : at + 4]) for at in range(8, len(message), 4))
    advertisement = Advertisement(vrid, priority, interval * CENTISECOND, addresses)
    return Received(advertisement, IPv4Address(source), form)


def _message_of(packet: bytes) -> tuple[bytes, bytes] | Rejection:
    """Check the IPv4 header; return the source address and the payload, cut to the datagram's own length."""
    if len(packet) < _IP_HEADER.size:
        return Rejection.PACKET_LENGTH
    first, _, total, _, fragment, ttl, protocol, _, source, destination = _IP_HEADER.unpack_from(packet)
    header = (first & 0x0F) * 4
    if first >> 4 != 4:
        return Rejection.IP_VERSION
    if header < _IP_HEADER.size or not header + _MESSAGE.size <= total <= len(packet):
        return Rejection.PACKET_LENGTH
    if fragment & 0x3FFF:  # more fragments, or an offset; the bit "don't fragment" is no matter
        return Rejection.FRAGMENT
    if protocol != PROTOCOL:
        return Rejection.PROTOCOL
    if destination != MULTICAST.packed:
        return Rejection.ADDRESS
    if ttl != 255:
        return Rejection.IP_TTL
    return source, packet[header:total]


def _verified_form(source: bytes, message: bytes) -> ChecksumForm | None:
    """Return which of the two checksums verifies, None for neither."""
    if _sum(message) == 0xFFFF:
        return ChecksumForm.RFC9568
    if _sum(_pseudo_header(source, len(message)) + message) == 0xFFFF:
        return ChecksumForm.RFC5798
    return None


def _pseudo_header(source: bytes, length: int) -> bytes:
    """Return IPv4's pseudo-header as programs of RFC 5798's time sum it."""
    return _PSEUDO_HEADER.pack(source, MULTICAST.packed, 0, PROTOCOL, length)


def _sum(data: bytes) -> int:
    """Return the 16-bit one's complement sum of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return total
