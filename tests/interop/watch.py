"""Everything that a LAN shows while a case lasts: adverts, who answers, who holds the virtual IPs, and our own stalls.

A thread of its own notes it. Frames have the kernel's time stamp; the rest has the time at which it was read, and how
late this thread can be is noted as well: what the machine did is not held against a gateway.
"""

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.links import Address, Mac
from tests.interop.cases import Maker
from tests.interop.lan import HOST, Lan, port
from tests.interop.wire import Advert, Answer, Claim, is_virtual, read

ASK_EVERY: Duration = 25 * MILLISECOND
_STALL: Duration = 10 * MILLISECOND
_ALL_PROTOCOLS: Final = 0x0003
_PACKET_OUTGOING: Final = 4
_SO_TIMESTAMPNS: Final = 35
_NETLINK_ROUTE: Final = 0
_ADDRESS_GROUPS: Final = 0x10 | 0x100
_NEW_ADDRESS, _GONE_ADDRESS = 20, 21
_TENTATIVE: Final = 0x40
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8


@dataclass(frozen=True, slots=True)
class Held:
    """A gateway's kernel has a virtual IP from now on, or no longer."""

    at: Instant
    leg: str
    address: Address
    present: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with a virtual MAC as its source, which teaches switches where that is."""

    at: Instant
    leg: str
    mac: Mac
    kind: int


@dataclass(slots=True)
class Record:
    """What was seen, in the order of time."""

    adverts: list[Advert] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    stalls: list[tuple[Instant, Duration]] = field(default_factory=list)

    def holders(self, address: Address) -> set[str]:
        """Return who has a virtual IP now."""
        found: dict[str, bool] = {one.leg: one.present for one in list(self.held) if one.address == address}
        return {leg for leg, present in found.items() if present}

    def story(self, since: Instant) -> list[str]:
        """Return what was seen after an instant, a line each, in milliseconds from it; answers are left out."""
        lines = [(one.at, one.leg, f"advert of priority {one.priority}") for one in self.adverts]
        lines += [(one.at, one.leg, f"{one.address} is at {one.mac.hex(':')}") for one in self.claims]
        lines += [(one.at, one.leg, f"{'has' if one.present else 'no longer has'} {one.address}") for one in self.held]
        lines += [(at, "machine", f"stood still for {length // MILLISECOND} ms") for at, length in self.stalls]
        return [f"{(at - since) / MILLISECOND:9.1f} {leg}: {what}" for at, leg, what in sorted(lines) if at >= since]

    def worst_stall(self, since: Instant, until: Instant) -> Duration:
        """Return the longest time, between two instants, that this machine let us wait for nothing."""
        return max((length for at, length in list(self.stalls) if since <= at <= until + SECOND), default=0)


class Watch:
    """Notes what a LAN shows, and has its host ask for a virtual IP all the time, while a `with` block lasts."""

    def __init__(self, lan: Lan, virtual: Iterable[str]) -> None:
        self.record = Record()
        self._virtual = [ip_interface(one).ip for one in virtual]
        self._asked = self._virtual[-1]
        self._sequence = 0
        with lan.bridge.entered():
            self._frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
            self._frames.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._legs = {port(leg): leg for leg in lan.nodes}
        self._netlink = {}
        for leg in Maker:
            with lan.nodes[leg].entered():
                opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
            opened.bind((0, _ADDRESS_GROUPS))
            self._netlink[opened] = str(leg)
        with lan.nodes[HOST].entered():
            family = socket.AF_INET if self._asked.version == 4 else socket.AF_INET6
            kind = socket.IPPROTO_ICMP if self._asked.version == 4 else socket.IPPROTO_ICMPV6
            self._echo = socket.socket(family, socket.SOCK_RAW, kind)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Record:
        self._thread.start()
        return self.record

    def __exit__(self, *_why: object) -> None:
        os.close(self._stop_write)
        self._thread.join()
        os.close(self._stop_read)
        for opened in (self._frames, self._echo, *self._netlink):
            opened.close()

    def _run(self) -> None:
        for opened in (self._frames, self._echo, *self._netlink):
            opened.settimeout(0)
        sources: list[int | socket.socket] = [self._stop_read, self._frames, self._echo, *self._netlink]
        due = time.monotonic_ns()
        while True:
            wait = max(0, due - time.monotonic_ns()) / SECOND
            ready = select.select(sources, [], [], wait)[0]
            if self._stop_read in ready:
                return
            now = time.monotonic_ns()
            for opened, leg in self._netlink.items():
                self._take_addresses(opened, leg, now)
            self._take_frames()
            with contextlib.suppress(BlockingIOError, OSError):
                while self._echo.recv(2048):
                    pass
            if now >= due:
                if now - due > _STALL:
                    self.record.stalls.append((now, now - due))
                self._ask()
                due = max(due + ASK_EVERY, now)

    def _ask(self) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        kind = 8 if self._asked.version == 4 else 128
        message = struct.pack("!BBHHH", kind, 0, 0, 1, self._sequence)
        total = (kind << 8) + 1 + self._sequence  # the kernel sums ICMPv6 itself
        total = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
        with contextlib.suppress(OSError):  # nobody is there yet, or no longer
            self._echo.sendto(message[:2] + struct.pack("!H", total) + message[4:], (str(self._asked), 0))

    def _take_frames(self) -> None:
        # The kernel stamps with the wall clock; its distance to ours is taken anew for every batch.
        offset = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
        while True:
            try:
                frame, ancillary, _flags, origin = self._frames.recvmsg(2048, socket.CMSG_SPACE(16))
            except BlockingIOError:
                return
            leg = self._legs.get(origin[0])
            if leg is None or origin[2] == _PACKET_OUTGOING:
                continue
            seconds, rest = struct.unpack("=qq", ancillary[0][2])
            self._note(seconds * SECOND + rest + offset, leg, frame)

    def _note(self, at: Instant, leg: str, frame: bytes) -> None:
        if is_virtual(frame[6:12]):
            self.record.frames.append(Frame(at, leg, frame[6:12], int.from_bytes(frame[12:14])))
        found = read(at, leg, frame)
        if isinstance(found, Advert):
            self.record.adverts.append(found)
        elif isinstance(found, Answer) and found.source in self._virtual:
            self.record.answers.append(found)
        elif isinstance(found, Claim) and found.address in self._virtual:
            self.record.claims.append(found)

    def _take_addresses(self, opened: socket.socket, leg: str, now: Instant) -> None:
        while True:
            try:
                data = opened.recv(65536)
            except BlockingIOError:
                return
            for address, present in _addresses(data):
                if address in self._virtual:
                    self.record.held.append(Held(now, leg, address, present))


def _addresses(data: bytes) -> Iterator[tuple[Address, bool]]:
    """Yield what a datagram of netlink says of addresses; one that is tentative cannot be used yet."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind in (_NEW_ADDRESS, _GONE_ADDRESS):
            found = dict(_attributes(data[at + 24 : at + length]))
            local = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b""))
            flags = int.from_bytes(found.get(_IFA_FLAGS, b"\0"), "little")
            yield ip_address(local), kind == _NEW_ADDRESS and not flags & _TENTATIVE
        at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind, data[at + 4 : at + length]
        at += (length + 3) & ~3
