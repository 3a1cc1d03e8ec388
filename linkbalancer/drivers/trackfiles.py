"""The files by which a Keepalived's priorities are moved: a number each, changed in one step, without a reload."""

import os
from pathlib import Path
from typing import Final

from linkbalancer.config.keepalived.section import track_file
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import GroupId

_MODE: Final = 0o644


def write(directory: Path, group: GroupId, number: int) -> bool:
    """Have a group's file hold a number; whether it held another before. Raises DriverError.

    It is put in place whole: Keepalived never reads half a number. It looks again whenever the file changes.
    """
    path = directory / track_file(group)
    text = f"{number}\n"
    fresh = path.with_name(f".{path.name}.new")
    try:
        if path.is_file() and path.read_text(errors="replace") == text:
            return False
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        with os.fdopen(fd, "w") as file:
            file.write(text)
        fresh.rename(path)
    except OSError as error:
        raise DriverError(f"write {path}", error.errno or 0) from error
    return True
