"""Virtual IPs on devices: added and removed with our tag, everything else on the device left alone.

A virtual IP that an address of the device's own covers (the usual case) is installed as a /32: so neither it nor its
removal has anything to do with the connected route, and it never becomes the primary of other addresses or goes with
one. Only where no address of the device covers it does the configured prefix length, with its connected route, apply.
The tag (IFA_PROTO, Linux 5.18) is what makes an address ours; an address without it is never removed.
"""

import errno
import socket
from collections.abc import Iterable
from ipaddress import IPv4Interface
from typing import NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, EXCLUSIVE
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.links import DeviceName


class Address(NamedTuple):
    """An IPv4 address as the kernel has it; `ours` is whether it bears our tag."""

    interface: IPv4Interface
    ours: bool


def read(netlink: NetlinkSocket, device: DeviceName) -> list[Address]:
    """Return the IPv4 addresses of a device, in the kernel's order; none when there is no such device."""
    try:
        index = socket.if_nametoindex(device)
        content = messages.payload(messages.ADDRESS, {"family": socket.AF_INET, "index": index})
        replies = netlink.dump(messages.GET_ADDRESS, content, f"list the addresses of {device}")
    except OSError:
        return []
    found = []
    for reply in replies:
        fields, attributes = messages.parse(messages.ADDRESS, reply)
        if fields["index"] == index:
            interface = IPv4Interface((attributes["IFA_LOCAL"], fields["prefixlen"]))
            found.append(Address(interface, attributes.get("IFA_PROTO") == PROTOCOL))
    return found


def add(netlink: NetlinkSocket, device: DeviceName, wanted: Iterable[IPv4Interface]) -> None:
    """Install virtual IPs; those that are there already, whoever put them, stay as they are. Raises DriverError."""
    present = read(netlink, device)
    lasting = [address.interface.network for address in present if not address.ours]
    for interface in wanted:
        if any(address.interface.ip == interface.ip for address in present):
            continue
        covered = any(interface.ip in network for network in lasting)
        length = 32 if covered else interface.network.prefixlen
        try:
            _change(
                netlink, messages.NEW_ADDRESS, ACK | CREATE | EXCLUSIVE, device, IPv4Interface((interface.ip, length))
            )
        except DriverError as error:
            if error.errno != errno.EEXIST:
                raise


def remove(netlink: NetlinkSocket, device: DeviceName, unwanted: Iterable[IPv4Interface]) -> None:
    """Remove virtual IPs that bear our tag, whatever their prefix length; others are left alone. Raises DriverError."""
    gone = {interface.ip for interface in unwanted}
    for address in read(netlink, device):
        if address.ours and address.interface.ip in gone:
            try:
                _change(netlink, messages.DELETE_ADDRESS, ACK, device, address.interface)
            except DriverError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise


def _change(netlink: NetlinkSocket, kind: int, flags: int, device: DeviceName, interface: IPv4Interface) -> None:
    """Add or delete one address."""
    verb = "add" if kind == messages.NEW_ADDRESS else "remove"
    operation = f"{verb} the address {interface} on {device}"
    try:
        index = socket.if_nametoindex(device)
    except OSError as error:
        raise DriverError(operation, errno.ENODEV) from error
    fields = {"family": socket.AF_INET, "prefixlen": interface.network.prefixlen, "index": index}
    address = str(interface.ip)
    attributes: list[tuple[str, int | str]] = [
        ("IFA_LOCAL", address),
        ("IFA_ADDRESS", address),
        ("IFA_PROTO", PROTOCOL),
    ]
    netlink.request(messages.request(messages.ADDRESS, kind, flags, fields, attributes), operation)
