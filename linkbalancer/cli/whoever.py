"""Who runs a command, for those who find a file locked by it: only for people to read."""

import getpass
import os
import time


def holder(file: str, command: str) -> dict[str, object]:
    """Return what others are told of who changes a file."""
    return {
        "who": user(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "what": file,
        "command": command,
    }


def user() -> str:
    """Return the user's name, also the one behind sudo."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{behind} (by sudo, as {name})" if behind and behind != name else name


def by_whom() -> str | None:
    """Return what is told of the person behind root."""
    return os.environ.get("SUDO_USER") or None
