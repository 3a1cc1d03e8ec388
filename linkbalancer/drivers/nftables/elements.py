"""Single elements of our table's map and set, changed by one netlink transaction of our own.

No libnftables and no `nft`: this is the path on which an application moves to another VID, it must be quick and it must
not be able to take the process down.
"""

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeAlias

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import (
    ACK,
    CREATE,
    attribute,
    attributes,
    message,
    nested,
    text,
)
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.pools import chain_of, target_of
from linkbalancer.drivers.nftables.render import MAP, MEMBERS, TABLE
from linkbalancer.links import DeviceName, Mac
from linkbalancer.routing.balance import Target
from linkbalancer.routing.marks import Marks

_SUBSYSTEM: Final = 10
_NEW_ELEMENT: Final = _SUBSYSTEM << 8 | 12
_GET_SET: Final = _SUBSYSTEM << 8 | 10
_GET_ELEMENT: Final = _SUBSYSTEM << 8 | 13
_DELETE_ELEMENT: Final = _SUBSYSTEM << 8 | 14
BATCH_BEGIN: Final = 0x10
BATCH_END: Final = 0x11

INET: Final = struct.pack("!BBH", 1, 0, 0)
BATCH: Final = struct.pack("!BBH", socket.AF_UNSPEC, 0, _SUBSYSTEM)

_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS = 1, 2, 3
_LIST_ITEM: Final = 1
_KEY, _DATA = 1, 2
_VALUE, _VERDICT = 1, 2
_VERDICT_CODE, _VERDICT_CHAIN = 1, 2
_BATCH_GENERATION: Final = 1
_RETURN: Final = -5
_GOTO: Final = -4

PER_MESSAGE: Final = 500
"""Elements in one message: an attribute's length has 16 bits."""
_ASKED_FOR_ALONE: Final = 32
"""So many elements are asked for one by one (15 us each); for more, all are listed: 2.5 us each, and as much to read.

A hundred processes that look at ten applications each would list a thousand elements a hundred times.
"""
_DEVICE_NAME_BYTES: Final = 16
_DUMP_ATTEMPTS: Final = 10


Change: TypeAlias = tuple[list[bytes], list[bytes]]
"""Elements to be deleted and elements to be added, as list items."""


class MapWriter:
    """The map from applications to VIDs.

    Every process may have one of its own; each writes only the applications that it is told. `netlink` is a socket of
    family `NETFILTER` to share; without it, the writer opens its own.
    """

    def __init__(self, marks: Marks, netlink: NetlinkSocket | None = None) -> None:
        self._marks = marks
        self._netlink = netlink or NetlinkSocket(NETFILTER)
        self._keys: dict[int, bytes] = {}
        self._verdicts: dict[Target | None, bytes] = {}

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""
        self._netlink.close()

    def read(self) -> dict[int, Target | None]:
        """Return application ids and where they go; None: to the main table. Raises DriverError (no such table)."""
        found: dict[int, Target | None] = {}
        for key, data in read_elements(self._netlink, MAP):
            found[self._marks.application_of(struct.unpack("=I", key)[0])] = _target(data)
        return found

    def read_some(self, application_ids: Collection[int]) -> dict[int, Target | None]:
        """Return these applications and where they go, of a large map without the rest. Raises DriverError."""
        if len(application_ids) > _ASKED_FOR_ALONE:
            wanted = set(application_ids)
            return {one: to for one, to in self.read().items() if one in wanted}
        found: dict[int, Target | None] = {}
        for one in application_ids:
            found |= self._read_one(one)
        if len(found) < len(set(application_ids)):
            self._ask_for_map()  # what is not there may be an element, or the whole map
        return found

    def _read_one(self, application_id: int) -> dict[int, Target | None]:
        """Return where an application goes, by its id; nothing where the map has no such application, or is no map.

        Raises DriverError.
        """
        item = nested(_LIST_ITEM, self._key(application_id))
        content = INET + text(_LIST_TABLE, TABLE) + text(_LIST_SET, MAP) + nested(_LIST_ELEMENTS, item)
        try:
            reply = self._netlink.ask(message(_GET_ELEMENT, 0, content), f"look for an element of {MAP}")
        except DriverError as error:
            if error.errno != errno.ENOENT:
                raise
            return {}
        return {application_id: next((_target(data) for _key, data in _listed(reply)), None)}

    def _ask_for_map(self) -> None:
        """Raise DriverError where there is no map."""
        content = INET + text(_LIST_TABLE, TABLE) + text(_LIST_SET, MAP)
        self._netlink.ask(message(_GET_SET, 0, content), f"look for {MAP}")

    def steer(self, wanted: Mapping[int, Target | None], found: Mapping[int, Target | None] | None = None) -> bool:
        """Send applications to VIDs or balanced steps, all at the same instant; None leaves one to the main table.

        `found` is what the map holds of them as far as known, which spares a look. Return whether anything had to
        change. Raises DriverError (a target without chain, or `found` was wrong), and then nothing has changed.
        """
        work, many = self.change(wanted, self.read_some(wanted) if found is None else found)
        return change(self._netlink, {MAP: work}, f"steer {many} applications")

    def change(self, wanted: Mapping[int, Target | None], found: Mapping[int, Target | None]) -> tuple[Change, int]:
        """Return what makes of what is there what is wanted, and how many applications that is about."""
        changed = {one: to for one, to in wanted.items() if one not in found or found[one] != to}
        old = [nested(_LIST_ITEM, self._key(one)) for one in changed if one in found]
        new = [nested(_LIST_ITEM, self._key(one), self._verdict(to)) for one, to in changed.items()]
        return (old, new), len(changed)

    def items(self, wanted: Mapping[int, Target | None]) -> list[bytes]:
        """Return the elements as list items, for a transaction of somebody else's."""
        return [nested(_LIST_ITEM, self._key(one), self._verdict(to)) for one, to in wanted.items()]

    def forget(self, unwanted: Iterable[int]) -> bool:
        """Take applications out of the map; return whether any was there. Raises DriverError."""
        found = self.read()
        old = [nested(_LIST_ITEM, self._key(one)) for one in unwanted if one in found]
        return change(self._netlink, {MAP: (old, [])}, f"forget {len(old)} applications")

    def _key(self, application_id: int) -> bytes:
        """Return the attribute that names an application's element."""
        key = self._keys.get(application_id)
        if key is None:
            key = nested(_KEY, attribute(_VALUE, struct.pack("=I", self._marks.connection_mark(application_id))))
            self._keys[application_id] = key
        return key

    def _verdict(self, to: Target | None) -> bytes:
        """Return the data of an element: go to the target's chain, or return."""
        data = self._verdicts.get(to)
        if data is None:
            data = self._verdicts[to] = _verdict(to)
        return data


class MemberWriter:
    """The set of the other gateways' MAC addresses on the LAN devices."""

    def __init__(self, netlink: NetlinkSocket) -> None:
        self._netlink = netlink

    def read(self) -> dict[DeviceName, frozenset[Mac]]:
        """Return the members by device. Raises DriverError (no such table)."""
        found: dict[DeviceName, frozenset[Mac]] = {}
        for key, _data in read_elements(self._netlink, MEMBERS):
            device = key[:_DEVICE_NAME_BYTES].rstrip(b"\0").decode()
            found[device] = found.get(device, frozenset()) | {key[_DEVICE_NAME_BYTES : _DEVICE_NAME_BYTES + 6]}
        return found

    def write(self, device: DeviceName, macs: frozenset[Mac]) -> bool:
        """Make these the members on a device, other devices' left alone; return whether anything had to change.

        Raises DriverError.
        """
        found = self.read().get(device, frozenset())
        old = [self._item(device, mac) for mac in sorted(found - macs)]
        new = [self._item(device, mac) for mac in sorted(macs - found)]
        return change(self._netlink, {MEMBERS: (old, new)}, f"set the members on {device}")

    def items(self, members: Mapping[DeviceName, frozenset[Mac]]) -> list[bytes]:
        """Return the elements as list items, for a transaction of somebody else's."""
        return [self._item(device, mac) for device, macs in members.items() for mac in sorted(macs)]

    @staticmethod
    def _item(device: DeviceName, mac: Mac) -> bytes:
        """Return one element: each part of the key takes whole 4-byte registers."""
        key = device.encode().ljust(_DEVICE_NAME_BYTES, b"\0") + mac + b"\0\0"
        return nested(_LIST_ITEM, nested(_KEY, attribute(_VALUE, key)))


def read_elements(netlink: NetlinkSocket, name: str) -> list[tuple[bytes, bytes]]:
    """Return key and data of every element of a set or map of ours. Raises DriverError.

    The kernel grows a set's hash table by a worker of its own, after the transaction, and a dump that it meets has some
    elements twice and others not at all, without a word: the kernel goes by their count. So a dump with a key that
    comes twice is asked for again.
    """
    content = INET + text(_LIST_TABLE, TABLE) + text(_LIST_SET, name)
    operation = f"list the elements of {name}"
    for _attempt in range(_DUMP_ATTEMPTS):
        found = [pair for reply in netlink.dump(_GET_ELEMENT, content, operation) for pair in _listed(reply)]
        if len(found) == len({key for key, _data in found}):
            return found
    raise DriverError(f"{operation}: its hash table grows all the time", errno.EINTR)


def _listed(reply: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and data of the elements in one message of the kernel's."""
    for _kind, item in attributes(dict(attributes(reply, len(INET))).get(_LIST_ELEMENTS, b"")):
        parts = dict(attributes(item))
        yield dict(attributes(parts[_KEY]))[_VALUE], parts.get(_DATA, b"")


def change(netlink: NetlinkSocket, changes: Mapping[str, Change], operation: str, number: bytes | None = None) -> bool:
    """Delete and add elements of sets and maps in one transaction; return False when there is nothing to do.

    `number` is the generation (`generation.generation`) that the change is meant for: of another one the kernel takes
    nothing, and says ERESTART.
    """
    work = [(_DELETE_ELEMENT, 0, name, part) for name, (old, _new) in changes.items() for part in _parts(old)]
    work += [(_NEW_ELEMENT, CREATE, name, part) for name, (_old, new) in changes.items() for part in _parts(new)]
    if not work:
        return False
    batch = [message(BATCH_BEGIN, 0, BATCH if number is None else BATCH + attribute(_BATCH_GENERATION, number))]
    for place, (kind, flags, name, part) in enumerate(work, 1):
        head = INET + text(_LIST_TABLE, TABLE) + text(_LIST_SET, name)
        acknowledge = ACK if place == len(work) else 0
        batch.append(message(kind, flags | acknowledge, head + nested(_LIST_ELEMENTS, *part)))
    batch.append(message(BATCH_END, 0, BATCH))
    netlink.request(b"".join(batch), operation)
    return True


def pair(number: int, chain: str | None = None) -> bytes:
    """Return an element as a list item: a mark and the chain that it leads to; without one, the mark alone."""
    key = nested(_KEY, attribute(_VALUE, struct.pack("=I", number)))
    return nested(_LIST_ITEM, key) if chain is None else nested(_LIST_ITEM, key, _goto(chain))


def _parts(items: list[bytes]) -> Iterator[list[bytes]]:
    """Cut a list of elements into messages' worth."""
    left = iter(items)
    while part := list(islice(left, PER_MESSAGE)):
        yield part


def _verdict(to: Target | None) -> bytes:
    """Return the data of an element: go to the target's chain, or return."""
    if to is None:
        return nested(_DATA, nested(_VERDICT, attribute(_VERDICT_CODE, struct.pack("!i", _RETURN))))
    return _goto(chain_of(to))


def _goto(chain: str) -> bytes:
    """Return the data of an element that leads to a chain."""
    code = attribute(_VERDICT_CODE, struct.pack("!i", _GOTO))
    return nested(_DATA, nested(_VERDICT, code, text(_VERDICT_CHAIN, chain)))


def _target(data: bytes) -> Target | None:
    """Return where an element's data leads; None when it leads to the chain of no VID and no balanced step."""
    verdict = dict(attributes(dict(attributes(data)).get(_VERDICT, b"")))
    return target_of(_name(verdict.get(_VERDICT_CHAIN)))


def _name(value: bytes | None) -> str:
    """Return a text attribute without its closing zero."""
    return (value or b"").rstrip(b"\0").decode()
