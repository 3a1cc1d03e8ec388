"""Notices that a file was written, replaced or removed, by inotify on the folders that files are in."""

import ctypes
import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final

_LIBC = ctypes.CDLL(None, use_errno=True)
_NONBLOCK_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x08, 0x40, 0x80, 0x100, 0x200
_SELF_GONE: Final = 0x400 | 0x800
_ONLY_DIRECTORY: Final = 0x01000000
_EVENTS: Final = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _SELF_GONE | _ONLY_DIRECTORY
_IGNORED: Final = 0x8000
_EVENT: Final = struct.Struct("=iIII")
_READ: Final = 1 << 16
_NUMBER_MAX: Final = 64


class FileWatch:
    """Watches the folders of some files; a folder that is not there yet is tried again with `look`."""

    def __init__(self, files: Collection[Path]) -> None:
        """Open; raises OSError."""
        descriptor = _LIBC.inotify_init1(_NONBLOCK_CLOEXEC)
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._descriptor: int = descriptor
        self._folders = {file.parent for file in files}
        self._watched: dict[int, Path] = {}
        self.look()

    def fileno(self) -> int:
        """Return the descriptor that is readable when something has changed."""
        return self._descriptor

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)

    def look(self) -> None:
        """Watch the folders that are there and not watched."""
        for folder in self._folders - set(self._watched.values()):
            number = _LIBC.inotify_add_watch(self._descriptor, os.fsencode(folder), _EVENTS)
            if number >= 0:
                self._watched[number] = folder

    def read(self) -> bool:
        """Take in what there is; return whether anything was."""
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return False
        offset = 0
        while offset + _EVENT.size <= len(data):
            number, mask, _cookie, length = _EVENT.unpack_from(data, offset)
            if mask & (_IGNORED | _SELF_GONE):
                self._watched.pop(number, None)
            offset += _EVENT.size + length
        return True


def number_in(file: Path) -> int | None:
    """Return the whole number that a file holds, None where it holds none; 0 where there is no file. Raises OSError."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        text = os.read(descriptor, _NUMBER_MAX).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    try:
        return int(text) if text.isascii() else None
    except ValueError:
        return None
