"""The Keepalived of a lab's gateway: it runs the groups of mode `keepalived` as the gateway's configuration says."""

import contextlib
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.errors import MissingError

PROGRAM: Final = "keepalived"

AGAIN: Final[Duration] = 100 * MILLISECOND
"""How soon it is started again when it has died."""

_PIDS: Final = ("pid", "vrrp_pid", "checkers_pid", "bfd_pid")


class LabKeepalived:
    """One Keepalived, kept running; several on one host need files of their own for everything.

    Args:
        namespace: the gateway's network namespace.
        text: its configuration.
        files: an empty folder for its files; its log is there, too.
        track_dir: the folder of the track files, which must be there before it starts.
    """

    def __init__(self, namespace: str, text: str, files: Path, track_dir: Path) -> None:
        """Write its configuration; raises MissingError."""
        if shutil.which(PROGRAM) is None:
            raise MissingError(f"the program {PROGRAM} is missing (Debian package keepalived)")
        self._namespace, self._files, self._track_dir = namespace, files, track_dir
        files.mkdir(parents=True)
        self._config = files / "keepalived.conf"
        self._config.write_text(text)
        self.log: Final = files / "log"
        self._wanted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None before the first start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and keep it running; one that runs goes on."""
        if self._wanted.is_set():
            return
        self._wanted.set()
        self._process = self._spawn()
        self._keeper = threading.Thread(target=self._keep, args=(self._process,), daemon=True)
        self._keeper.start()

    def abandon(self) -> None:
        """Take note that it is about to be killed and shall not come back."""
        self._wanted.clear()

    def stop(self) -> None:
        """End it in order (SIGTERM), and wait until it has ended."""
        self.abandon()
        self.signal(signal.SIGTERM)
        if self._keeper is not None:
            self._keeper.join(10)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._track_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        for name in _PIDS:
            (self._files / name).unlink(missing_ok=True)
        words = ["ip", "netns", "exec", self._namespace, PROGRAM, "--dont-fork", "--vrrp", "--log-console"]
        words += ["--log-detail", "--no-syslog", f"--use-file={self._config}"]
        words += [f"--{kind}={self._files / kind}" for kind in _PIDS]
        with self.log.open("ab") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            process.wait()
            if self._wanted.is_set():
                time.sleep(AGAIN / SECOND)
            if not self._wanted.is_set():
                return
            self._process = process = self._spawn()
