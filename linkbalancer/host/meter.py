"""What the kernel counts of devices: bytes, drops, what waits in their queues, and the speed of their hardware.

Two questions of rtnetlink: one for each device by its name, one for the queues of all devices. What hardware can do is
a question to its driver, which may take its time; so it is asked when a device is seen for the first time, and when its
carrier has changed since.
"""

import array
import fcntl
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from linkbalancer.host.rtnetlink import DUMP, GET_LINK, GET_QDISC, Questions, attributes, link_question
from linkbalancer.links import DeviceName
from linkbalancer.weights.gauge import Reading

MEGABIT: Final = 1_000_000

_LINK: Final = struct.Struct("=BxHiII")
_INFORMATION, _COUNTERS, _CARRIER_CHANGES, _KIND = 18, 23, 35, 1
_COUNTED: Final = struct.Struct("=16x2Q24xQ")
"""Of struct rtnl_link_stats64: the bytes received and sent, and the packets that were to be sent and were dropped."""

_QUEUE: Final = struct.Struct("=BxxxiIII")
_QUEUE_KIND, _QUEUE_STATISTICS, _QUEUE_LENGTHS = 1, 7, 3
_ROOT: Final = 0xFFFFFFFF
_LENGTHS: Final = struct.Struct("=4xII")
"""Of struct gnet_stats_queue: the bytes that wait, and the packets dropped."""

_NO_QUEUE: Final = b"noqueue\0"

_HARDWARE: Final = {b"", b"bond", b"team", b"vlan", b"macvlan", b"macvtap", b"ipvlan"}
"""Kinds of devices whose speed is that of hardware: real ones have no kind, the others hand on what is below them.

Any other (a veth or a tun says 10 Gbit/s) says a number that nobody measured.
"""

_SIOCETHTOOL: Final = 0x8946
_GLINKSETTINGS: Final = 0x4C
_SETTINGS: Final = struct.Struct("=II7xb")
"""Of struct ethtool_link_settings: the command, the speed in Mbit/s, the words of each mask that follows."""

_SETTINGS_BYTES: Final = 48 + 3 * 127 * 4
_UNKNOWN_SPEEDS: Final = {0, 0xFFFFFFFF}
_REQUEST: Final = struct.Struct("16sP16x")


@dataclass(frozen=True, slots=True)
class _Queue:
    """The root queue of a device."""

    backlog: int
    drops: int


class Meter:
    """The sockets to ask by; of `unasked` devices the speed is known better. Raises OSError when there is none."""

    def __init__(self, unasked: Collection[DeviceName] = ()) -> None:
        self._unasked = frozenset(unasked)
        self._questions = Questions()
        self._drivers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._speeds: dict[DeviceName, tuple[tuple[int, bytes], int | None]] = {}

    def close(self) -> None:
        """Close the sockets."""
        self._questions.close()
        self._drivers.close()

    def read(self, devices: Collection[DeviceName]) -> dict[DeviceName, Reading | None]:
        """Return a reading of each device, None for one that does not exist. Raises OSError."""
        readings = {device: self._reading(device) for device in devices}
        queues = self._queues({reading.index for reading in readings.values() if reading is not None})
        return {device: reading and _with_queue(reading, queues) for device, reading in readings.items()}

    def _reading(self, device: DeviceName) -> Reading | None:
        for answer in self._questions.ask(GET_LINK, 0, link_question(device, statistics=False)):
            parts = answer.attributes(_LINK.size)
            index: int = _LINK.unpack_from(answer.payload)[2]
            received, sent, dropped = _COUNTED.unpack_from(parts[_COUNTERS])
            speed = self._speed(device, index, parts)
            return Reading(index=index, received=received, sent=sent, dropped=dropped, speed=speed)
        return None

    def _queues(self, indices: Collection[int]) -> dict[int, _Queue]:
        """Return the root queues of devices; mq and mqprio sum up those below them themselves.

        The kernel shows those of every device, for it cannot be asked for one alone; the others are passed over.
        """
        found = {}
        for answer in self._questions.ask(GET_QDISC, DUMP, bytes(_QUEUE.size)):
            _family, index, _handle, parent, _information = _QUEUE.unpack_from(answer.payload)
            if parent != _ROOT or index not in indices:
                continue
            parts = answer.attributes(_QUEUE.size)
            if parts.get(_QUEUE_KIND) != _NO_QUEUE:
                lengths = attributes(parts.get(_QUEUE_STATISTICS, b"")).get(_QUEUE_LENGTHS, bytes(_LENGTHS.size))
                found[index] = _Queue(*_LENGTHS.unpack_from(lengths))
        return found

    def _speed(self, device: DeviceName, index: int, parts: dict[int, bytes]) -> int | None:
        """Return what the hardware can do now, in bits per second; None where nobody knows, or needs to."""
        if device in self._unasked:
            return None
        same = index, parts.get(_CARRIER_CHANGES, b"")
        known = self._speeds.get(device)
        if known is None or known[0] != same:
            kind = attributes(parts.get(_INFORMATION, b"")).get(_KIND, b"").rstrip(b"\0")
            known = self._speeds[device] = same, self._ask_driver(device) if kind in _HARDWARE else None
        return known[1]

    def _ask_driver(self, device: DeviceName) -> int | None:
        """Ask a device's driver: first how long its answer is, then for that."""
        value = array.array("B", bytes(_SETTINGS_BYTES))
        request = _REQUEST.pack(device.encode(), value.buffer_info()[0])
        words = 0
        try:
            for _question in range(2):
                _SETTINGS.pack_into(value, 0, _GLINKSETTINGS, 0, abs(words))
                fcntl.ioctl(self._drivers, _SIOCETHTOOL, request)
                _command, speed, words = _SETTINGS.unpack_from(value)
        except OSError:  # a driver that does not know, or a device that has just gone
            return None
        return None if speed in _UNKNOWN_SPEEDS else speed * MEGABIT


def _with_queue(reading: Reading, queues: Mapping[int, _Queue]) -> Reading:
    """Return a reading with what its device's queue says, if it has one."""
    queue = queues.get(reading.index)
    if queue is None:
        return reading
    return replace(reading, dropped=reading.dropped + queue.drops, backlog=queue.backlog)
