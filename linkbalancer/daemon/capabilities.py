"""What a worker may still do after its fork: the capabilities that its work needs, and never another one again.

The supervisor and the zygote keep what the service was started with, because they start those who need it.
"""

import ctypes
import os
from collections.abc import Iterable

from linkbalancer.config.notifications import Notification

CHOWN, KILL, SETGID, SETUID, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE = 0, 5, 6, 7, 12, 13, 14, 23
"""Bits of capabilities(7)."""

AGENT = (NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE)
"""The kernel's routes and nftables, packet sockets; memory that stays, and a turn at once."""

APPLICATION = (NET_ADMIN,)
"""Its element of a map."""

CHECKER = (NET_RAW, KILL, SETGID, SETUID)
"""Packet sockets, and marks on others; programs run as other users, and ended."""

RECORDER = (CHOWN,)
"""Files for a group to read, which the service is a member of where it is not root."""

ALL = tuple(range(64))
"""Whatever is held."""

_VERSION_3 = 0x20080522
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_WORD = 32

_LIBC = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    """One 32-bit word of each set; the kernel takes two of these."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def keep(*bits: int) -> None:
    """Give up every capability but these (as far as they are held), in this process and whatever it starts.

    Raises:
        OSError: The kernel refuses, which it does not do for less.
    """
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    _check(_LIBC.capget(ctypes.byref(header), sets))
    for word, some in enumerate(sets):
        wanted = sum(1 << bit - _WORD * word for bit in bits if bit // _WORD == word)
        some.effective = some.permitted = some.inheritable = some.permitted & wanted
    _control(_PR_SET_NO_NEW_PRIVS, 1)
    _control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _check(_LIBC.capset(ctypes.byref(header), sets))
    for bit in bits:
        if sets[bit // _WORD].permitted >> bit % _WORD & 1:
            _control(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, bit)  # nft is a program, and the user is not always root


def of_notifier(notifications: Iterable[Notification]) -> tuple[int, ...]:
    """Return what telling people needs: nothing, or being the user whom a program runs as.

    Who has one run as root means root's rights, as far as the service has them.
    """
    users = [one.user for one in notifications if one.script is not None]
    if "root" in users:
        return ALL
    return (KILL, SETGID, SETUID) if users else ()


def _control(option: int, *arguments: int) -> None:
    """Call prctl(2), which wants the arguments that it does not use to be 0."""
    _check(_LIBC.prctl(option, *map(ctypes.c_ulong, (*arguments, *(0,) * (4 - len(arguments))))))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
