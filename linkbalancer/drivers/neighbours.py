"""Neighbour entries: a virtual IP pinned to the Master that was heard, so that steering waits for no ARP."""

import errno
import socket
import struct
from ipaddress import IPv4Address, ip_address
from typing import Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, REPLACE, attribute, attributes
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import Address, DeviceName, Family, Mac

_FAMILIES: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_INCOMPLETE: Final = 0x01
_FAILED: Final = 0x20
_PERMANENT: Final = 0x80
_USE: Final = 0x01
"""NTF_USE, linux/neighbour.h."""

_FIXED: Final = struct.Struct("=BxxxiHBB")
_DESTINATION, _MAC, _INDEX, _PROTO = 1, 2, 8, 12
_TAG: Final = bytes([PROTOCOL])


class _Entry(NamedTuple):
    """An entry as the kernel has it."""

    family: int
    state: int
    address: bytes
    mac: bytes
    ours: bool


def pin_request(index: int, address: Address, mac: Mac) -> bytes:
    """Return the request that pins an address to a MAC on the device with this index, whatever was known before."""
    family = _FAMILIES[Family(address.version)]
    fields = {"family": family, "ifindex": index, "state": _PERMANENT}
    attributes: list[tuple[str, int | str]] = [
        ("NDA_DST", str(address)),
        ("NDA_LLADDR", mac.hex(":")),
        ("NDA_PROTOCOL", PROTOCOL),
    ]
    return messages.request(messages.NEIGHBOUR, messages.NEW_NEIGHBOUR, ACK | CREATE | REPLACE, fields, attributes)


def pinned(netlink: NetlinkSocket, device: DeviceName, family: Family = Family.IPV4) -> dict[Address, Mac]:
    """Return what is pinned on a device by us."""
    found = {}
    for entry in _read(netlink, device, _FAMILIES[family]):
        if entry.state == _PERMANENT and entry.ours:
            found[ip_address(entry.address)] = entry.mac
    return found


def resolve(netlink: NetlinkSocket, device: DeviceName, address: IPv4Address) -> None:
    """Have the kernel ask for an address as if it had a packet for it. Raises DriverError."""
    operation = f"ask for {address} on {device}"
    try:
        fields = {"family": socket.AF_INET, "ifindex": socket.if_nametoindex(device), "flags": _USE}
    except OSError as error:
        raise DriverError(operation, errno.ENODEV) from error
    attributes: list[tuple[str, int | str]] = [("NDA_DST", str(address))]
    request = messages.request(messages.NEIGHBOUR, messages.NEW_NEIGHBOUR, ACK | CREATE, fields, attributes)
    netlink.request(request, operation)


def unpin(netlink: NetlinkSocket, device: DeviceName, address: Address) -> None:
    """Remove an entry that was pinned; one that is gone already is fine. Raises DriverError."""
    _delete(netlink, device, address, f"unpin {address} on {device}")


def flush_unresolved(netlink: NetlinkSocket, device: DeviceName) -> int:
    """Forget the neighbours whose resolution hangs or failed, and return how many.

    After a carrier came back the kernel would otherwise keep answering `unreachable` from what it learnt while there
    was none. Raises DriverError.
    """
    forgotten = 0
    for entry in _read(netlink, device, socket.AF_UNSPEC):
        if entry.state in {_INCOMPLETE, _FAILED} and entry.family in {socket.AF_INET, socket.AF_INET6}:
            address = ip_address(entry.address)
            _delete(netlink, device, address, f"forget the unresolved neighbour {address} on {device}")
            forgotten += 1
    return forgotten


def _read(netlink: NetlinkSocket, device: DeviceName, family: int) -> list[_Entry]:
    """Return a device's entries of a family; none when there is no such device.

    By hand: their words tell how old they are, so no two looks are alike, and there may be thousands.
    """
    try:
        index = socket.if_nametoindex(device)
    except OSError:
        return []
    content = _FIXED.pack(family, 0, 0, 0, 0) + attribute(_INDEX, struct.pack("=I", index))
    replies = netlink.dump(messages.GET_NEIGHBOUR, content, f"list the neighbours on {device}")
    return [_entry(reply) for reply in replies]


def _entry(reply: bytes) -> _Entry:
    family, _index, state, _flags, _type = _FIXED.unpack_from(reply)
    parts = dict(attributes(reply, _FIXED.size))
    return _Entry(family, state, parts.get(_DESTINATION, b""), parts.get(_MAC, b""), parts.get(_PROTO) == _TAG)


def _delete(netlink: NetlinkSocket, device: DeviceName, address: Address, operation: str) -> None:
    """Delete one entry, if it is there."""
    try:
        fields = {"family": _FAMILIES[Family(address.version)], "ifindex": socket.if_nametoindex(device)}
    except OSError:
        return
    request = messages.request(messages.NEIGHBOUR, messages.DELETE_NEIGHBOUR, ACK, fields, [("NDA_DST", str(address))])
    try:
        netlink.request(request, operation)
    except DriverError as error:
        if error.errno not in {errno.ENOENT, errno.ENODEV}:
            raise
