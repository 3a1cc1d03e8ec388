"""A gateway's service manager: starts the daemon, and starts it again when it dies unasked (Restart=always)."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.engine.supervision import AGENT, APPLICATION, ASIDE, SHARED, ZYGOTE
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.keepalived import LabKeepalived
from linkbalancer.lab.run import kill_processes

RESTART_AFTER: Final[Duration] = 100 * MILLISECOND
_OFFICES: Final = ASIDE | {ZYGOTE, AGENT, "errand"}
"""Processes that are no application's, by the names that ps shows."""

NAME_MAX: Final = len(APPLICATION) + 15 - len("lb:")
"""How much of an application's process's name there is to see: the kernel keeps 15 letters (TASK_COMM_LEN)."""

STOP_LIMIT: Final[Duration] = 10 * SECOND


class Service:
    """The daemon of one gateway.

    Args:
        namespace: the gateway's network namespace.
        config: its configuration file.
        run_dir: for sockets and snapshots, empty after a reboot.
        state_dir: what survives a reboot.
        log: a file to which everything that the daemon prints is appended.
        keepalived: the other service of the gateway, if a Keepalived runs groups of it.
    """

    def __init__(
        self,
        namespace: str,
        config: Path,
        run_dir: Path,
        state_dir: Path,
        log: Path,
        *,
        keepalived: LabKeepalived | None = None,
    ) -> None:
        self.run_dir: Final = run_dir
        self.log: Final = log
        self.keepalived: Final = keepalived
        self.restarts = 0
        self._namespace = namespace
        self._state_dir = state_dir
        self._config = config
        self._wanted = threading.Event()
        self._restarting = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Start the daemon and keep it running."""
        self.run_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._state_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        if self.keepalived is not None:
            self.keepalived.start()
        self._wanted.set()
        self._process = self._spawn()
        self._keeper = threading.Thread(target=self._keep, args=(self._process,), daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Ask the daemon to leave (SIGTERM) and wait until it has ended; LabError when it does not."""
        self._wanted.clear()
        if self._process is None or self._keeper is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._keeper.join(STOP_LIMIT / SECOND)
        if self._keeper.is_alive():
            raise LabError(f"the daemon in {self._namespace} did not end within {STOP_LIMIT // SECOND} s after SIGTERM")

    def reload(self) -> None:
        """Ask the daemon to read its configuration again (SIGHUP)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def processes(self) -> dict[str, int]:
        """Return the daemon's processes by their names: supervisor, zygote, agent, api, `app:` and an application.

        A process that shares them with others is `apps:` and its number; longer ones are cut off at `NAME_MAX`.
        """
        if self._process is None:
            return {}
        pid = self._process.pid
        found = {"supervisor": pid}
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                with contextlib.suppress(OSError):
                    name = Path(f"/proc/{child}/comm").read_text().strip().removeprefix("lb:")
                    found[name if name in _OFFICES or name.startswith(SHARED) else APPLICATION + name] = int(child)
        return found

    def restart(self) -> None:
        """Restart the daemon as systemd does: SIGUSR2, and another one as soon as it has ended; LabError when it stays.

        What it leaves at work goes on until the next one takes over.
        """
        before = self._process
        if before is None:
            return
        self._restarting.set()
        before.send_signal(signal.SIGUSR2)
        end = time.monotonic() + STOP_LIMIT / SECOND
        while self._process is before:
            if time.monotonic() > end:
                raise LabError(f"the daemon in {self._namespace} did not end after SIGUSR2")
            time.sleep(0.01)

    def upgrade(self) -> None:
        """Have the daemon replaced by the program in place, and wait until that is done; LabError when it is not."""
        words = [sys.executable, "-m", "linkbalancer", "upgrade", "--run-dir", str(self.run_dir)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/", env=daemon_environment())
        if done.returncode:
            raise LabError(f"the daemon in {self._namespace} was not upgraded: {done.stderr.strip()}")

    def abandon(self) -> None:
        """Take note that everything is about to be killed and shall not come back."""
        self._wanted.clear()
        if self.keepalived is not None:
            self.keepalived.abandon()

    def kill_all(self) -> list[int]:
        """Kill (-9) every process of the gateway at once; the daemon comes back by itself."""
        return kill_processes([self._namespace])

    def forget_run_files(self) -> None:
        """Empty the run directory, as a reboot would."""
        shutil.rmtree(self.run_dir)

    def _spawn(self) -> subprocess.Popen[bytes]:
        words = ["ip", "netns", "exec", self._namespace, sys.executable, "-m", "linkbalancer", "run", str(self._config)]
        words += ["--run-dir", str(self.run_dir), "--state-dir", str(self._state_dir)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=daemon_environment(),
                start_new_session=True,
            )

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            process.wait()  # what it leaves at work goes on (KillMode=process)
            asked = self._restarting.is_set()
            self._restarting.clear()
            if self._wanted.is_set() and not asked:
                time.sleep(RESTART_AFTER / SECOND)
                self.restarts += 1
            if not self._wanted.is_set():
                return
            self._process = process = self._spawn()


def daemon_environment() -> dict[str, str]:
    """Return the environment of the lab's processes: ours, and no byte code left beside the sources by root.

    They find what this process finds, also where it is an installed program that looks at no environment.
    """
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
