"""`linkbalancer reload`: the daemon reads its configuration again, replaces whom an edit concerns, says how it ended.

It is what `systemctl reload` runs. Where the api does not answer, the supervisor ($MAINPID) is asked by a signal.
"""

import os
import signal
from argparse import ArgumentParser, Namespace

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.outcome import show
from linkbalancer.cli.output import add_json_option, complain


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Reload; 0: applied, or nothing to do, 1: refused or failed, and everything is as it was, 2: no rights."""
    supervisor = os.environ.get("MAINPID", "")
    try:
        ask(args.run_dir, "outcome")
    except RefusedError as error:
        if error.kind != "unavailable" or not supervisor.isdecimal():
            complain(str(error))
            return error.status
        complain(f"{error}; asked by SIGHUP: its outcome is in the log")
        os.kill(int(supervisor), signal.SIGHUP)
        return 0
    return show(args, "reload")
