"""The files of a configuration as texts: read from disk once, bounded, or as they were kept.

Whatever a name leads to, reading ends: only regular files are read, never by a device or a pipe that would block.
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from linkbalancer.config import keyfile
from linkbalancer.config.keyfile import Doubt
from linkbalancer.host.account import own_group

LARGEST = 32 << 20
"""Bytes of all files of a configuration together."""

_TOO_LARGE = f"the files of a configuration may be {LARGEST >> 20} MiB together, and it is more"


def read_text(path: str, most: int = LARGEST) -> str:
    """Return a regular file's text, its line ends made Unix's.

    Raises:
        OSError: It cannot be read, or is larger than `most` bytes.
        UnicodeDecodeError: It is not UTF-8.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no regular file", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OSError(errno.EFBIG, _TOO_LARGE, path)
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


class Texts:
    """Files by path: read from disk once each, or as they were kept; `files` are those that were asked for."""

    def __init__(self, kept: Mapping[str, str] | None = None) -> None:
        self._kept = kept
        self._left = LARGEST
        self.files: dict[str, str] = {}

    def read(self, path: str) -> str:
        """Return a file's text; raises OSError or UnicodeDecodeError."""
        if path not in self.files:
            self.files[path] = self._find(path)
        return self.files[path]

    def exposure(self, path: str) -> Doubt | None:
        """Say who else than its owner may read a key file; one that was kept is not judged again. Raises OSError."""
        if self._kept is not None:
            return None
        status = Path(path).stat()
        return keyfile.exposure(status.st_mode, own_group=status.st_gid == own_group())

    def _find(self, path: str) -> str:
        if self._kept is None:
            text = read_text(path, self._left)
            self._left -= len(text)
            return text
        if path not in self._kept:
            raise FileNotFoundError(errno.ENOENT, "not part of the configuration in force", path)
        return self._kept[path]
