"""What was decided of an event, as a number that two programs can compare, and in words that people can.

The number is a CRC-32 over every effect in its order: each advert and each datagram, byte for byte but for what keys
and passwords make (a tag, a password and the checksum over it), each next hop, each record with its number and cause.
No effects at all are 0. The words leave adverts and datagrams to be counted.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from linkbalancer.engine.effects import (
    AddAddresses,
    Announce,
    Effect,
    Left,
    Publish,
    Record,
    RemoveAddresses,
    Retired,
    SendAdvert,
    SendDatagram,
    SetLost,
    SetMembers,
    SetNextHop,
    SteerKeepalived,
)
from linkbalancer.engine.flight.veil import without_password
from linkbalancer.engine.status import hop_in_words
from linkbalancer.lvrrp.packet import TAG_LENGTH

FAILURES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a mistake of ours is raised as: an agent dies of it, and its recording says so."""

_PARTS_MAX: Final = 4096
_SEPARATOR: Final = b"\0"


class Digester:
    """Digests the effects of one agent's events; parts of the table that stay as they are are written once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}

    def digest(self, effects: Sequence[Effect]) -> int:
        """Return the number of one event's effects."""
        crc = 0
        for effect in effects:
            crc = crc32(self._written(effect), crc) or 1
        return crc

    def _written(self, effect: Effect) -> bytes:
        match effect:
            case SendAdvert(device, source, message, destination, mac):
                fields = (device.encode(), source.packed, destination.packed, mac or b"", without_password(message))
                return _SEPARATOR.join(fields)
            case SendDatagram(link, data):
                return link.encode() + _SEPARATOR + data[:-TAG_LENGTH]
            case Publish(table):
                head = f"{table.session} {table.sequence} {len(table.vids)}".encode()
                parts = (table.applications, table.definitions, *table.vids)
                return _SEPARATOR.join((head, *map(self._part, parts)))
            case SetMembers(device, macs):
                return _SEPARATOR.join((device.encode(), *sorted(macs)))
            case SetLost(lost):
                return repr((sorted(lost.ends, key=repr), sorted(lost.vids))).encode()
            case _:
                return repr(effect).encode()

    def _part(self, part: object) -> bytes:
        """Return a part of a table as bytes; most parts are those of the table before."""
        known = self._known.get(id(part))
        if known is None:
            if len(self._known) >= _PARTS_MAX:
                self._known.clear()
            known = self._known[id(part)] = part, repr(part).encode()
        return known[1]


def in_words(effects: Sequence[Effect]) -> list[str]:
    """Return what was decided, a line for each effect but adverts and datagrams; causes come first."""
    records = sorted((one for one in effects if isinstance(one, Record)), key=lambda one: one.number)
    lines = [_record(one) for one in records]
    return lines + [words for one in effects if (words := _words(one))]


def _record(record: Record) -> str:
    text = record.text if not record.subject else f"{record.subject}: {record.text}"
    return f"{record.kind} {text}"


def _words(effect: Effect) -> str:
    match effect:
        case AddAddresses(device, addresses):
            return f"add {', '.join(map(str, addresses))} on {device}"
        case RemoveAddresses(device, addresses):
            return f"remove {', '.join(map(str, addresses))} from {device}"
        case Announce(device, addresses):
            return f"announce {', '.join(map(str, addresses))} on {device}{' again' if effect.again else ''}"
        case SetNextHop(vid, next_hop, guard):
            return f"VID {vid}: {'guarded ' if guard else ''}way is {hop_in_words(next_hop)}"
        case SetLost(lost):
            ends = sorted(f"{end.gateway6} on {end.device}" for end in lost.ends)
            gone = [*ends, *(f"the Master of VID {vid}" for vid in sorted(lost.vids))]
            return f"without IPv6: {', '.join(gone) or 'nobody'}"
        case SetMembers(device, macs):
            return f"members on {device}: {', '.join(sorted(mac.hex(':') for mac in macs))}"
        case _:
            return _told(effect)


def _told(effect: Effect) -> str:
    """Say what other processes are told."""
    match effect:
        case SteerKeepalived(group, priority):
            return f"VID {group}: Keepalived gets {'Fault' if priority is None else f'priority {priority}'}"
        case Publish(table):
            works = ", ".join(map(str, sorted(table.working))) or "none"
            return f"table {table.sequence} to the applications: VIDs that work: {works}"
        case Left():
            return "everything is handed over"
        case Retired():
            return "the successor may have the rest"
        case _:
            return ""


def failure(error: Exception) -> Record:
    """Return what stands for the decisions that an agent died of."""
    return Record("died", "", f"{type(error).__name__}: {error}")
