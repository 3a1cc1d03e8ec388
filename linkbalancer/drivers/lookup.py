"""Questions about one packet, answered by the kernel itself: its way, the rules that may decide it, a neighbour.

Nothing is sent: RTM_GETROUTE runs the very lookup that a packet with this mark from this device would meet.
"""

import errno
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import attribute, attributes, message
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.engine.crosscheck.iprule import IpRule
from linkbalancer.engine.crosscheck.observed import ENTRY_STATES, Answer, Neighbour
from linkbalancer.links import Address, DeviceName
from linkbalancer.routing.packet import Packet

_FAMILY: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_BITS: Final = {4: 32, 6: 128}

_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_DESTINATION, _SOURCE, _IIF, _OIF, _GATEWAY, _TABLE, _MARK, _VIA = 1, 2, 3, 4, 5, 15, 16, 18
_IP_PROTOCOL, _SOURCE_PORT, _DESTINATION_PORT = 27, 28, 29
_LOOKUP_TABLE, _MATCHED_ROUTE = 0x1000, 0x2000
_KINDS: Final = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
}
_NO_WAY: Final = {"blackhole": errno.EINVAL, "unreachable": errno.EHOSTUNREACH, "prohibit": errno.EACCES}
_ASKABLE: Final = {socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6}
"""The protocols that the kernel takes in such a question (rtm_getroute_parse_ip_proto)."""

_RULE: Final = struct.Struct("=BBBBBBBBI")
_INVERTED: Final = 0x2
_NOT_SUPPRESSED: Final = 0xFFFFFFFF
(
    _R_DESTINATION,
    _R_SOURCE,
    _R_IIF,
    _R_GOTO,
    _R_PRIORITY,
    _R_MARK,
    _R_SUPPRESS,
    _R_TABLE,
    _R_MASK,
    _R_OIF,
    _R_UIDS,
    _R_PROTOCOL,
    _R_IP_PROTOCOL,
    _R_SOURCE_PORTS,
    _R_DESTINATION_PORTS,
) = (1, 2, 3, 4, 6, 10, 14, 15, 16, 17, 20, 21, 22, 23, 24)
_DSCP: Final = 25
_HARMLESS: Final = {11, 18}
"""Attributes that narrow nothing: the realm, padding."""
_UNDERSTOOD: Final = {1, 2, 3, 4, 6, 10, 14, 15, 16, 17, 20, 21, 22, 23, 24, _DSCP} | _HARMLESS
_WHOLE: Final = {28: 0xFFFF, 29: 0xFFFF, 30: 0x3F}
"""Masks of ports and DSCP, as they are where they leave out nothing."""

_NEIGHBOUR: Final = struct.Struct("=BxxxiHBB")
_N_DESTINATION, _N_MAC, _N_TIMES, _N_PROTOCOL = 1, 2, 3, 12
_TIMES: Final = struct.Struct("=IIII")
_TICK_MS: Final = 10
"""USER_HZ is 100 on every Linux that we run on."""


def way(netlink: NetlinkSocket, packet: Packet, mark: int = 0, device: DeviceName | None = None) -> Answer:
    """Return where a packet with a mark goes that enters by a device (None: this host sends it itself).

    What the kernel refuses is an answer too (`error`). Raises DriverError only where it cannot be asked.
    """
    resolved = _ask(netlink, packet, mark, device, _LOOKUP_TABLE)
    if resolved.error:
        return resolved
    matched = _ask(netlink, packet, mark, device, _LOOKUP_TABLE | _MATCHED_ROUTE)
    return Answer(
        0,
        resolved.kind,
        resolved.table,
        resolved.gateway,
        resolved.device,
        matched.prefix,
        matched.protocol,
    )


def way_to(netlink: NetlinkSocket, destination: Address) -> Answer:
    """Return where this host itself would send a packet, whatever its source and mark. Raises DriverError."""
    nowhere = ip_address(bytes(destination.max_prefixlen // 8))
    return way(netlink, Packet(nowhere, destination, 0))


def _ask(netlink: NetlinkSocket, packet: Packet, mark: int, device: DeviceName | None, flags: int) -> Answer:
    version = packet.destination.version
    source = packet.source.packed if int(packet.source) else b""
    bits = _BITS[version]
    if version == 6:
        flags &= ~_LOOKUP_TABLE  # IPv6 tells the table unasked, and refuses who asks
    head = _ROUTE.pack(_FAMILY[version], bits, bits if source else 0, packet.tos & 0xFC, 0, 0, 0, 0, flags)
    content = head + attribute(_DESTINATION, packet.destination.packed)
    if source:
        content += attribute(_SOURCE, source)
    if device is not None:
        content += attribute(_IIF, struct.pack("=I", _index(device)))
    content += attribute(_MARK, struct.pack("=I", mark)) + _transport(packet)
    try:
        reply = netlink.ask(message(messages.GET_ROUTE, 0, content), f"ask for the way to {packet.destination}")
    except DriverError as error:
        if error.errno in {errno.EPERM, errno.ETIMEDOUT, errno.EOPNOTSUPP, errno.ENODEV}:
            raise
        return Answer(error.errno)
    return _answer(reply, version)


def _transport(packet: Packet) -> bytes:
    """Return the attributes for protocol and ports, as far as they may be asked with."""
    if packet.protocol not in _ASKABLE:
        return b""
    content = attribute(_IP_PROTOCOL, bytes([packet.protocol]))
    if packet.protocol in {socket.IPPROTO_TCP, socket.IPPROTO_UDP}:
        for kind, port in ((_SOURCE_PORT, packet.source_port), (_DESTINATION_PORT, packet.destination_port)):
            content += attribute(kind, struct.pack("!H", port)) if port else b""
    return content


def _index(device: DeviceName) -> int:
    try:
        return socket.if_nametoindex(device)
    except OSError as error:
        raise DriverError(f"look for the device {device}", errno.ENODEV, retry=False) from error


def _answer(reply: bytes, version: int) -> Answer:
    _family, length, _source, _tos, table, protocol, _scope, number, _flags = _ROUTE.unpack_from(reply)
    parts = dict(attributes(reply, _ROUTE.size))
    kind = _KINDS.get(number, str(number))
    if kind in _NO_WAY:  # IPv6 answers with the route itself, where IPv4 answers with an error
        return Answer(_NO_WAY[kind], kind, _word(parts, _TABLE, table))
    gateway = parts.get(_GATEWAY) or parts.get(_VIA, b"")[2:]
    destination = parts.get(_DESTINATION, bytes(_BITS[version] // 8))
    return Answer(
        kind=kind,
        table=_word(parts, _TABLE, table),
        gateway=ip_address(gateway) if gateway else None,
        device=_name(_word(parts, _OIF, 0)),
        prefix=str(ip_network((destination, length), strict=False)),
        protocol=protocol,
    )


def _name(index: int) -> DeviceName | None:
    with suppress(OSError):
        return socket.if_indextoname(index)
    return None


def rules(netlink: NetlinkSocket, version: int = 4) -> tuple[IpRule, ...]:
    """Return everybody's routing rules in the kernel's order. Raises DriverError."""
    content = _RULE.pack(_FAMILY[version], 0, 0, 0, 0, 0, 0, 0, 0)
    return tuple(_rule(reply) for reply in netlink.dump(messages.GET_RULE, content, "list the routing rules"))


def _rule(reply: bytes) -> IpRule:
    _family, to_length, from_length, tos, table, _one, _two, action, flags = _RULE.unpack_from(reply)
    parts = dict(attributes(reply, _RULE.size))
    suppressed = _word(parts, _R_SUPPRESS, _NOT_SUPPRESSED)
    return IpRule(
        priority=_word(parts, _R_PRIORITY, 0),
        table=_word(parts, _R_TABLE, table),
        action=action,
        protocol=parts.get(_R_PROTOCOL, b"\0")[0],
        inverted=bool(flags & _INVERTED),
        source=ip_network((parts[_R_SOURCE], from_length)) if _R_SOURCE in parts else None,
        destination=ip_network((parts[_R_DESTINATION], to_length)) if _R_DESTINATION in parts else None,
        tos=parts[_DSCP][0] << 2 if _DSCP in parts else tos,
        mark=_word(parts, _R_MARK, 0),
        mask=_word(parts, _R_MASK, 0),
        iif=_text(parts.get(_R_IIF)),
        oif=_text(parts.get(_R_OIF)),
        ip_protocol=parts.get(_R_IP_PROTOCOL, b"\0")[0],
        source_ports=_range(parts.get(_R_SOURCE_PORTS), "=HH") or (0, 0xFFFF),
        destination_ports=_range(parts.get(_R_DESTINATION_PORTS), "=HH") or (0, 0xFFFF),
        uids=_range(parts.get(_R_UIDS), "=II"),
        suppress_prefixlength=None if suppressed == _NOT_SUPPRESSED else suppressed,
        goto=_word(parts, _R_GOTO, 0) if _R_GOTO in parts else None,
        odd=any(kind not in _UNDERSTOOD and _WHOLE.get(kind) != _native(value) for kind, value in parts.items()),
    )


def _word(parts: Mapping[int, bytes], kind: int, default: int) -> int:
    value: int = struct.unpack("=I", parts[kind])[0] if kind in parts else default
    return value


def _native(value: bytes) -> int:
    return int.from_bytes(value, sys.byteorder)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.rstrip(b"\0").decode("utf-8", "replace")


def _range(value: bytes | None, form: str) -> tuple[int, int] | None:
    if value is None:
        return None
    first, last = struct.unpack(form, value)
    return int(first), int(last)


def neighbour(netlink: NetlinkSocket, device: DeviceName, address: Address) -> Neighbour | None:
    """Return what the kernel knows of a neighbour on a device, None when nothing. Raises DriverError."""
    head = _NEIGHBOUR.pack(_FAMILY[address.version], _index(device), 0, 0, 0)
    content = head + attribute(_N_DESTINATION, address.packed)
    try:
        reply = netlink.ask(message(messages.GET_NEIGHBOUR, 0, content), f"ask for the neighbour {address}")
    except DriverError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    state: int = _NEIGHBOUR.unpack_from(reply)[2]
    parts = dict(attributes(reply, _NEIGHBOUR.size))
    times = _TIMES.unpack_from(parts[_N_TIMES]) if len(parts.get(_N_TIMES, b"")) >= _TIMES.size else None
    return Neighbour(
        state=ENTRY_STATES.get(state, str(state)),
        mac=parts.get(_N_MAC) or None,
        ours=parts.get(_N_PROTOCOL) == bytes([PROTOCOL]),
        confirmed_ms=None if times is None else times[0] * _TICK_MS,
        updated_ms=None if times is None else times[2] * _TICK_MS,
    )
