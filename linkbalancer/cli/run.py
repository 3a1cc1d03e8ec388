"""`linkbalancer run CONFIG`: the gateway's daemon, in the foreground, as systemd starts it.

This process becomes the supervisor, so it imports nothing that the supervisor must not carry: what the children need is
imported by the zygote.
"""

import contextlib
import fcntl
import functools
import os
import resource
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from linkbalancer.cli.output import complain
from linkbalancer.daemon.handover import receive, texts_to_try
from linkbalancer.daemon.line import Stream
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.notify import Notifier
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.sayings import Sayings
from linkbalancer.daemon.supervisor import Supervisor
from linkbalancer.daemon.zygote import Brood, Order, RefusedError

RUN_DIRECTORY = Path("/run/linkbalancer")
STATE_DIRECTORY = Path("/var/lib/linkbalancer")

RIGHTS = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}
"""The capabilities needed, and their bits (capabilities(7))."""

LOCK = "lock"

PATIENCE_S = 2.0
"""How long a predecessor may take to end."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("config", metavar="CONFIG", help="the gateway's linkbalancer.yaml")
    parser.add_argument(
        "--run-dir",
        type=Path,
        default=RUN_DIRECTORY,
        metavar="DIR",
        help="sockets and the snapshot, on a tmpfs (default: %(default)s)",
    )
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=STATE_DIRECTORY,
        metavar="DIR",
        help="what is kept over reboots (default: %(default)s)",
    )


def run(args: Namespace) -> int:
    """Run the daemon; 0: ended as asked, 1: the configuration is refused, 2: no rights, or one runs already."""
    tried = texts_to_try()
    if tried is not None:
        return _try(args, tried)
    inherited = receive()
    missing = missing_rights()
    if missing:
        complain(f"run needs {' and '.join(missing)}: start it as root, or by systemd")
        return 2
    try:
        for directory in (args.run_dir, args.state_dir):
            directory.mkdir(parents=True, exist_ok=True)
        lock = lock_directory(args.run_dir) if inherited is None or inherited.lock < 0 else inherited.lock
    except OSError as error:
        complain(f"cannot use {error.filename or args.run_dir}: {error.strerror}")
        return 2
    if lock is None:
        complain(f"another linkbalancer runs with {args.run_dir}; give this one a --run-dir of its own")
        return 2
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # memory holds the links' keys
    birth = functools.partial(_birth, args.config, args.run_dir, args.state_dir)
    recording = Recording(args.run_dir, "supervisor", boottime())
    say = Sayings(Stream(), recording).say
    return Supervisor(birth, say, notifier=Notifier(), lock=lock, inherited=inherited, recording=recording).run()


def missing_rights(status: str | None = None) -> list[str]:
    """Return the capabilities that this process lacks (or one with this /proc/PID/status)."""
    text = Path("/proc/self/status").read_text() if status is None else status
    effective = next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapEff:"))
    return [name for name, bit in RIGHTS.items() if not effective >> bit & 1]


def lock_directory(directory: Path, patience_s: float = PATIENCE_S) -> int | None:
    """Take the run directory for this daemon; return the lock's descriptor, None when another daemon has it.

    The supervisor alone keeps it, and its process id is in it: agent and applications may outlive it, and those of the
    next one take over from them.
    """
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(0.02)
        else:
            with contextlib.suppress(OSError):  # full: only `stop` would like to know
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _birth(config: str, run_dir: Path, state_dir: Path, order: Order) -> Brood:
    from linkbalancer.daemon.birth import Directories, birth  # noqa: PLC0415 - in the zygote alone

    return birth(config, Directories(run_dir, state_dir), order)


def _try(args: Namespace, texts: bytes) -> int:
    """Say whether this program could take over: it can be imported whole, and takes the texts in force."""
    try:
        _birth(args.config, args.run_dir, args.state_dir, Order(texts))
    except RefusedError as refused:
        for line in refused.args:
            complain(line)
        return 1
    return 0
