"""`linkbalancer upgrade`: the installed program takes the running daemon's place, and no packet notices.

The supervisor tries the new program in a child first, with the configuration in force; if that fails nothing happens.
"""

from argparse import ArgumentParser, Namespace

from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.outcome import progress, show
from linkbalancer.cli.output import add_json_option


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Upgrade; 0: the new program is at work, 1: refused or failed, and everything is as it was, 2: no rights."""
    progress("the new program is tried with the configuration in force")
    return show(args, "upgrade")
