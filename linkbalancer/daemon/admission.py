"""Who may connect to a socket beside its owner: groups, let in by the file's own permissions.

The groups stand in the file's access control list, so that several can be let in, and the owner need not be a member
of them. Where the file system knows no such lists, the first group becomes the file's.
"""

import errno
import grp
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_ATTRIBUTE = "system.posix_acl_access"
_VERSION = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
_OWNER, _OWNING_GROUP, _GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_NOBODY = 0xFFFF_FFFF
_BOTH = 6


def admit(path: Path, groups: Sequence[str]) -> list[str]:
    """Let groups connect; return what was wrong, a sentence for each group that stays out."""
    wrong = []
    numbers = []
    for name in groups:
        try:
            numbers.append((grp.getgrnam(name).gr_gid, name))
        except KeyError:
            wrong.append(f"there is no group {name}")
    if not numbers:
        return wrong
    try:
        os.setxattr(path, _ATTRIBUTE, _access_list(sorted(number for number, _ in numbers)))
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            return [*wrong, *(f"group {name} cannot be let in: {error.strerror}" for _, name in numbers)]
        wrong += _own(path, numbers)
    return wrong


def _own(path: Path, numbers: Sequence[tuple[int, str]]) -> list[str]:
    """Give the file to the first group."""
    (first, name), *others = numbers
    try:
        os.chown(path, -1, first)
    except OSError as error:
        return [f"group {name} cannot be let in: {error.strerror}"]
    path.chmod(0o660)
    return [f"group {other} cannot be let in: the file system knows no access control lists" for _, other in others]


def _access_list(groups: Sequence[int]) -> bytes:
    entries = [
        (_OWNER, _BOTH, _NOBODY),
        (_OWNING_GROUP, 0, _NOBODY),
        *((_GROUP, _BOTH, number) for number in dict.fromkeys(groups)),
        (_MASK, _BOTH, _NOBODY),
        (_OTHERS, 0, _NOBODY),
    ]
    return _VERSION.pack(2) + b"".join(_ENTRY.pack(*entry) for entry in entries)
