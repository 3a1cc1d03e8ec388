"""The kernel's switches that a virtual MAC needs: on its own device, and on the group's device below (fact sheet 9.2).

What the device below had is noted on the devices above it (their `alias`), so that it lasts exactly as long as it is
needed, whoever dies meanwhile; it comes back when the last of them goes, unless somebody has changed it since.

Two that others set are not set: `arp_filter` below, which would leave hosts unanswered that are routed another way, and
changes nothing where `arp_ignore` is set; and `accept_local` above, since adverts are heard below.
"""

import socket
from contextlib import suppress
from typing import Final

from linkbalancer.drivers import sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.macvlan import Macvlan
from linkbalancer.links import DeviceName

_BELOW: Final = {"arp_ignore": 1, "arp_announce": 2}
"""On the group's device, at least: its real addresses alone are answered for, and asked from.

Else the group's device, too, would answer for the virtual IPs; and ask with a virtual IP as the sender, when this
gateway answers a host from there, which teaches the host the device's own MAC.
"""
_ABOVE: Final = {
    "ipv4/conf/{}/arp_ignore": "1",
    "ipv4/conf/{}/arp_announce": "2",
    "ipv4/conf/{}/rp_filter": "0",
    "ipv4/conf/{}/promote_secondaries": "1",
    "ipv4/conf/{}/send_redirects": "0",
    "ipv4/conf/{}/accept_redirects": "0",
}
_WITHOUT_IPV6: Final = {"ipv6/conf/{}/disable_ipv6": "1"}
_WITH_IPV6: Final = {
    "ipv6/conf/{}/addr_gen_mode": "1",  # none: made of the virtual MAC, it would be every member's (RFC 9568 7.4)
    "ipv6/conf/{}/disable_ipv6": "0",
    "ipv6/conf/{}/accept_ra": "0",
    "ipv6/conf/{}/autoconf": "0",
    "ipv6/conf/{}/router_solicitations": "0",
    "ipv6/conf/{}/dad_transmits": "0",
    "ipv6/conf/{}/accept_redirects": "0",
}
_FORWARDING: Final = "ipv6/conf/{}/forwarding"


class Below:
    """What the groups' devices had, by their numbers."""

    def __init__(self) -> None:
        self._notes: dict[int, str] = {}

    def note(self, index: int) -> str:
        """Return what is to be written on a device above this one."""
        return self._notes.get(index, "")

    def recall(self, index: int, note: str) -> None:
        """Take over what stands on a device above."""
        if note:
            self._notes.setdefault(index, note)

    def hold(self, device: DeviceName, index: int) -> list[str]:
        """Set the switches of a group's device to no less than is needed; return what changed of them."""
        if index not in self._notes:
            values = [f"{name}={sysctl.read(f'ipv4/conf/{device}/{name}') or 0}" for name in _BELOW]
            self._notes[index] = " ".join(["linkbalancer:", *values])
        changes = []
        for name, least in _BELOW.items():
            path = f"ipv4/conf/{device}/{name}"
            if int(sysctl.read(path) or least) < least:
                with suppress(DriverError):  # a device that has just gone
                    changes.append(f"set {sysctl.write(path, str(least))}")
        return changes

    def restore(self, index: int, note: str) -> None:
        """Give a group's device back what it had, unless somebody has changed that meanwhile."""
        self._notes.pop(index, None)
        with suppress(OSError, DriverError):
            device = socket.if_indextoname(index)
            for word in note.split()[1:]:
                name, _, value = word.partition("=")
                path = f"ipv4/conf/{device}/{name}"
                if name in _BELOW and value.isdigit() and sysctl.read(path) == str(_BELOW[name]):
                    sysctl.write(path, value)


def dress(wanted: Macvlan) -> list[str]:
    """Set the switches of a device; return what had to be changed of them. Raises DriverError."""
    switches = {**_ABOVE, **(_WITH_IPV6 if wanted.ipv6 else _WITHOUT_IPV6)}
    if wanted.ipv6:
        # Its neighbour advertisements say `router` as those of the device below.
        switches[_FORWARDING] = sysctl.read(_FORWARDING.format(wanted.parent)) or "0"
    changes = []
    for path, value in switches.items():
        if path.startswith("ipv6") and sysctl.read(path.format(wanted.device)) is None:
            continue  # this computer has no IPv6
        change = sysctl.write(path.format(wanted.device), value)
        if change is not None:
            changes.append(f"set {change}")
    return changes
