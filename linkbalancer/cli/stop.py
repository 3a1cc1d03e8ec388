"""`linkbalancer stop`: ends the daemon in order, or leaves agent and applications at work for the next start.

Under systemd use `systemctl stop` and `restart`, which start what is to be started; this is what to do where there is
none, and what an ExecStop may be: it then asks systemd which of the two is meant.
"""

import fcntl
import os
import select
import signal
import subprocess
from argparse import ArgumentParser, Namespace
from pathlib import Path

from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.output import complain

PATIENCE_S = 14.0
"""How long the end is waited for; less than the unit's TimeoutStopSec."""

ASKING_S = 3.0
"""How long systemd is asked."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "pid", metavar="PID", nargs="?", help="the supervisor (default: $MAINPID, else who holds the run directory)"
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="end the supervisor alone: agent and applications work on for 30 s, until the next start takes over",
    )
    parser.add_argument(
        "--unit", default="linkbalancer.service", metavar="NAME", help="the unit, where systemd asks (%(default)s)"
    )
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Stop; 0: ended, or nobody there, 1: it did not end in time, 2: usage or missing rights."""
    asked_by_systemd = "MAINPID" in os.environ
    pid = args.pid or os.environ.get("MAINPID") or ("" if asked_by_systemd else holder(args.run_dir))
    if not pid:
        return 0  # it ended by itself; what it left at work waits for the next start
    if not pid.isdecimal() or int(pid) <= 1:
        complain(f"{pid!r} is no process of a daemon; leave it out to stop the one of {args.run_dir}")
        return 2
    restart = args.restart or (asked_by_systemd and is_restart(args.unit))
    try:
        descriptor = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return 0
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGUSR2 if restart else signal.SIGTERM)
        ended, _, _ = select.select([descriptor], [], [], PATIENCE_S)
    except ProcessLookupError:
        return 0
    except PermissionError:
        complain(f"process {pid} is not yours to stop; do it as root")
        return 2
    finally:
        os.close(descriptor)
    if not ended:
        complain(f"process {pid} has not ended within {PATIENCE_S:.0f} s; once more ends it at once")
        return 1
    return 0


def holder(run_dir: Path) -> str:
    """Return the process that holds a run directory, empty when nobody does."""
    try:
        with (run_dir / "lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip()
    except OSError as error:
        complain(f"cannot tell who holds {run_dir}: {error.strerror}")
        return ""
    complain(f"no daemon runs with {run_dir}")
    return ""


def is_restart(unit: str) -> bool:
    """Ask systemd whether a unit is being stopped to be started again; where it does not say, it is a stop."""
    command = ["systemctl", "list-jobs", "--plain", "--no-legend", "--no-pager", unit]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASKING_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return any(line.split()[1:3] == [unit, "restart"] for line in done.stdout.splitlines())
