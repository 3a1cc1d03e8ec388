"""A program that is called as Keepalived calls a notify script, with everything else in its environment."""

import json
import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from linkbalancer.config.keyfile import SERVICE
from linkbalancer.drivers.notices.journal import as_text
from linkbalancer.drivers.notices.outcome import NotToldError

NOBODY: Final = "nobody"
"""Whom a program runs as where the service is root and nobody is named."""

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HANDED_ON: Final = ("PATH", "LANG", "TZ")


def environment(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what a program finds in its environment: little of ours, and every key of the document."""
    found = {"PATH": _PATH, **{key: os.environ[key] for key in _HANDED_ON if key in os.environ}}
    facts = {f"LINKBALANCER_{key.upper()}": as_text(value) for key, value in document.items() if key != "fields"}
    return {**found, **facts, "LINKBALANCER_JSON": json.dumps(document)}


def become(user: str | None) -> None:
    """Be another user from now on: the one that is named, else, being root, one who may do nothing.

    Raises:
        NotToldError: there is no such user, or that is not allowed.
    """
    own = os.geteuid()
    if user is None and own != 0:
        return
    try:
        entry = pwd.getpwnam(user) if user is not None else _anybody()
    except KeyError:
        raise NotToldError(f"there is no user {user or NOBODY} on this host") from None
    if entry.pw_uid == own:
        return
    try:
        os.initgroups(entry.pw_name, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except OSError as error:
        why = f"cannot become {entry.pw_name}: {error.strerror}"
        raise NotToldError(f"{why} (the service runs as user {own}; `user` needs it to be root)") from None


def _anybody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE)
    except KeyError:
        return pwd.getpwnam(NOBODY)


def execute(words: Sequence[str], document: Mapping[str, Any]) -> NoReturn:
    """Become the program.

    Raises:
        NotToldError: it cannot be started.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # what we ignore is not for it to ignore
    try:
        os.chdir("/")
        os.execve(words[0], list(words), environment(document))
    except OSError as error:
        raise NotToldError(f"{words[0]}: {error.strerror}") from None
