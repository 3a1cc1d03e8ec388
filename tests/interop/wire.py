"""Frames as they were on the wire, read without the product's own decoder: it is what is under test."""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import Address, Mac, Vid

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
_VRRP, _ICMP, _ICMPV6 = 112, 1, 58
_NEIGHBOUR_ADVERTISEMENT: Final = 136
_ECHO_REPLIES: Final = {_ICMP: 0, _ICMPV6: 129}
_VIRTUAL = bytes.fromhex("00005e0001"), bytes.fromhex("00005e0002")


@dataclass(frozen=True, slots=True)
class Advert:
    """An advert as it was sent: `at` by the kernel's stamp, `forms` which checksums would verify."""

    at: Instant
    leg: str
    mac: Mac
    source: Address
    destination: Address
    ttl: int
    version: int
    vid: Vid
    priority: int
    interval: Duration
    addresses: tuple[Address, ...]
    forms: frozenset[str]
    password: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """An echo reply: who answered for a virtual IP, by the leg that it came from."""

    at: Instant
    leg: str
    source: Address
    sequence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What tells a host where an address is: any ARP of its sender's address, or a neighbour advertisement."""

    at: Instant
    leg: str
    address: Address
    mac: Mac


@dataclass(frozen=True, slots=True)
class Datagram:
    """An IP datagram of either version, cut to its own length."""

    source: Address
    destination: Address
    ttl: int
    protocol: int
    payload: bytes


def is_virtual(mac: Mac) -> bool:
    """Whether a MAC is a virtual router's (RFC 9568 7.3)."""
    return mac[:5] in _VIRTUAL


def datagram(frame: bytes) -> Datagram | None:
    """Return what a frame carries, None if that is not a whole IP datagram."""
    kind = int.from_bytes(frame[12:14])
    packet = frame[14:]
    if kind == IPV4 and len(packet) >= 20:
        head = (packet[0] & 15) * 4
        payload = packet[head : int.from_bytes(packet[2:4])]
        return Datagram(IPv4Address(packet[12:16]), IPv4Address(packet[16:20]), packet[8], packet[9], payload)
    if kind == IPV6 and len(packet) >= 40:
        payload = packet[40 : 40 + int.from_bytes(packet[4:6])]
        return Datagram(IPv6Address(packet[8:24]), IPv6Address(packet[24:40]), packet[7], packet[6], payload)
    return None


def read(at: Instant, leg: str, frame: bytes) -> Advert | Answer | Claim | None:
    """Return the advert, the echo reply or the claim that a frame is, None if it is neither."""
    if int.from_bytes(frame[12:14]) == ARP and len(frame) >= 42:
        return Claim(at, leg, IPv4Address(frame[28:32]), frame[22:28])
    found = datagram(frame)
    if found is None:
        return None
    if found.protocol == _VRRP and len(found.payload) >= 8:
        return _advert(at, leg, frame[6:12], found)
    if found.protocol in _ECHO_REPLIES and found.payload[0] == _ECHO_REPLIES[found.protocol]:
        return Answer(at, leg, found.source, int.from_bytes(found.payload[6:8]))
    if found.protocol == _ICMPV6 and found.payload[0] == _NEIGHBOUR_ADVERTISEMENT and len(found.payload) >= 32:
        return Claim(at, leg, IPv6Address(found.payload[8:24]), found.payload[26:32])
    return None


def _advert(at: Instant, leg: str, mac: Mac, found: Datagram) -> Advert:
    first, vid, priority, count, word, _ = struct.unpack_from("!BBBBHH", found.payload)
    size = len(found.source.packed)
    list_end = 8 + size * count
    interval = (word & 0xFF) * SECOND if first >> 4 == 2 else (word & 0x0FFF) * 10 * MILLISECOND
    listed = [found.payload[place : place + size] for place in range(8, list_end, size)]
    addresses = tuple(ip_address(one) for one in listed if len(one) == size)
    return Advert(
        at=at,
        leg=leg,
        mac=mac,
        source=found.source,
        destination=found.destination,
        ttl=found.ttl,
        version=first >> 4,
        vid=vid,
        priority=priority,
        interval=interval,
        addresses=addresses,
        forms=_forms(found),
        password=found.payload[list_end:].rstrip(b"\0"),
    )


def _forms(found: Datagram) -> frozenset[str]:
    """Return the names of the checksums that verify: `message` alone, or with `pseudo` header."""
    length = len(found.payload)
    tail = struct.pack("!BBH", 0, _VRRP, length) if found.source.version == 4 else struct.pack("!II", length, _VRRP)
    pseudo = found.source.packed + found.destination.packed + tail
    covered = {"message": found.payload, "pseudo": pseudo + found.payload}
    return frozenset(name for name, data in covered.items() if _sum(data) == 0xFFFF)


def _sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return total
