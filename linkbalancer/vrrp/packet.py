"""The VRRP advertisement: bytes to values and back, with a reason for every packet refused.

Version 2 (RFC 3768, IPv4, whole seconds, eight bytes of authentication data) and version 3 (RFC 9568, IPv4 and IPv6,
centiseconds). This is the one file that knows the wire's units.

    version 2                             version 3
    +--------+--------+--------+--------+ +--------+--------+--------+--------+
    |ver|type|  VRID  |priority| count  | |ver|type|  VRID  |priority| count  |
    +--------+--------+--------+--------+ +--------+--------+--------+--------+
    |  auth  |seconds |    checksum     | |0 | centiseconds |    checksum     |
    +--------+--------+--------+--------+ +--------+--------+--------+--------+
    |     count IPv4 addresses, and     | |  count addresses of the carrying  |
    |   8 bytes of authentication data  | |          header's family          |
    +-----------------------------------+ +-----------------------------------+
"""

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.links import Address, Family, Vid
from linkbalancer.vrrp.checksum import ChecksumForm, seal, verified
from linkbalancer.vrrp.ip import LOCAL_TTL, MULTICAST, MULTICAST_IPV6, PROTOCOL, Datagram, multicast, unwrap
from linkbalancer.vrrp.rejection import Rejection

__all__ = [
    "CENTISECOND",
    "MULTICAST",
    "MULTICAST_IPV6",
    "NO_PASSWORD",
    "PASSWORD_LENGTH",
    "PROTOCOL",
    "SIMPLE_PASSWORD",
    "Advertisement",
    "ChecksumForm",
    "Datagram",
    "Received",
    "Rejection",
    "centiseconds",
    "check",
    "decode",
    "encode",
    "multicast",
    "read",
    "unwrap",
    "whole_seconds",
]

CENTISECOND: Duration = 10 * MILLISECOND
"""Version 3's unit of time; its 12 bits say 1 to 4095 of them (RFC 9568 5.2.7)."""

NO_PASSWORD: Final = 0
SIMPLE_PASSWORD: Final = 1
"""The two authentication types of version 2 that are in use; RFC 3768 5.3.6 has only the first left."""

PASSWORD_LENGTH: Final = 8

_ADVERTISEMENT: Final = 1
_SIZES: Final = {Family.IPV4: 4, Family.IPV6: 16}
_TRAILER: Final = {2: PASSWORD_LENGTH, 3: 0}
_HEAD: Final = struct.Struct("!BBBBHH")


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What one advertisement says.

    `vrid` 1..255; `priority` 0 (the Master leaves) .. 255 (the owner of the addresses); `interval` 10 ms .. 40.95 s in
    steps of 10 ms, in version 2 1 s .. 255 s in steps of 1 s; `addresses` 1 to 255 virtual IPs, in the order of the
    wire (RFC 9568 5.2), none only in what others send in version 2. `auth_type` and `auth_data` are version 2's: the
    eight bytes as they came, empty for type 0, whose bytes mean nothing; no log ever shows them.
    """

    vrid: Vid
    priority: int
    interval: Duration
    addresses: tuple[Address, ...]
    version: int = 3
    auth_type: int = NO_PASSWORD
    auth_data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """A well-formed advertisement, how it came here, and which checksum it carried.

    `form` is RFC 9568's where there is one alone (version 2, IPv6), or where several would fit.
    """

    advertisement: Advertisement
    source: Address
    destination: Address
    ttl: int
    form: ChecksumForm


def centiseconds(interval: Duration) -> int:
    """Return an advertisement interval in version 3's unit, 1..4095.

    Raises:
        ValueError: The wire cannot say this interval (RFC 9568 5.2.7 and erratum 8301).
    """
    whole, rest = divmod(interval, CENTISECOND)
    if rest or not 1 <= whole <= 4095:
        raise ValueError(f"an advertisement interval is 10 ms to 40.95 s in steps of 10 ms, not {interval} ns")
    return whole


def whole_seconds(interval: Duration) -> int:
    """Return an advertisement interval in version 2's unit, 1..255.

    Raises:
        ValueError: The wire cannot say this interval (RFC 3768 5.3.7).
    """
    whole, rest = divmod(interval, SECOND)
    if rest or not 1 <= whole <= 255:
        raise ValueError(f"in version 2 an advertisement interval is 1 s to 255 s in whole seconds, not {interval} ns")
    return whole


def encode(
    advertisement: Advertisement,
    source: Address,
    destination: Address,
    form: ChecksumForm,
    password: bytes | None = None,
) -> bytes:
    """Return the VRRP message, without its IP header, as it is sent from `source` to `destination`.

    Both are part of some checksums, so a message is made for each sending and never kept. `form` matters for version 3
    over IPv4 alone; `auto` is RFC 9568's. `password`, cut to eight bytes and padded with NUL, makes the message one of
    authentication type 1; without it the advertisement's own type and data are sent.

    Raises:
        ValueError: A field is outside the range that `Advertisement` states.
    """
    said, count = advertisement, len(advertisement.addresses)
    if not (1 <= said.vrid <= 255 and 0 <= said.priority <= 255 and 1 <= count <= 255):
        raise ValueError(f"VRID, priority or number of addresses out of range: {said}")
    if {address.version for address in (source, *said.addresses)} != {destination.version}:
        raise ValueError(f"addresses of two families: {source} to {destination}, {said}")
    if said.version == 3:
        word, trailer = centiseconds(said.interval), b""
    elif said.version == 2 and source.version == 4 and 0 <= said.auth_type <= 255:
        auth_type, data = (said.auth_type, said.auth_data) if password is None else (SIMPLE_PASSWORD, password)
        word = auth_type << 8 | whole_seconds(said.interval)
        trailer = data[:PASSWORD_LENGTH].ljust(PASSWORD_LENGTH, b"\0")
    else:
        raise ValueError(f"no version 2 (over IPv4) or 3 has this: {said}")
    head = _HEAD.pack(said.version << 4 | _ADVERTISEMENT, said.vrid, said.priority, count, word, 0)
    addresses = b"".join(address.packed for address in said.addresses)
    return seal(said.version, source, destination, head + addresses + trailer, form)


def decode(packet: bytes) -> Received | Rejection:
    """Return what an IP datagram (header included, Ethernet padding tolerated) advertises, or why it is refused.

    Any bytes are allowed and nothing is raised. These are the checks that need no configuration; what a group adds to
    them, in their proper order, is in `engine.reception`.
    """
    datagram = unwrap(packet)
    if isinstance(datagram, Rejection):
        return datagram
    if datagram.destination.is_multicast:
        if not datagram.to_group:
            return Rejection.ADDRESS
        if datagram.ttl != LOCAL_TTL:
            return Rejection.IP_TTL
    form = check(datagram)
    return form if isinstance(form, Rejection) else read(datagram, form)


def check(datagram: Datagram) -> ChecksumForm | Rejection:
    """Check that a message is an advertisement, complete and undamaged; return the form of its checksum."""
    message = datagram.message
    version, count = message[0] >> 4, message[3]
    if version not in _TRAILER or (version == 2 and datagram.family is Family.IPV6):
        return Rejection.VERSION
    if message[0] & 0x0F != _ADVERTISEMENT:
        return Rejection.INVALID_TYPE
    if message[1] == 0:
        return Rejection.VRID
    # Exactly: eight zero bytes more leave every checksum right.
    if len(message) != _HEAD.size + _SIZES[datagram.family] * count + _TRAILER[version]:
        return Rejection.PACKET_LENGTH
    form = verified(version, datagram)
    if form is None:
        return Rejection.CHECKSUM
    if count == 0 and version == 3:  # erratum 8299; version 2 leaves it to the comparison of the lists
        return Rejection.ZERO_COUNT
    return form


def read(datagram: Datagram, form: ChecksumForm) -> Received | Rejection:
    """Return the fields of a message that was checked; the interval alone can still be one that nobody may send."""
    message = datagram.message
    first, vrid, priority, count, word, _ = _HEAD.unpack_from(message)
    version, auth_type, auth_data = first >> 4, NO_PASSWORD, b""
    if version == 2:
        interval, auth_type = (word & 0xFF) * SECOND, word >> 8
        auth_data = message[-PASSWORD_LENGTH:] if auth_type else b""
    else:
        interval = (word & 0x0FFF) * CENTISECOND  # four reserved bits: ignored on receipt (RFC 9568 5.2.6)
    if interval == 0:  # erratum 8301: a zero would make every Backup's timer expire at once
        return Rejection.ZERO_INTERVAL
    addresses = _addresses(message[_HEAD.size :], count, datagram.family)
    advertisement = Advertisement(vrid, priority, interval, addresses, version, auth_type, auth_data)
    return Received(advertisement, datagram.source, datagram.destination, datagram.ttl, form)


def _addresses(data: bytes, count: int, family: Family) -> tuple[Address, ...]:
    if family is Family.IPV6:
        return tuple(IPv6Address(data[at : at + 16]) for at in range(0, 16 * count, 16))
    return tuple(IPv4Address(data[at : at + 4]) for at in range(0, 4 * count, 4))
