"""The configurations kept: every one that was in force, or was meant to be, with who brought it, how, and its fate.

A file each, `NNNNNN.json`, of three lines: what may change later (its state), padded to a block so that it is changed
in place and needs no room on a full disk; what is known of it; its files' texts, keys included. A file is made under
another name, synced, and renamed; what is torn all the same is not read, and said. Whoever writes holds the lock.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

KEPT = 50
"""So many configurations are kept."""

KEPT_BYTES = 256 << 20
"""So many bytes of them; the oldest go first."""

BLOCK = 4096
"""Bytes of the line that may change."""

WORDS_MAX = 400
"""Characters of a reason, or of a name."""

LINES_MAX = 200
"""Lines of a difference that are kept."""

INTENT = "intent"
"""The file of what is about to be applied on trial: it may be in force before it is an entry, if everybody dies."""

_NAME = re.compile(r"[0-9]{6,}\.json", re.ASCII)

APPLYING, GOOD, PENDING, REVERTED, FAILED, PARTIAL = "applying", "good", "pending", "reverted", "failed", "partial"
"""The states: taking over; was in force and not complained of; in force until it must be confirmed; taken back; did not
come into force; in force without its faulty rule lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One configuration kept, without its texts.

    `at` is the wall clock (for people only). `before` is the entry that was in force when this one came. Of one that
    must be confirmed, `confirm_s` is how long there is for it, `until` the instant of the boot `boot` when it ends;
    `open` are the links that were open before. `id` is the request that brought it.
    """

    number: int
    at: float
    who: str
    how: str
    digest: str
    path: str
    state: str
    reason: str = ""
    before: int | None = None
    confirm_s: int | None = None
    until: int | None = None
    boot: str = ""
    open: tuple[str, ...] = ()
    id: str = ""
    summary: str = ""

    @property
    def on_trial(self) -> bool:
        """Whether it is to be taken back unless it is confirmed."""
        return self.state in {APPLYING, PENDING} and self.until is not None


@dataclass(frozen=True, slots=True)
class Facts:
    """What never changes of an entry: its difference, its rule file's and sets' paths, its links' keys as shown."""

    difference: tuple[str, ...] = ()
    rules: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """An entry with its facts and its files by path."""

    entry: Entry
    facts: Facts
    texts: Mapping[str, str] = field(repr=False)

    def public(self) -> dict[str, str]:
        """Return the texts without secrets: whoever may ask may read them."""
        own = {self.entry.path, self.facts.rules, *self.facts.sets}
        return {path: text for path, text in self.texts.items() if path in own}


class NotKeptError(Exception):
    """A configuration cannot be kept, or one that was kept cannot be read; the argument says why."""


def digest(path: str, texts: Mapping[str, str]) -> str:
    """Return a SHA-256 (hex) over a configuration's files, and which of them is the first."""
    return hashlib.sha256(json.dumps([path, sorted(texts.items())]).encode()).hexdigest()


class Configurations:
    """The store in a directory, made when it is first written to; `warn` is told, a sentence each, what is torn."""

    def __init__(self, directory: Path, warn: Callable[[str], None] = lambda _text: None) -> None:
        self.directory = directory
        self._warn = warn

    def entries(self) -> list[Entry]:
        """Return what is kept, oldest first; a file that is no entry is left out, and said."""
        found = []
        for path in self._files():
            try:
                with path.open("rb") as file:
                    found.append(_entry(file.read(BLOCK), path))
            except FileNotFoundError:
                continue  # another process has just dropped it
            except (OSError, ValueError) as error:
                self._warn(f"{path} is not read: {error}")
        return found

    def read(self, number: int) -> Configuration:
        """Return one configuration with its texts; raises NotKeptError."""
        path = self.directory / f"{number:06}.json"
        try:
            with path.open("rb") as file:
                entry = _entry(file.read(BLOCK), path)
                known, texts = json.loads(file.readline()), json.loads(file.readline())
                _prove(entry, texts)
        except FileNotFoundError:
            numbers = [entry.number for entry in self.entries()]
            some = f"{numbers[0]} to {numbers[-1]} are kept" if numbers else "none is kept"
            raise NotKeptError(f"there is no configuration {number}: {some}") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotKeptError(f"configuration {number} cannot be read: {error}") from None
        sets = tuple(known.get("sets", ()))  # entries of older versions have none
        return Configuration(entry, Facts(tuple(known["difference"]), known["rules"], known["keys"], sets), texts)

    def add(self, entry: Entry, facts: Facts, texts: Mapping[str, str], spared: Iterable[int]) -> Entry:
        """Keep another configuration under the next number, and drop what is too old and not `spared`.

        Raises:
            NotKeptError: the disk is full, or not ours.
        """
        more = len(facts.difference) - LINES_MAX
        lines = (*facts.difference[:LINES_MAX], *([f"and {more} more"] if more > 0 else []))
        rest = "".join(json.dumps(one) + "\n" for one in (asdict(replace(facts, difference=lines)), dict(texts)))
        try:
            with self._locked():
                known = [int(path.stem) for path in self._files()]
                entry = replace(entry, number=max(known, default=0) + 1)
                content = _block(entry) + rest.encode()
                self._drop_old({entry.number, *spared}, len(content))
                self._write(self.directory / f"{entry.number:06}.json", content)
        except OSError as error:
            raise NotKeptError(f"{error.filename or self.directory}: {error.strerror}") from None
        return entry

    def change(self, number: int, **changes: object) -> Entry | None:
        """Change an entry in place; None where it is not there (any more). Raises NotKeptError."""
        path = self.directory / f"{number:06}.json"
        try:
            with self._locked():
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    entry = replace(_entry(os.pread(descriptor, BLOCK, 0), path), **cast("dict[str, Any]", changes))
                    os.pwrite(descriptor, _block(entry), 0)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise NotKeptError(f"{path}: {error}") from None
        return entry

    def intend(self, wish: Mapping[str, Any] | None) -> None:
        """Keep what is about to be applied on trial, None when that has ended; raises NotKeptError."""
        try:
            with self._locked():
                if wish is None:
                    (self.directory / INTENT).unlink(missing_ok=True)
                else:
                    self._write(self.directory / INTENT, json.dumps(wish).encode())
        except OSError as error:
            raise NotKeptError(f"{error.filename or self.directory}: {error.strerror}") from None

    def intended(self) -> dict[str, Any]:
        """Return what was about to be applied on trial, empty where nothing was."""
        try:
            wish = json.loads((self.directory / INTENT).read_bytes())
        except (OSError, ValueError):
            return {}
        return wish if isinstance(wish, dict) else {}

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.directory.iterdir() if _NAME.fullmatch(path.name))
        except OSError:
            return []

    def _drop_old(self, spared: set[int], coming: int) -> None:
        files = [(path, path.stat().st_size) for path in self._files()]
        count, size = len(files) + 1, coming + sum(bytes_ for _path, bytes_ in files)
        for path, bytes_ in files:
            if (count > KEPT or size > KEPT_BYTES) and int(path.stem) not in spared:
                path.unlink()
                count, size = count - 1, size - bytes_
        for path in self.directory.glob("*.new"):  # of a writer that was killed
            path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        fresh = path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            fresh.rename(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        """Have the directory's names on disk."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Be the only writer; the lock goes with the process that holds it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _block(entry: Entry) -> bytes:
    """Write what may change, padded; everything in it that others choose is bounded."""
    short = replace(
        entry,
        who=entry.who[:WORDS_MAX],
        reason=entry.reason[:WORDS_MAX],
        summary=entry.summary[:WORDS_MAX],
        path=entry.path,
    )
    text = json.dumps({"schema": 1, **asdict(short)}).encode()
    while len(text) >= BLOCK and short.open:  # hundreds of links: those that are watched are enough
        short = replace(short, open=short.open[: len(short.open) // 2])
        text = json.dumps({"schema": 1, **asdict(short)}).encode()
    if len(text) >= BLOCK:
        raise OSError(36, "the configuration's path is too long to be kept", entry.path)
    return text.ljust(BLOCK - 1) + b"\n"


def _entry(block: bytes, path: Path) -> Entry:
    """Read what may change; raises ValueError."""
    if len(block) != BLOCK or not block.endswith(b"\n"):
        raise ValueError("it is torn")
    try:
        values = json.loads(block)
    except RecursionError:
        raise ValueError("it is no entry") from None
    if not isinstance(values, dict) or values.pop("schema", None) != 1:
        raise ValueError("it is of another version")
    known = {one.name for one in fields(Entry)}
    given: dict[str, Any] = {key: value for key, value in values.items() if key in known}
    try:
        given |= {"open": tuple(given.get("open", ())), "at": float(given["at"])}
        entry = Entry(**given)
    except (TypeError, KeyError) as error:
        raise ValueError(f"it lacks something: {error}") from None
    texts = (entry.who, entry.how, entry.digest, entry.path, entry.state, entry.reason, entry.boot, entry.id)
    numbers = (entry.before, entry.confirm_s, entry.until)
    good = all(isinstance(one, str) for one in texts) and all(isinstance(one, int | None) for one in numbers)
    if not (good and isinstance(entry.number, int)):
        raise ValueError("it holds what is no entry's")
    if f"{entry.number:06}" != path.stem:
        raise ValueError("it bears another's number")
    return entry


def _prove(entry: Entry, texts: Mapping[str, str]) -> None:
    if digest(entry.path, texts) != entry.digest:
        raise ValueError("its texts are not what was written")
