"""Packets to take in: every kind of advertisement, good or damaged on purpose."""

import struct
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.links import Address
from linkbalancer.vrrp.ip import wrap
from linkbalancer.vrrp.packet import CENTISECOND, MULTICAST, MULTICAST_IPV6, Advertisement

SOURCE = IPv4Address("192.0.2.10")
SOURCE_6 = IPv6Address("fe80::a")

vrids, priorities = st.integers(1, 255), st.integers(0, 255)
ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6 = st.integers(0, 2**128 - 1).map(IPv6Address)
hundredths = st.integers(1, 4095).map(lambda cs: cs * CENTISECOND)

of_version_2 = st.builds(
    Advertisement,
    vrids,
    priorities,
    st.integers(1, 255).map(lambda seconds: seconds * SECOND),
    st.lists(ipv4, min_size=1, max_size=255).map(tuple),
    st.just(2),
)
over_ipv4 = st.builds(Advertisement, vrids, priorities, hundredths, st.lists(ipv4, min_size=1, max_size=255).map(tuple))
over_ipv6 = st.builds(Advertisement, vrids, priorities, hundredths, st.lists(ipv6, min_size=1, max_size=89).map(tuple))
advertisements = st.one_of(of_version_2, over_ipv4, over_ipv6)

hosts: dict[int, st.SearchStrategy[Address]] = {
    4: st.integers(0x01000000, 0x7EFFFFFF).map(IPv4Address),
    6: st.integers(2, 0xFF).map(lambda n: SOURCE_6 + n),
}
"""Addresses that a router can have, by family."""


def group_of(address: Address) -> Address:
    """Return the multicast group of an address's family."""
    return MULTICAST if address.version == 4 else MULTICAST_IPV6


def packed(
    message: bytes,
    source: Address = SOURCE,
    destination: Address | None = None,
    *,
    options: bytes = b"",
    ttl: int = 255,
) -> bytes:
    """Put an IP header before a message; IPv4's may have options."""
    bare = wrap(source, destination or group_of(source), message, ttl=ttl)
    if not options:
        return bare
    length = struct.pack("!H", len(bare) + len(options))
    return headed(bytes([0x45 + len(options) // 4]) + bare[1:2] + length + bare[4:20] + options + message)


def headed(packet: bytes) -> bytes:
    """Give an IPv4 header its checksum, whatever else is wrong with it."""
    length = (packet[0] & 0x0F) * 4
    bare = packet[:10] + b"\0\0" + packet[12:length]
    return packet[:10] + struct.pack("!H", -int.from_bytes(bare) % 0xFFFF) + packet[12:]


def summed(message: bytes, pseudo_header: bytes = b"") -> bytes:
    """Give a message a checksum, by the book: words added with their carries; whatever else is wrong with it."""
    covered = pseudo_header + message[:6] + b"\0\0" + message[8:]
    total: int = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return message[:6] + struct.pack("!H", 0xFFFF - total) + message[8:]


def changed(packet: bytes, at: int, *values: int) -> bytes:
    """Replace bytes of a packet."""
    return packet[:at] + bytes(values) + packet[at + len(values) :]
