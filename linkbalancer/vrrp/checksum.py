"""The checksums of VRRP: version 2 sums the message, IPv6 a pseudo-header too, and version 3 over IPv4 has two forms.

RFC 5798 5.2.8 was read in two ways: Keepalived and others of its time sum an IPv4 pseudo-header as well, routers of the
big vendors, and now RFC 9568 5.2.8, the message alone. Both live in the field, so both are accepted.

A one's complement sum of 16-bit words is the number that the bytes write, modulo 0xFFFF: 2**16 leaves 1. So a
pseudo-header need not be laid out; the words of its parts are added, in whatever order.
"""

from enum import StrEnum
from typing import Final

from linkbalancer.links import Address
from linkbalancer.vrrp.ip import MULTICAST, PROTOCOL, Datagram

_OFFSET: Final = 6
_MODULUS: Final = 0xFFFF


class ChecksumForm(StrEnum):
    """What the checksum of a version 3 advertisement over IPv4 covers; elsewhere there is one form alone.

    `rfc9568` the message alone; `rfc5798` a pseudo-header and the message; `old-unicast` the same with 224.0.0.18 for
    the destination, also where that is one peer: so did Keepalived up to 1.3.6. `auto` is no form but a setting: the
    form that was last verified from a peer, and RFC 5798's until then.
    """

    AUTO = "auto"
    RFC9568 = "rfc9568"
    RFC5798 = "rfc5798"
    OLD_UNICAST = "old-unicast"


def seal(version: int, source: Address, destination: Address, message: bytes, form: ChecksumForm) -> bytes:
    """Return a message, whose checksum is zero, with its checksum in place."""
    total = int.from_bytes(message)
    if version == 3 and (source.version == 6 or form is ChecksumForm.RFC5798):
        total += _pseudo_header(source, destination, message)
    elif version == 3 and form is ChecksumForm.OLD_UNICAST:
        total += _pseudo_header(source, MULTICAST, message)
    return message[:_OFFSET] + (-total % _MODULUS).to_bytes(2) + message[_OFFSET + 2 :]


def verified(version: int, datagram: Datagram) -> ChecksumForm | None:
    """Return in which form the checksum of a message is right, None for none; where there is one form, RFC 9568's."""
    message, source = datagram.message, datagram.source
    total = int.from_bytes(message)
    if version == 3 and source.version == 6:
        total += _pseudo_header(source, datagram.destination, message)
    if total % _MODULUS == 0:
        return ChecksumForm.RFC9568
    if version != 3 or source.version == 6:
        return None
    if (total + _pseudo_header(source, datagram.destination, message)) % _MODULUS == 0:
        return ChecksumForm.RFC5798
    if (total + _pseudo_header(source, MULTICAST, message)) % _MODULUS == 0:
        return ChecksumForm.OLD_UNICAST
    return None


def _pseudo_header(source: Address, destination: Address, message: bytes) -> int:
    """Return the sum of a pseudo-header's words, which are the same numbers in both families."""
    return int(source) + int(destination) + PROTOCOL + len(message)
