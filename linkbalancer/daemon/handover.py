"""An upgrade of the supervisor in place: the new program is tried in a child, then takes over process id and lock.

Both are told what they must know by a memory file whose number is in an environment variable: an option would be seen
in every list of processes, and by whoever starts the program by hand. execve(2) closes every other descriptor, so that
the children's lifelines end; what they then do is their own affair (zygote.py).
"""

import fcntl
import json
import os
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn

from linkbalancer import __version__
from linkbalancer.daemon.lifeline import die_with_parent, enclose, enclosed
from linkbalancer.engine.orders import Kind, Request, Run

TRIAL = "LINKBALANCER_TRIAL"
"""Names the memory file of the texts that a new program is to check, and to do nothing else."""

HANDOVER = "LINKBALANCER_HANDOVER"
"""Names the memory file of what a supervisor leaves to the new program in its place."""

OUTPUT_LIMIT = 1 << 16
"""Bytes of what a trial wrote that are read, the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a supervisor leaves to the new program.

    Args:
        texts: the configuration in force.
        lock: the descriptor that holds the run directory, -1 without one.
        run: the upgrade itself: who waits for its outcome.
        waiting: what is to be done after it.
        pids: the children that are left, to be buried.
        version: the program that leaves.
    """

    texts: bytes
    lock: int = -1
    run: Run | None = None
    waiting: tuple[Run, ...] = ()
    pids: tuple[int, ...] = ()
    version: str = __version__

    def encode(self) -> bytes:
        """Return it as bytes."""
        fields = {
            "version": self.version,
            "lock": self.lock,
            "pids": self.pids,
            "run": None if self.run is None else _run_fields(self.run),
            "waiting": [_run_fields(run) for run in self.waiting],
        }
        return json.dumps(fields).encode() + b"\n" + self.texts

    @classmethod
    def decode(cls, content: bytes) -> "Handover":
        """Read it; raises ValueError, KeyError, TypeError for what is none."""
        head, _, texts = content.partition(b"\n")
        fields = json.loads(head)
        return cls(
            texts=texts,
            lock=int(fields["lock"]),
            run=None if fields["run"] is None else _run_of(fields["run"]),
            waiting=tuple(map(_run_of, fields["waiting"])),
            pids=tuple(map(int, fields["pids"])),
            version=str(fields["version"]),
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """Say what the upgrade changed."""
        if self.version == __version__:
            return (f"version {__version__}, as before: started again in place",)
        return (f"version {self.version} -> {__version__}",)


def _run_fields(run: Run) -> dict[str, Any]:
    return {"kind": run.request.kind, "words": dict(run.request.words), "askers": run.askers, "tries": run.tries}


def _run_of(fields: dict[str, Any]) -> Run:
    askers = [(str(asker), int(at)) for asker, at in fields["askers"]]
    return Run(Request(fields["words"], Kind(fields["kind"])), askers, int(fields["tries"]))


def program() -> list[str]:
    """Return how this program was started; the files behind those names may be new ones meanwhile."""
    return [sys.executable, *sys.orig_argv[1:]]


def replace(handover: Handover) -> NoReturn:
    """Become the new program; raises OSError, everything being as before, when that cannot be."""
    descriptor = enclose(handover.encode())
    try:
        for inherited in (descriptor, handover.lock):
            if inherited >= 0:
                fcntl.fcntl(inherited, fcntl.F_SETFD, 0)
        sys.stderr.flush()
        os.execve(sys.executable, program(), {**os.environ, HANDOVER: str(descriptor)})
    except OSError:
        os.close(descriptor)
        raise


def receive(environment: MutableMapping[str, str] = os.environ) -> Handover | None:
    """Return what this program's predecessor in its process left to it; None at an ordinary start."""
    content = _take(environment, HANDOVER)
    if content is None:
        return None
    try:
        handover = Handover.decode(content)
        if handover.lock >= 0:
            fcntl.fcntl(handover.lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            fcntl.flock(handover.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the same open file: ours already
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return handover


def texts_to_try(environment: MutableMapping[str, str] = os.environ) -> bytes | None:
    """Return the texts to be checked where this program was started for a trial."""
    return _take(environment, TRIAL)


def _take(environment: MutableMapping[str, str], variable: str) -> bytes | None:
    try:
        descriptor = int(environment.pop(variable))
        content = enclosed(descriptor)
        os.close(descriptor)
    except (KeyError, ValueError, OSError):
        return None
    return content


def begin_trial(texts: bytes) -> tuple[int, int]:
    """Start the new program for a trial; return its process id and the memory file of what it writes.

    Raises:
        OSError: It cannot be started.
    """
    content, output = enclose(texts), os.memfd_create("linkbalancer-trial")
    supervisor = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(content)
        os.close(output)
        raise
    if pid:
        os.close(content)
        return pid, output
    try:
        die_with_parent(supervisor)
        os.dup2(output, 1)
        os.dup2(output, 2)
        fcntl.fcntl(content, fcntl.F_SETFD, 0)
        service = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
        environment = {name: value for name, value in os.environ.items() if name not in service}
        os.execve(sys.executable, program(), {**environment, TRIAL: str(content)})
    finally:
        os._exit(127)


def end_trial(output: int) -> tuple[str, ...]:
    """Return the last lines that a trial wrote; of a traceback only what it comes to."""
    size = os.fstat(output).st_size
    text = os.pread(output, OUTPUT_LIMIT, max(0, size - OUTPUT_LIMIT)).decode(errors="backslashreplace")
    os.close(output)
    before, traceback, after = text.partition("Traceback (most recent call last):\n")
    lines = before.splitlines()
    if traceback:
        lines += [f"the new program fails: {line}" for line in after.splitlines()[-1:]]
    return tuple(line for line in lines if line.strip())
