"""The map that tells gateways behind one device by their MAC: which of them brought a connection.

The kernel knows who a gateway is once it has resolved its address; until then what it brings is noted by nobody, and
its answers are steered as everything else.
"""

import errno
import struct
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final, TypeAlias

from linkbalancer.drivers import lookup, neighbours
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import ACK, CREATE, attribute, attributes, message, nested, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import BATCH, BATCH_BEGIN, BATCH_END, INET
from linkbalancer.drivers.nftables.render import TABLE
from linkbalancer.drivers.nftables.translation import ASKED_BY, UPSTREAMS, answering
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.translation import Way

Known: TypeAlias = Mapping[tuple[DeviceName, Mac], Vid]
"""Which VID's gateway a MAC on a device is."""

_NFT: Final = 10 << 8
_NEW_ELEMENT, _GET_ELEMENT, _DELETE_ELEMENT = _NFT | 12, _NFT | 13, _NFT | 14
_OF, _MAP, _ELEMENTS, _ITEM = 1, 2, 3, 1
_KEY, _DATA, _VALUE, _VERDICT, _CODE, _CHAIN = 1, 2, 1, 2, 1, 2
_GOTO: Final = -4
_NAME_BYTES, _MAC_BYTES = 16, 6


class Upstreams:
    """Keeps the map as the kernel's neighbour entries have it. `netlink` is a socket of family `NETFILTER` to share."""

    def __init__(self, netlink: NetlinkSocket, ways: Iterable[Way]) -> None:
        self._netlink = netlink
        self._ways = [way for way in answering(tuple(ways)) if way.shared]

    def follow(self, route: NetlinkSocket) -> bool:
        """Write the map anew where a gateway has another MAC than before; return whether anything had to change.

        One whose MAC is not known is asked for it, and stays as it was meanwhile. Raises DriverError.
        """
        if not self._ways:
            return False
        found = self.read()
        wanted = dict(self._wanted(route, {vid: key for key, vid in found.items()}))
        if wanted == found:
            return False
        old = [_item(*key) for key in found.keys() - {key for key, vid in wanted.items() if found.get(key) == vid}]
        new = [_item(*key, vid) for key, vid in wanted.items() if found.get(key) != vid]
        self._change(old, new)
        return True

    def read(self) -> dict[tuple[DeviceName, Mac], Vid]:
        """Return what the map holds. Raises DriverError (no such table)."""
        found = {}
        content = INET + text(_OF, TABLE) + text(_MAP, UPSTREAMS)
        for reply in self._netlink.dump(_GET_ELEMENT, content, f"list the elements of {UPSTREAMS}"):
            for _kind, item in attributes(dict(attributes(reply, len(INET))).get(_ELEMENTS, b"")):
                parts = dict(attributes(item))
                key = dict(attributes(parts[_KEY]))[_VALUE]
                verdict = dict(attributes(dict(attributes(parts.get(_DATA, b""))).get(_VERDICT, b"")))
                chain = verdict.get(_CHAIN, b"").rstrip(b"\0").decode()
                device = key[:_NAME_BYTES].rstrip(b"\0").decode()
                found[device, key[_NAME_BYTES : _NAME_BYTES + _MAC_BYTES]] = int(chain.removeprefix(ASKED_BY) or 0)
        return found

    def _wanted(
        self, route: NetlinkSocket, before: Mapping[Vid, tuple[DeviceName, Mac]]
    ) -> Iterator[tuple[tuple[DeviceName, Mac], Vid]]:
        """Yield who each gateway is; of two at one MAC the first, for they cannot be told apart."""
        taken = set()
        for way in self._ways:
            assert way.gateway is not None
            mac = _mac(route, way.device, way.gateway)
            key = before.get(way.vids[0]) if mac is None else (way.device, mac)
            if key is not None and key not in taken:
                taken.add(key)
                yield key, way.vids[0]

    def _change(self, old: list[bytes], new: list[bytes]) -> None:
        """Delete and add elements in one transaction."""
        head = INET + text(_OF, TABLE) + text(_MAP, UPSTREAMS)
        work = [(_DELETE_ELEMENT, 0, old), (_NEW_ELEMENT, CREATE, new)]
        work = [(kind, flags, items) for kind, flags, items in work if items]
        batch = [message(BATCH_BEGIN, 0, BATCH)]
        for number, (kind, flags, items) in enumerate(work, 1):
            last = ACK if number == len(work) else 0
            batch.append(message(kind, flags | last, head + nested(_ELEMENTS, *items)))
        batch.append(message(BATCH_END, 0, BATCH))
        self._netlink.request(b"".join(batch), "tell the gateways behind one device by their MAC")


def _mac(route: NetlinkSocket, device: DeviceName, gateway: IPv4Address) -> Mac | None:
    """Return the MAC that a gateway has as far as the kernel knows, else have it asked; None for a device's absence."""
    try:
        entry = lookup.neighbour(route, device, gateway)
        if entry is None or entry.mac is None:
            neighbours.resolve(route, device, gateway)
    except DriverError as error:
        if error.errno not in {errno.ENODEV, errno.ENETDOWN}:
            raise
        return None
    return None if entry is None else entry.mac


def _item(device: DeviceName, mac: Mac, vid: Vid | None = None) -> bytes:
    """Return one element, with where it leads to unless it is to be deleted."""
    key = device.encode().ljust(_NAME_BYTES, b"\0") + mac + b"\0\0"
    parts = [nested(_KEY, attribute(_VALUE, key))]
    if vid is not None:
        code = attribute(_CODE, struct.pack("!i", _GOTO))
        parts.append(nested(_DATA, nested(_VERDICT, code, text(_CHAIN, f"{ASKED_BY}{vid}"))))
    return nested(_ITEM, *parts)
