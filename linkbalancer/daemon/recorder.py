"""The recorder's process: takes what the others tell, stamps it with the wall clock, and has it kept.

The loop never touches the disk: a thread of its own writes, so that a disk which hangs neither silences this process
towards the supervisor nor fills the others' queues. What cannot be written waits in memory, up to a limit.
"""

import gc
import os
import socket
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from linkbalancer.clock import MICROSECOND, SECOND, Duration, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import logs
from linkbalancer.daemon.archive import FILE, Archive, is_damage, move_aside
from linkbalancer.daemon.flightdesk import FlightDesk
from linkbalancer.daemon.flightfiles import FOLDER, FlightFiles
from linkbalancer.daemon.flightline import SOCKET as FLIGHT_SOCKET
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.listening import bound, identity
from linkbalancer.daemon.loop import Loop, boottime
from linkbalancer.daemon.recording import SOCKET, Told, in_turn, understood
from linkbalancer.daemon.zygote import CALM_BEAT

KEPT = 20_000
"""Records that wait for the disk at most; one more and the oldest is dropped, and counted."""

BATCH = 1000
"""Records of one transaction."""

PAUSE_S = 0.15
"""Between two transactions: what came meanwhile is kept together."""

RETRY_S = 5.0
"""How soon a file that could not be written is tried again."""

PRUNE_EVERY: Duration = 30 * SECOND
"""How often old chains are looked for (and after every transaction that may have filled the file)."""

STEP: Duration = 1 * SECOND
"""The wall clock was set when it moved by more than this against CLOCK_BOOTTIME."""

TRUSTED_AFTER: Duration = 3600 * SECOND
"""How long the wall clock must have run unset before age by it drops anything."""

END_S = 0.7
"""How long the last transaction is waited for at the end."""

DATAGRAM = 262_144


def run(loaded: Loaded, lifeline: Lifeline, *, run_dir: Path, state_dir: Path) -> int:
    """Be the recorder until told to end; return the exit status."""
    os.umask(0o077)  # who may read the history asks the api
    log = logs.start(process="recorder")
    history = loaded.config.history
    writer = Writer(
        state_dir / FILE, lambda text: log.warning("history", text=text), keep=history.keep, size=history.size
    )
    files = FlightFiles(
        state_dir / FOLDER, loaded.config.api.readers, lambda text: log.warning("flight recording", text=text)
    )
    try:
        process = RecorderProcess(run_dir / SOCKET, writer, lifeline)
        process.flights = FlightDesk(process.loop, run_dir / FLIGHT_SOCKET, files)
    except OSError as error:
        log.critical("cannot start", why=str(error))
        return 1
    return process.run()


class RecorderProcess:
    """The socket, the lifeline, and the writer that is handed everything; `flights` is for recordings."""

    flights: FlightDesk | None = None

    def __init__(self, path: Path, writer: "Writer", lifeline: Lifeline) -> None:
        """Listen; raises OSError."""
        self._writer, self._lifeline = writer, lifeline
        self.loop, self._path = Loop(), path
        self._socket, self._file = _bound(path)

    def run(self) -> int:
        """Turn until told to end; what was told by then is kept."""
        self.loop.add(self._socket, self._read)
        self.loop.add(self._lifeline, self._hear)
        self.loop.every(CALM_BEAT, lambda _now: self._beat())
        gc.freeze()
        self._writer.start()
        self._lifeline.say("ready")
        self.loop.run()
        self._end(self.loop.clock())
        return 0

    def _end(self, now: Instant) -> None:
        self._read(now)
        self._writer.end()
        if self.flights is not None:
            self.flights.end()

    def _beat(self) -> None:
        self._lifeline.say("beat")
        if identity(self._path) != self._file:
            self._listen_anew()
        if self.flights is not None:
            self.flights.keep()

    def _listen_anew(self) -> None:
        """Be found even when somebody empties the run directory."""
        with suppress(OSError):
            fresh, self._file = _bound(self._path)
            self._read(self.loop.clock())
            self.loop.remove(self._socket)
            self._socket.close()
            self._socket = fresh
            self.loop.add(fresh, self._read)

    def _hear(self, now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            self._end(now)
            os._exit(0)
        if spoken is not None:  # leave, end or renew
            self.loop.stop()

    def _read(self, _now: Instant) -> None:
        for _ in range(64):
            try:
                data = self._socket.recv(DATAGRAM)
            except OSError:
                return
            self._writer.take(understood(data))


def _bound(path: Path) -> tuple[socket.socket, tuple[int, int] | None]:
    """Return a socket at a path and which file that is; root alone may send to it. Raises OSError."""
    sock = bound(path, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return sock, identity(path)


class Writer:
    """The thread that writes.

    Args:
        path: the file.
        say: where a line about the file goes.
        keep: how old a chain may become.
        size: how many bytes the file may have.
        pause_s: between two transactions.
        retry_s: before a file that could not be written is tried again.
    """

    def __init__(
        self,
        path: Path,
        say: Callable[[str], Any],
        *,
        keep: Duration,
        size: int,
        pause_s: float = PAUSE_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._path, self._say, self._keep, self._size = path, say, keep, size
        self._pause_s, self._retry_s = pause_s, retry_s
        self._waiting: deque[Told] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._archive: Archive | None = None
        self._trouble = ""
        self._offset: Duration | None = None
        self._offset_since: Instant = 0
        self._pruned_at: Instant | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, records: list[Told]) -> None:
        """Have records kept; never waits."""
        if not records:
            return
        with self._lock:
            self._waiting.extend(records)
            while len(self._waiting) > KEPT:
                self._waiting.popleft()
                self._dropped += 1
        self._woken.set()

    def end(self) -> None:
        """Write what waits, as far as that is quick, and end."""
        self._ending.set()
        self._woken.set()
        self._thread.join(END_S)

    def _work(self) -> None:
        while True:
            self._woken.wait(PRUNE_EVERY / SECOND)
            if not self._ending.is_set():
                self._ending.wait(self._pause_s)
            self._woken.clear()
            fine = self._attempt()
            if self._ending.is_set():
                break
            if not fine:
                self._ending.wait(self._retry_s)
                self._woken.set()
        if self._archive is not None:
            self._archive.close()

    def _attempt(self) -> bool:
        """Write all that waits; return False when that must be tried again later."""
        try:
            if self._archive is not None and not self._archive.in_place():
                self._say(f"{self._path} was removed: a new one is begun")
                self._let_go()
            if self._archive is None:
                self._archive = Archive(self._path, _boot_id())
                for note in self._archive.notes:
                    self._say(note)
            self._stamp(self._archive)
            more = True
            while more:
                more = self._write(self._archive)
                self._prune(self._archive)
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return False
        if self._trouble:
            lost = f"; {self._dropped} records were lost meanwhile" if self._dropped else ""
            self._say(f"{self._path} can be written again{lost}")
            self._trouble, self._dropped = "", 0
        return True

    def _write(self, archive: Archive) -> bool:
        """Write one batch; return whether there may be more."""
        with self._lock:
            batch = [told for told, _ in zip(self._waiting, range(BATCH), strict=False)]
            dropped = self._dropped
        assert self._offset is not None
        archive.add(in_turn(batch), self._offset)
        with self._lock:
            for _ in range(max(0, len(batch) - (self._dropped - dropped))):
                self._waiting.popleft()
            return bool(self._waiting)

    def _stamp(self, archive: Archive) -> None:
        """Take the difference of the two clocks, and stamp anew what this boot recorded when somebody set one."""
        now = boottime()
        offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - now
        if self._offset is None or abs(offset - self._offset) > STEP:
            archive.restamp(offset)
            self._offset, self._offset_since = offset, now

    def _prune(self, archive: Archive) -> None:
        now = boottime()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY and archive.held() <= self._size:
            return
        self._pruned_at = now
        before = None
        if self._offset is not None and now - self._offset_since > TRUSTED_AFTER:
            before = (now + self._offset - self._keep) // MICROSECOND
        dropped = False
        while not self._ending.is_set() and archive.prune(before=before, size=self._size):
            dropped = True
        if dropped:
            archive.shrink()

    def _fail(self, error: sqlite3.Error | OSError) -> None:
        """Say, once, that the file cannot be written, and let go of it; damage is met at the next opening."""
        trouble = f"{self._path} cannot be written ({error})"
        if trouble != self._trouble:
            self._say(f"{trouble}; the history goes on in memory, it is tried again every {self._retry_s:g} s")
        self._trouble = trouble
        self._let_go()
        if isinstance(error, sqlite3.Error) and is_damage(error):
            with suppress(OSError):
                move_aside(self._path)
                self._say(f"{self._path} is damaged: moved aside, a new one is begun")

    def _let_go(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
