"""Ethernet frames of sample packets, and a socket to throw them at a gateway."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from linkbalancer.routing.packet import Packet

TCP_SYN, TCP_ACK = 0x02, 0x10


def _checksum(data: bytes) -> int:
    """Return the Internet checksum."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(packet: Packet, target: bytes, source: bytes, *, identity: int = 0, tcp_flags: int = TCP_SYN) -> bytes:
    """Return a frame with the packet and 8 bytes of content; `identity` is its IP ID or its flow label."""
    body = struct.pack("!HH", packet.source_port, packet.destination_port)
    if packet.protocol == 6:
        body += struct.pack("!IIBBHHH", 1000, 1 if tcp_flags & TCP_ACK else 0, 0x50, tcp_flags, 1000, 0, 0)
    elif packet.protocol == 17:
        body += struct.pack("!HH", 16, 0)
    elif packet.protocol == 1:
        body = struct.pack("!BBHHH", 8, 0, 0, identity, 1)
        body = body[:2] + struct.pack("!H", _checksum(body + bytes(8))) + body[4:]
    body += bytes(8)
    if packet.protocol == 6:
        # Connection tracking calls a segment with a wrong checksum invalid.
        pseudo = packet.source.packed + packet.destination.packed + struct.pack("!HH", 6, len(body))
        body = body[:16] + struct.pack("!H", _checksum(pseudo + body)) + body[18:]
    if isinstance(packet.source, IPv6Address):
        first = 6 << 28 | packet.tos << 20 | identity
        header = struct.pack("!IHBB", first, len(body), packet.protocol, 64)
        return target + source + b"\x86\xdd" + header + packet.source.packed + packet.destination.packed + body
    assert isinstance(packet.destination, IPv4Address)
    addresses = packet.source.packed + packet.destination.packed
    fields = (0x45, packet.tos, 20 + len(body), identity, 0, 64, packet.protocol)
    check = _checksum(struct.pack("!BBHHHBBH", *fields, 0) + addresses)
    return target + source + b"\x08\x00" + struct.pack("!BBHHHBBH", *fields, check) + addresses + body


def open_packet_socket(device: str) -> socket.socket:
    """Return a packet socket that only sends, on a device of the present namespace."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.bind((device, 0))
    return opened


def mac_of(device: str) -> bytes:
    """Return the MAC address of a device of the present namespace."""
    with open_packet_socket(device) as probe:
        mac: bytes = probe.getsockname()[4]
    return mac
