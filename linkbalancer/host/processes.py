"""Which processes run, by their name or command line, as /proc shows them."""

from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_NAME_SHOWN: Final = 15
_COMMAND_MAX: Final = 4096


def running(name: str, command: str | None = None) -> frozenset[int]:
    """Return the processes of a name: what ps shows, or the file name of the program, without what waits to be reaped.

    With `command`, only those whose command line has it.
    """
    return frozenset(pid for pid in _numbers() if _is_meant(pid, name, command))


def _numbers() -> list[int]:
    return [int(one.name) for one in _PROC.iterdir() if one.name.isdecimal()]


def _is_meant(pid: int, name: str, command: str | None) -> bool:
    try:
        status = (_PROC / str(pid) / "stat").read_bytes()
        shown = status[status.index(b"(") + 1 : status.rindex(b")")].decode(errors="replace")
        if status[status.rindex(b")") + 2 : status.rindex(b")") + 3] in {b"Z", b"X"}:
            return False
        if shown != name[:_NAME_SHOWN] or len(name) > _NAME_SHOWN or command is not None:
            with (_PROC / str(pid) / "cmdline").open("rb") as file:
                words = file.read(_COMMAND_MAX).rstrip(b"\0").split(b"\0")
            line = b" ".join(words).decode(errors="replace")
            program = words[0].decode(errors="replace").rpartition("/")[2].rstrip(":")
            named = program == name or (shown == name and len(name) <= _NAME_SHOWN)
            return named and (command is None or command in line)
    except (OSError, ValueError):
        return False
    return True
