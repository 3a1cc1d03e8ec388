"""Who a program of the administrator's may be run as, and whether its file is nobody else's to write."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkbalancer.config.keyfile import SERVICE

_STATUS: Final = Path("/proc/self/status")
_CHANGE: Final = 1 << 6 | 1 << 7
"""CAP_SETGID and CAP_SETUID."""


class UserError(Exception):
    """Nothing can be run as that user; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with its groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def identity(user: str | None) -> Identity:
    """Return who runs what is to run as `user`; None is the service's own user, and never root.

    Raises:
        UserError: There is no such user, or this process may not become it.
    """
    own = os.geteuid()
    if user is None and own != 0:
        return _known(own)
    try:
        account = pwd.getpwnam(user or SERVICE)
    except KeyError:
        remedy = "add it, or name another by `user`"
        raise UserError(f"there is no user {user or SERVICE}: {remedy}") from None
    if own != account.pw_uid and not _may_become_others():
        raise UserError(f"the service runs as {_known(own).name} and cannot become {account.pw_name}")
    return _of(account)


def _may_become_others() -> bool:
    """Whether this process may: as root, or by the capabilities that a service can be given for it."""
    lines = _STATUS.read_text().splitlines()
    rights = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return rights & _CHANGE == _CHANGE


def _known(uid: int) -> Identity:
    try:
        return _of(pwd.getpwuid(uid))
    except KeyError:
        return Identity(str(uid), uid, os.getegid(), (os.getegid(),), "/")


def _of(account: pwd.struct_passwd) -> Identity:
    groups = tuple(os.getgrouplist(account.pw_name, account.pw_gid))
    return Identity(account.pw_name, account.pw_uid, account.pw_gid, groups, account.pw_dir)


def writable_by_others(program: str, path: str) -> str | None:
    """Say who else may change what root would run: the program's file, or a folder on the way to it; None: nobody.

    `path` is where a program without a slash is looked for.
    """
    found = shutil.which(program, path=path)
    if found is None:
        return None  # that it is not there is said when it is run
    for place in _way(Path(found)):
        status = place.stat()
        if status.st_uid != 0:
            return f"{place} belongs to another user than root"
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
            return f"{place} can be written by others than root"
    return None


def _way(file: Path) -> Iterator[Path]:
    """Yield a file and every folder on the way to it, and to what it leads to."""
    for one in dict.fromkeys((file.absolute(), file.resolve())):
        yield one
        yield from one.parents
