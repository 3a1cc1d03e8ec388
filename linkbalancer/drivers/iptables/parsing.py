"""The kernel's form of the table mangle, understood (linux/netfilter/x_tables.h): what of ours is in it, and where."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from linkbalancer.drivers.iptables.render import APPLICATION, HOOKS, MEMBERS, OURS
from linkbalancer.links import DeviceName, Mac

MARK_VALUE: Final = struct.Struct("=I")

_MARK, _MAC, _ERROR = b"MARK", b"mac", b"ERROR"
_DEVICE_BYTES, _CHAIN_BYTES, _MAC_BYTES = 16, 30, 6
_TARGET: Final = struct.Struct("=H29sB")


class Form(NamedTuple):
    """Where an entry of a family has its parts."""

    protocol: int
    level: int
    device: int
    offsets: int
    comefrom: int
    counters: int
    matches: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is ours in the table of one family.

    Attributes:
        chains: our chains, each rule as bytes that say the same at any time; which VID an application has, they do not.
        hooked: how the kernel's own chains lead to ours.
        marks: the packet mark that each application's chain sets, and where that stands in the table.
        members: the other gateways' MAC addresses by device.
        serial: another number in this process whenever anything but marks, or what was counted, is another.
    """

    chains: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    hooked: tuple[tuple[str, str], ...] = ()
    marks: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    members: Mapping[DeviceName, frozenset[Mac]] = field(default_factory=dict)
    serial: int = field(default=0, compare=False)


class Parser:
    """Reads the kernel's form: the bytes of a table, and where in them the kernel's own chains begin."""

    def __init__(self, form: Form, hooks: Mapping[int, str], blob: bytes) -> None:
        self._form, self._blob = form, blob
        self._entries = list(self._walk())
        self._starts = {**hooks} | {end: name for _at, end, name in self._entries if name and name != "ERROR"}

    def snapshot(self) -> Snapshot:
        """Return what of ours is there."""
        chains: dict[str, list[bytes]] = {name: [] for name in self._starts.values() if name.startswith(OURS)}
        hooked: list[tuple[str, str]] = []
        marks: dict[int, tuple[int, int]] = {}
        members: dict[DeviceName, frozenset[Mac]] = {}
        chain = ""
        for at, end, head in self._entries:
            chain = self._starts.get(at, "" if head else chain)
            if head:
                continue
            if chain in HOOKS and (to := self._leads_to(at)).startswith(OURS):
                hooked.append((chain, to))
            elif chain in chains:
                number = chain.removeprefix(APPLICATION)
                value = self._mark_at(at) if number.isdecimal() else None
                if value is not None:
                    marks[int(number)] = (struct.unpack_from("=I", self._blob, value)[0], value)
                if chain == MEMBERS and (mac := self._mac_at(at, end)) is not None:
                    device = self._text(at + self._form.device, _DEVICE_BYTES)
                    members[device] = members.get(device, frozenset()) | {mac}
                chains[chain].append(self._canonical(at, end, value))
        # The kernel ends each of our chains by a rule of its own, which returns.
        return Snapshot({name: tuple(rules[:-1]) for name, rules in chains.items()}, tuple(hooked), marks, members)

    def mask(self, snapshot: Snapshot) -> bytearray:
        """Return the bits of the table that say what it is: all but what was counted, and the applications' marks."""
        mask = bytearray(b"\xff" * len(self._blob))
        for at, _end, _head in self._entries:
            for begin, length in ((self._form.comefrom, 4), (self._form.counters, 16)):
                mask[at + begin : at + begin + length] = bytes(length)
        for _mark, at in snapshot.marks.values():
            mask[at : at + MARK_VALUE.size] = bytes(MARK_VALUE.size)
        return mask

    def _walk(self) -> Iterator[tuple[int, int, str]]:
        """Yield where each entry begins and ends, and the chain that it is the head of; `ERROR` is the table's end."""
        at = 0
        while at < len(self._blob):
            target, length = struct.unpack_from("=HH", self._blob, at + self._form.offsets)
            _size, name, _revision = _TARGET.unpack_from(self._blob, at + target)
            head = ""
            if name.split(b"\0")[0] == _ERROR:
                begin = at + target + _TARGET.size
                head = self._text(begin, _CHAIN_BYTES)
            yield at, at + length, head
            at += length

    def _text(self, begin: int, length: int) -> str:
        return self._blob[begin : begin + length].split(b"\0")[0].decode(errors="replace")

    def _mac_at(self, at: int, end: int) -> Mac | None:
        """Return the MAC that a member's rule asks for: of the first thing that it asks of a packet."""
        begin = at + self._form.matches
        if begin + _TARGET.size > end or _TARGET.unpack_from(self._blob, begin)[1].split(b"\0")[0] != _MAC:
            return None
        return self._blob[begin + _TARGET.size : begin + _TARGET.size + _MAC_BYTES]

    def _target(self, at: int) -> tuple[bytes, int]:
        """Return an entry's target and where its content begins."""
        begin = at + struct.unpack_from("=H", self._blob, at + self._form.offsets)[0]
        return _TARGET.unpack_from(self._blob, begin)[1].split(b"\0")[0], begin + _TARGET.size

    def _leads_to(self, at: int) -> str:
        """Return the chain that an entry leads to, empty where it leads to none."""
        name, content = self._target(at)
        return "" if name else self._starts.get(struct.unpack_from("=i", self._blob, content)[0], "")

    def _mark_at(self, at: int) -> int | None:
        name, content = self._target(at)
        return content if name == _MARK else None

    def _canonical(self, at: int, end: int, value: int | None) -> bytes:
        """Return an entry without what it has counted, where it stands, and (at `value`) the mark that it sets."""
        entry = bytearray(self._blob[at:end])
        form = self._form
        entry[form.comefrom : form.comefrom + 4] = bytes(4)
        entry[form.counters : form.counters + 16] = bytes(16)
        if value is not None:
            entry[value - at : value - at + 4] = bytes(4)
        to = self._leads_to(at)
        if to:
            content = self._target(at)[1] - at
            entry[content : content + 4] = bytes(4)
            entry += to.encode()
        return bytes(entry)
