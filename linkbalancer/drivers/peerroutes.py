"""Routes to the far ends of links that cross other routers: a host route each in the main table, known by its tag.

The kernel would otherwise look for such a peer behind the main table's default route, or nowhere.
"""

import errno
import socket
from collections.abc import Collection
from functools import cache, lru_cache
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink import messages
from linkbalancer.drivers.netlink.codec import ACK, CREATE, REPLACE
from linkbalancer.drivers.netlink.messages import PROTOCOL
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import PeerRoute

_MAIN: Final = 254
_UNICAST: Final = 1
_ONLINK: Final = 4
_HOST_BITS: Final = 32


class PeerRoutes:
    """The routes that are wanted, and those of ours that are there."""

    def __init__(self, netlink: NetlinkSocket, wanted: Collection[PeerRoute]) -> None:
        self._netlink = netlink
        self._wanted = frozenset(wanted)
        self._clean = False

    def mend(self, *, trim: bool) -> tuple[list[str], list[DriverError]]:
        """Lay what is missing, with `trim` take away what nobody wants; return what was done, and what was refused.

        Without `trim` somebody else is at work still, and his ways stay as they are. A gateway without such links looks
        once for what a predecessor left. Raises DriverError.
        """
        if not self._wanted and self._clean:
            return [], []
        found = read(self._netlink)
        done: list[str] = []
        refused: list[DriverError] = []
        peers = {one.peer for one in self._wanted}
        for one in sorted(found) if trim else ():
            if one.peer not in peers:
                _delete(self._netlink, one)
                done.append(f"took away {one}")
        led = set() if trim else {one.peer for one in found}
        for one in sorted(one for one in self._wanted - found if one.peer not in led):
            try:
                _lay(self._netlink, one)
                done.append(f"laid {one}")
            except DriverError as error:
                refused.append(error)
        self._clean = trim
        return done, refused


def read(netlink: NetlinkSocket) -> set[PeerRoute]:
    """Return the host routes of the main table that are ours. Raises DriverError."""
    found = set()
    for peer, via, index in _understood(tuple(netlink.dump(messages.GET_ROUTE, _question(), "list the routes"))):
        try:
            found.add(PeerRoute(peer, via, socket.if_indextoname(index)))
        except OSError:
            continue  # its device went this moment, and took it along
    return found


@cache
def _question() -> bytes:
    return messages.payload(messages.ROUTE, {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNICAST})


@lru_cache(maxsize=2)
def _understood(replies: tuple[bytes, ...]) -> tuple[tuple[IPv4Address, IPv4Address, int], ...]:
    """Return peer, next hop and device of each; the same words are understood once, for they are asked for often."""
    found = []
    for reply in replies:
        fields, attributes = messages.parse(messages.ROUTE, reply)
        if fields["dst_len"] == _HOST_BITS and attributes.get("RTA_TABLE") == _MAIN and "RTA_GATEWAY" in attributes:
            peer, via = IPv4Address(attributes["RTA_DST"]), IPv4Address(attributes["RTA_GATEWAY"])
            found.append((peer, via, int(attributes["RTA_OIF"])))
    return tuple(found)


def _lay(netlink: NetlinkSocket, route: PeerRoute) -> None:
    operation = f"lay {route}"
    try:
        index = socket.if_nametoindex(route.device)
    except OSError as error:
        raise DriverError(operation, errno.ENODEV) from error
    # `onlink`: that the next hop is there is the configuration's to say, whatever addresses the device has at present.
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNICAST, "flags": _ONLINK, "dst_len": _HOST_BITS}
    attributes = [*_destination(route), ("RTA_GATEWAY", str(route.via)), ("RTA_OIF", index)]
    netlink.request(
        messages.request(messages.ROUTE, messages.NEW_ROUTE, ACK | CREATE | REPLACE, fields, attributes), operation
    )


def _delete(netlink: NetlinkSocket, route: PeerRoute) -> None:
    fields = {"family": socket.AF_INET, "proto": PROTOCOL, "type": _UNICAST, "dst_len": _HOST_BITS}
    request = messages.request(messages.ROUTE, messages.DELETE_ROUTE, ACK, fields, _destination(route))
    try:
        netlink.request(request, f"take away {route}")
    except DriverError as error:
        if error.errno != errno.ESRCH:
            raise


def _destination(route: PeerRoute) -> list[tuple[str, int | str]]:
    return [("RTA_TABLE", _MAIN), ("RTA_DST", str(route.peer))]
