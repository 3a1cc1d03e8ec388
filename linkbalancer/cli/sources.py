"""A file of the configuration while it is changed: read, locked, and replaced so that nobody ever sees half of it.

A lock is a file beside it that says who has it; the kernel frees it with its holder, so a killed one leaves no lock.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.cli.output import unreadable

PAUSE_S = 0.05
"""How long to wait before a lock is tried again."""


class SourceError(Exception):
    """A file cannot be read, locked or replaced; the argument says why and what to do, in a sentence."""


class ChangedError(SourceError):
    """Somebody else changed the file since it was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was changed by somebody else meanwhile; nothing is written: do it again")


class LockedError(SourceError):
    """Somebody else is changing the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read: `path` is how it was named, `real` the file itself behind all links."""

    path: Path
    real: Path
    content: bytes
    state: os.stat_result

    def text(self) -> str:
        """Return the content as text, its ends of lines untouched; raises UnicodeDecodeError."""
        return self.content.decode()

    def changed(self) -> bool:
        """Return whether the file is not what was read any more: another one, another time, or other bytes."""
        try:
            now = read_source(self.path)
        except SourceError:
            return True
        return now.real != self.real or _print(now) != _print(self)


def _print(source: Source) -> tuple[int, int, int, bytes]:
    state = source.state
    return state.st_dev, state.st_ino, state.st_mtime_ns, hashlib.sha256(source.content).digest()


def read_source(path: Path) -> Source:
    """Read a file.

    Raises:
        SourceError: it cannot be read, or is no ordinary file.
    """
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise SourceError(f"{path} is no ordinary file")
            return Source(path, real, file.read(), state)
    except RuntimeError:
        raise SourceError(f"cannot read {path}: its links go round in a circle") from None
    except OSError as error:
        raise SourceError(unreadable(error, path)) from None


@contextlib.contextmanager
def locked(real: Path, holder: dict[str, object], patience_s: float = 0) -> Iterator[None]:
    """Have a file's lock meanwhile.

    Args:
        real: the file.
        holder: what others are told: `who`, `pid`, `since` (a time of day), `what`.
        patience_s: how long to wait for somebody who has it.

    Raises:
        LockedError: somebody else has it.
        SourceError: the directory takes no lock.
    """
    path = real.parent / f".{real.name}.lock"
    try:
        descriptor = _take(path, time.monotonic() + patience_s)
    except OSError as error:
        raise SourceError(f"cannot lock {real}: {path}: {error.strerror}; changing it needs its directory") from None
    try:
        with contextlib.suppress(OSError):  # a full disk costs others the name, not us the lock
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _take(path: Path, until: float) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(descriptor, 4096, 0)
            os.close(descriptor)
            if time.monotonic() >= until:
                raise LockedError(_holder(said)) from None
            time.sleep(PAUSE_S)
            continue
        # Who had it may have removed the file between our opening and our locking it.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _holder(said: bytes) -> str:
    try:
        holder = json.loads(said)
        return (
            f"{holder['who']} is changing {holder['what']} since {holder['since']} (process {holder['pid']}); "
            "wait until that has ended"
        )
    except (ValueError, TypeError, KeyError):
        return "somebody else is changing it; wait until that has ended"


def replace(source: Source, content: bytes) -> Source:
    """Put new content in a file's place, all or nothing, with its owner, mode and attributes; return it as it is now.

    Raises:
        ChangedError: it is not what was read any more.
        SourceError: it cannot be written; it is as it was.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{source.real.name}.", suffix=".part", dir=source.real.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                _dress(descriptor, source)
                os.fsync(descriptor)
            _swap(part, source)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"cannot write {source.path}: {error.strerror}; it is as it was") from None
    with contextlib.suppress(OSError):  # it is written; how soon its name is on the disk is not ours to decide
        _sync(source.real.parent)
    return read_source(source.path)


def _swap(part: Path, source: Source) -> None:
    if source.changed():
        raise ChangedError(source.path)
    part.replace(source.real)


def _dress(descriptor: int, source: Source) -> None:
    """Give a file the owner, mode and extended attributes (access lists among them) of the one that it replaces."""
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (source.state.st_uid, source.state.st_gid):
        os.fchown(descriptor, source.state.st_uid, source.state.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(source.state.st_mode))
    with contextlib.suppress(OSError):  # some file systems have none
        for name in os.listxattr(source.real):
            with contextlib.suppress(OSError):  # some are the kernel's own to set
                os.setxattr(descriptor, name, os.getxattr(source.real, name))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
