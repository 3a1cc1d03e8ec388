"""Flight recordings on disk: the recorder's second thread, and the folder that it looks after.

The present recording is plain JSON lines, so that it is whole up to the last fraction of a second whoever is killed;
those before it are compressed, and the oldest are removed. A disk that hangs or is full costs recordings, never the
agent's time: it does not know.
"""

import grp
import gzip
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from linkbalancer.daemon.flightline import HeadPart, Lines, understood
from linkbalancer.engine.flight.tape import Sealer, lost

FOLDER: Final = "flight"
"""In the state directory."""

SUFFIX: Final = ".jsonl"

KEPT = 16 << 20
"""Bytes that wait for the disk, or for a head, at most; more and the recording ends here."""

PAUSE_S = 0.2
"""Between two writings: what came meanwhile is sealed together."""

END_S = 0.5
"""How long the last writing is waited for at the end."""


@dataclass(slots=True)
class Segment:
    """A recording that is being written: its head as far as it is here, and the lines that wait for it."""

    id: int
    head: dict[int, bytes] = field(default_factory=dict)
    parts: int = 0
    keep: int = 1
    next: int = 0
    lines: deque[bytes] = field(default_factory=deque)
    size: int = 0
    file: BinaryIO | None = None
    sealer: Sealer = field(default_factory=Sealer)
    broken: bool = False


class FlightFiles:
    """The thread that writes.

    Args:
        folder: where recordings are.
        readers: the group that may read them beside root.
        say: where a line about them goes.
    """

    def __init__(self, folder: Path, readers: str, say: Callable[[str], object]) -> None:
        self._folder, self._readers, self._say = folder, readers, say
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self._woken, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="flight", daemon=True)
        self._segment: Segment | None = None
        self._trouble = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, data: bytes) -> None:
        """Have a datagram written; never waits."""
        with self._lock:
            if self._size + len(data) <= KEPT:
                self._waiting.append(data)
                self._size += len(data)
        self._woken.set()

    def end(self) -> None:
        """Write what waits, as far as that is quick, and end."""
        self._ending.set()
        self._woken.set()
        self._thread.join(END_S)

    def _work(self) -> None:
        while not self._ending.is_set():
            self._woken.wait()
            if not self._ending.is_set():
                self._ending.wait(PAUSE_S)
            self._woken.clear()
            self.write()
        self.close()

    def close(self) -> None:
        """Let go of the file (in the thread)."""
        if self._segment is not None:
            self._finish(self._segment)
            self._segment = None

    def write(self) -> None:
        """Write all that waits (in the thread)."""
        with self._lock:
            waiting, self._waiting, self._size = self._waiting, deque(), 0
        for data in waiting:
            told = understood(data)
            if told is not None:
                self._sort(told)
        segment = self._segment
        if segment is None or segment.broken:
            return
        try:
            if segment.file is None and segment.parts and len(segment.head) == segment.parts:
                self._open(segment)
            if segment.file is not None and segment.lines:
                _write(segment, segment.file)
        except OSError as error:
            self._fail(segment, error)

    def _sort(self, told: Lines | HeadPart) -> None:
        """Put a datagram where it belongs; the newest segment alone is written."""
        segment = self._segment
        if segment is None or told.segment > segment.id:
            if segment is not None:
                self._finish(segment)
            segment = self._segment = Segment(told.segment)
        if told.segment != segment.id or segment.broken:
            return
        if isinstance(told, HeadPart):
            segment.head[told.part], segment.parts, segment.keep = told.content, told.parts, told.keep
            return
        if told.last and told.number != segment.next:
            return  # it was received in time, or one before it was not
        if told.number != segment.next or segment.size + len(told.content) > KEPT:
            segment.broken = True  # it ends before the gap, of which each datagram had an input at least
            segment.lines.append(f"{lost(max(1, told.number - segment.next))}\n".encode())
            self._finish(segment)
            return
        segment.next += 1
        segment.lines.append(told.content)
        segment.size += len(told.content)

    def _open(self, segment: Segment) -> None:
        """Begin the file; compress the one before, and remove those that are too old."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._admit(self._folder, 0o750)
        before = recordings(self._folder)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        path = self._folder / f"{stamp}.{time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000 % 1000:03}Z{SUFFIX}"
        segment.file = path.open("xb", buffering=0)
        self._admit(path, 0o640)
        for part in range(segment.parts):
            segment.file.write(segment.head[part])
            segment.sealer.add(segment.head[part])
        segment.file.write(segment.sealer.seal())
        segment.head.clear()
        for old in before[: max(0, len(before) + 1 - segment.keep)]:
            old.unlink()
        for old in before[max(0, len(before) + 1 - segment.keep) :]:
            if old.suffix == SUFFIX:
                self._compress(old)
        if self._trouble:
            self._say(f"flight recordings can be written again to {self._folder}")
            self._trouble = ""

    def _admit(self, path: Path, mode: int) -> None:
        """Let the readers read; where their group does not exist, or it is not ours to say, root alone does."""
        path.chmod(mode)
        with suppress(KeyError, OSError):
            os.chown(path, -1, grp.getgrnam(self._readers).gr_gid)

    def _compress(self, path: Path) -> None:
        part = path.with_name(f".{path.name}.part")
        with path.open("rb") as source, gzip.open(part, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target)
        self._admit(part, 0o640)
        part.replace(path.with_name(f"{path.name}.gz"))
        path.unlink()

    def _finish(self, segment: Segment) -> None:
        """Write the last lines of a segment that goes no further."""
        if segment.file is None:
            return
        try:
            if segment.lines:
                _write(segment, segment.file)
            segment.file.close()
        except OSError as error:
            self._fail(segment, error)

    def _fail(self, segment: Segment, error: OSError) -> None:
        segment.broken = True
        segment.lines.clear()
        trouble = f"flight recordings cannot be written to {self._folder}: {error.strerror or error}"
        if trouble != self._trouble:
            self._say(f"{trouble}; it is tried again when the next one begins")
        self._trouble = trouble
        if segment.file is not None:
            with suppress(OSError):
                segment.file.close()


def _write(segment: Segment, file: BinaryIO) -> None:
    """Write the lines that wait and the sum of all; a write that is cut short leaves a last line that is not whole."""
    data = b"".join(segment.lines)
    segment.lines.clear()
    segment.size = 0
    segment.sealer.add(data)
    file.write(data + segment.sealer.seal())


def recordings(folder: Path) -> list[Path]:
    """Return the recordings in a folder, oldest first; raises OSError where it cannot be read."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.removesuffix(".gz").endswith(SUFFIX)
    )
