"""The table mangle as the kernel has it: read in whole, and values of marks changed in place.

Each is a system call or two on the kernel's own form of the table (linux/netfilter_ipv4/ip_tables.h, and ip6_tables.h).
No rule is made here: that is python-iptables' work (`committing`).
"""

import ctypes
import errno
import functools
import itertools
import socket
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables.parsing import MARK_VALUE, Form, Parser, Snapshot
from linkbalancer.drivers.iptables.render import APPLICATION
from linkbalancer.routing.dispatch import Family

_NAME: Final = b"mangle"
_GET_INFO, _GET_ENTRIES, _REPLACE, _ADD_COUNTERS = 64, 65, 64, 65
_HOOKS: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_ATTEMPTS: Final = 10
_ABSENT: Final = frozenset({errno.ENOPROTOOPT, errno.ENOENT, errno.EAFNOSUPPORT})

_LIBC = ctypes.CDLL(None, use_errno=True)


class _Info(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 32),
        ("valid_hooks", ctypes.c_uint32),
        ("hook_entry", ctypes.c_uint32 * 5),
        ("underflow", ctypes.c_uint32 * 5),
        ("num_entries", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
    )


class _Entries(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char * 32), ("size", ctypes.c_uint32), ("entries", ctypes.c_uint64 * 0))


class _Replace(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 32),
        ("valid_hooks", ctypes.c_uint32),
        ("num_entries", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("hook_entry", ctypes.c_uint32 * 5),
        ("underflow", ctypes.c_uint32 * 5),
        ("num_counters", ctypes.c_uint32),
        ("counters", ctypes.c_void_p),
        ("entries", ctypes.c_uint64 * 0),
    )


_FORMS: Final[Mapping[Family, Form]] = {
    4: Form(socket.AF_INET, socket.IPPROTO_IP, 16, 88, 92, 96, 112),
    6: Form(socket.AF_INET6, socket.IPPROTO_IPV6, 64, 140, 144, 152, 168),
}


class _Known(NamedTuple):
    """A table that was parsed: its outline, which bits of it say what it is, those bits, and what they say."""

    outline: bytes
    mask: int
    masked: int
    snapshot: Snapshot


_KNOWN: Final[dict[Family, _Known]] = {}
_SERIALS: Final = itertools.count(1)


class Mangle:
    """The table of one family in this network namespace. Every call raises DriverError."""

    def __init__(self, family: Family) -> None:
        self._form, self._family = _FORMS[family], family

    def read(self) -> Snapshot:
        """Return what of ours is there."""
        return self._understood(*self._whole())

    def write(self, wanted: Mapping[int, int]) -> None:
        """Have applications' chains set these packet marks, in one exchange of the table; nobody else may write now."""
        info, blob = self._whole()
        there = self._understood(info, blob).marks
        missing = sorted(wanted.keys() - there.keys())
        if missing:
            raise DriverError(f"look for the chain {APPLICATION}{missing[0]}", errno.ENOENT)
        for number, mark in wanted.items():
            struct.pack_into("=I", blob, there[number][1], mark)
        self._replace(info, blob)

    def _understood(self, info: _Info, blob: bytearray) -> Snapshot:
        """Return what a table says; of one that was seen before only the marks are read again.

        The lengths of its entries are among the bits that are compared, so that no entry stands elsewhere unnoticed.
        """
        known, number = _KNOWN.get(self._family), int.from_bytes(blob, "little")
        if known is None or known.outline != bytes(info) or number & known.mask != known.masked:
            parser = Parser(self._form, _starts(info), bytes(blob))
            snapshot = replace(parser.snapshot(), serial=next(_SERIALS))
            mask = int.from_bytes(parser.mask(snapshot), "little")
            known = _KNOWN[self._family] = _Known(bytes(info), mask, number & mask, snapshot)
        read = known.snapshot.marks.items()
        return replace(known.snapshot, marks={one: (MARK_VALUE.unpack_from(blob, at)[0], at) for one, (_, at) in read})

    def _replace(self, info: _Info, blob: bytearray) -> None:
        """Put the table in place of the one that is there; what its rules have counted goes on."""
        counters = (ctypes.c_uint64 * (2 * info.num_entries))()
        head = _Replace(
            _NAME,
            info.valid_hooks,
            info.num_entries,
            info.size,
            info.hook_entry,
            info.underflow,
            info.num_entries,
            ctypes.addressof(counters),
        )
        self._set(_REPLACE, bytes(head) + bytes(blob))
        self._set(_ADD_COUNTERS, bytes(_Entries(_NAME, info.num_entries)) + bytes(counters))

    def _whole(self) -> tuple[_Info, bytearray]:
        with closing(self._socket()) as sock:
            for _attempt in range(_ATTEMPTS):
                info = _Info(_NAME)
                self._get(sock, _GET_INFO, ctypes.byref(info), ctypes.sizeof(info))
                head = ctypes.sizeof(_Entries)
                buffer = ctypes.create_string_buffer(head + info.size)
                ctypes.memmove(buffer, bytes(_Entries(_NAME, info.size)), head)
                try:
                    self._get(sock, _GET_ENTRIES, buffer, len(buffer))
                except DriverError as error:
                    if error.errno != errno.EAGAIN:  # somebody has changed it in between
                        raise
                    continue
                return info, bytearray(buffer.raw[head:])
        raise DriverError(self._operation("read"), errno.EAGAIN)

    def _socket(self) -> socket.socket:
        """Return any socket of the family: with CAP_NET_ADMIN it will do, and needs no CAP_NET_RAW."""
        try:
            return socket.socket(self._form.protocol, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        except OSError as error:
            raise DriverError(self._operation("read"), error.errno or errno.EIO) from error

    def _get(self, sock: socket.socket, option: int, buffer: object, size: int) -> None:
        length = ctypes.c_uint32(size)
        if _LIBC.getsockopt(sock.fileno(), self._form.level, option, buffer, ctypes.byref(length)):
            raise DriverError(self._operation("read"), ctypes.get_errno())

    def _set(self, option: int, content: bytes) -> None:
        with closing(self._socket()) as sock:
            try:
                sock.setsockopt(self._form.level, option, content)
            except OSError as error:
                raise DriverError(self._operation("change"), error.errno or errno.EIO) from error

    def _operation(self, verb: str) -> str:
        return f"{verb} the table mangle of {'iptables' if self._family == 4 else 'ip6tables'}"


def _starts(info: _Info) -> dict[int, str]:
    """Return where the kernel's own chains begin."""
    return {info.hook_entry[n]: name for n, name in enumerate(_HOOKS) if info.valid_hooks >> n & 1}


@functools.cache
def families() -> tuple[Family, ...]:
    """Return the families for which the kernel has the table; IPv4's it must have. Raises DriverError."""
    Mangle(4).read()
    try:
        Mangle(6).read()
    except DriverError as error:
        if error.errno in _ABSENT:
            return (4,)
        raise
    return (4, 6)
