"""`linkbalancer watch`: links, VIDs, applications and events as they change, on one screen, until `q`."""

import importlib
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.output import complain

INTERVAL_S = 1.0


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_run_dir_option(parser)
    parser.add_argument(
        "--interval",
        type=_interval,
        default=INTERVAL_S,
        metavar="SECONDS",
        help=f"how often to ask the daemon, 0.2 to 60 (default: {INTERVAL_S:g})",
    )


def run(args: Namespace) -> int:
    """Watch; 0: ended by a key, 2: there is no terminal, or what draws on it is not installed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # textual draws on the last
        complain("watch needs a terminal; `linkbalancer status --json` answers programs")
        return 2
    try:
        view = importlib.import_module("linkbalancer.cli.watching.view")  # textual is needed here alone
    except ImportError as error:
        complain(f"watch needs textual ({error}); `linkbalancer status` shows the same once")
        return 2
    view.View(args.run_dir, args.interval).run()
    return 0


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.2 <= seconds <= 60:
        raise ArgumentTypeError(f"{text!r} is no interval; write a number of seconds from 0.2 to 60")
    return seconds
