"""A program of the administrator's, run in a session of its own: who it is, what it says, and that all of it ends.

The program has no descriptor, no right and no word of the environment that it is not given here. What it leaves running
in its process group when it ends, ends with it.
"""

import gc
import os
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon import capabilities
from linkbalancer.daemon.lifeline import die_with_parent
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.report import TEXT_MAX
from linkbalancer.host.users import Identity

Over: TypeAlias = Callable[[Instant, int, str], None]
"""Told at the end: the exit status (negative: the signal that ended it), and the last line that it wrote."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MARK: Final = "LINKBALANCER_RUN"
"""The environment variable by which what a killed checker left is found: the run directory, and the session."""

OUTPUT_MAX: Final = 1 << 20
"""Bytes that a program may write; one more and it is no longer read, so that it waits until its time is over."""

_TAIL: Final = 4096
_READ: Final = 1 << 16
_NOT_RUN: Final = 127


@dataclass(slots=True)
class Child:
    """A running program; `start` makes one."""

    loop: Loop
    pid: int
    pidfd: int
    output: int
    over: Over
    written: int = 0
    tail: bytearray = field(default_factory=bytearray)

    def terminate(self) -> None:
        """Ask the program and what it started to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End them, whatever they do."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Kill it and forget it; nobody is told."""
        self._bury()

    def fileno(self) -> int:
        """Return the descriptor that is readable when the program has ended."""
        return self.pidfd

    def read(self, _now: Instant) -> None:
        """Take in what it wrote, and keep the end of it."""
        try:
            some = os.read(self.output, _READ)
        except BlockingIOError:
            return
        except OSError:
            some = b""
        self.written += len(some)
        self.tail = (self.tail + some)[-_TAIL:]
        if not some or self.written > OUTPUT_MAX:
            self.loop.remove(self.output)

    def ended(self, now: Instant) -> None:
        """It has ended: end what it left, and tell."""
        self.read(now)
        status = self._bury()
        self.over(now, status, last_line(bytes(self.tail)))

    def _bury(self) -> int:
        self.loop.remove(self)
        self.loop.remove(self.output)
        self.kill()  # its id is its own until it is waited for
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.output)
        os.close(self.pidfd)
        return os.waitstatus_to_exitcode(status)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)


def start(loop: Loop, words: Sequence[str], who: Identity, run_dir: Path, over: Over, **more: str) -> Child:
    """Run a program; raises OSError when nothing can be forked. That it cannot be run is its exit status 127.

    `more` is added to its environment, which is else PATH, HOME, USER and LANG.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    parent = os.getpid()
    environment = {"PATH": PATH, "HOME": who.home, "USER": who.name, "LANG": "C.UTF-8", **more}
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid == 0:
        _become(tuple(words), who, {**environment, MARK: f"{os.getpid()} {run_dir}"}, writing, parent)
    os.close(writing)
    child = Child(loop, pid, os.pidfd_open(pid), reading, over)
    loop.add(child, child.ended)
    loop.add(reading, child.read)
    return child


def last_line(output: bytes) -> str:
    """Return the last line that says something, shortly, and without what a terminal would obey."""
    lines = output.decode(errors="replace").splitlines()
    last = next((" ".join(line.split()) for line in reversed(lines) if line.strip()), "")
    return "".join(one if one.isprintable() else "?" for one in last)[:TEXT_MAX]


def _become(words: Sequence[str], who: Identity, environment: dict[str, str], output: int, parent: int) -> NoReturn:
    """Be the program, in the child."""
    try:
        gc.disable()
        os.setsid()
        nothing = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.set_blocking(1, True)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
        os.umask(0o022)
        with suppress(OSError, ValueError):  # a sandbox may forbid it, and has a limit of its own then
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        usual_signals()
        if who.uid != os.geteuid():
            os.setgroups(who.groups)
            os.setresgid(who.gid, who.gid, who.gid)
            os.setresuid(who.uid, who.uid, who.uid)
        if who.uid != 0:
            capabilities.keep()
        die_with_parent(parent)  # last: a change of user takes it away
        os.execvpe(words[0], list(words), environment)
    except OSError as error:
        os.write(2, f"cannot run {words[0]}: {error.strerror or error}\n".encode(errors="replace"))
    finally:
        os._exit(_NOT_RUN)


def usual_signals() -> None:
    """Have every signal do what it does in a new program."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def end_leftovers(run_dir: Path) -> int:
    """Kill what the programs of a checker that was killed left running; return how many processes that were.

    Only what is still in the session that it was started in: what has made itself independent is left alone.
    """
    found = 0
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and _is_left(process, run_dir):
            with suppress(OSError):
                os.kill(int(process.name), signal.SIGKILL)
                found += 1
    return found


def _is_left(process: Path, run_dir: Path) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
        session = (process / "stat").read_text().rpartition(")")[2].split()[3]
    except OSError:
        return False
    return f"{MARK}={session} {run_dir}".encode() in environment
