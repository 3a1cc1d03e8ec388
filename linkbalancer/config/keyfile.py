"""Key files: who may read one and what it must hold; `check` and `run` judge by the same words."""

import stat
from dataclasses import dataclass
from typing import Final

from linkbalancer.lvrrp.keys import parse_keys
from linkbalancer.vrrp.packet import PASSWORD_LENGTH

REMEDY: Final = "put `1 HEX` in it (HEX: 16 random bytes or more)"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is wrong with a key file, and the remedy; `refused` where it is no secret any more, whatever it holds."""

    what: str
    remedy: str = REMEDY
    refused: bool = False


MISSING: Final = Doubt("is missing")
NO_TEXT: Final = Doubt("holds other characters than a key's")


SERVICE: Final = "linkbalancer"
"""The user that the installed service runs as, and its group (systemd/sysusers.conf)."""


def exposure(mode: int, *, own_group: bool = False) -> Doubt | None:
    """Say what is wrong with a key file's permissions, None when it is its owner's alone, or the service may read it.

    Args:
        mode: the file's `st_mode`.
        own_group: whether its group is the service's own, which has no other members.
    """
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return Doubt("can be read or written by everybody", "chmod o= it", refused=True)
    if own_group:
        return Doubt("can be written by the service", "chmod g=r it") if mode & stat.S_IWGRP else None
    if mode & (stat.S_IRGRP | stat.S_IWGRP):
        return Doubt("can be read or written by its group", f"chgrp {SERVICE} it, or chmod g= it, unless that is meant")
    return None


def reach(mode: int, *, own_group: bool) -> Doubt | None:
    """Say what keeps the installed service from reading a key file that is root's, None when nothing does."""
    if own_group and mode & stat.S_IRGRP:
        return None
    return Doubt("cannot be read by the service", f"chgrp {SERVICE} it, and chmod g=r it")


def password(text: str) -> bytes:
    """Return the password that a file holds: its one line, 1 to 8 bytes, the most that version 2 has room for.

    Raises:
        ValueError: It holds none; the message never has anything of the text.
    """
    lines = text.removesuffix("\n").split("\n")
    secret = lines[0].encode()
    if len(lines) > 1:
        raise ValueError("more than one line")
    if not 1 <= len(secret) <= PASSWORD_LENGTH:
        raise ValueError(f"{len(secret)} bytes")
    if b"\0" in secret:
        raise ValueError("a NUL byte")
    return secret


def password_content(text: str) -> Doubt | None:
    """Say why a file's text holds no password, None when it does."""
    try:
        password(text)
    except ValueError as error:
        return Doubt(f"holds no password: {error}", "put a password of 1 to 8 bytes in it, alone on its line")
    return None


def secret_content(text: str) -> Doubt | None:
    """Say why a file's text holds no secret for a server, None when it does."""
    lines = text.rstrip("\n")
    if not lines or "\n" in lines:
        return Doubt(
            "holds no secret: it is one line, and not empty", "put the password, or the token, in it and nothing else"
        )
    return None


def content(text: str) -> Doubt | None:
    """Say why a key file's text holds no key, None when it does; never with anything of the text."""
    try:
        parse_keys(text)
    except ValueError as error:
        return Doubt(f"holds no key: {error}")
    return None
