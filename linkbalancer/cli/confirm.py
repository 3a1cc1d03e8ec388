"""`linkbalancer confirm`: the configuration that was applied with --confirm stays in force."""

from argparse import ArgumentParser, Namespace

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.cli.whoever import by_whom


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Confirm; 0: it stays, 1: there is nothing to confirm, 2: no rights."""
    try:
        answer = ask(args.run_dir, "confirm", change=True, sudo_user=by_whom())
    except RefusedError as error:
        complain(str(error))
        return error.status
    emit(args, answer, f"configuration {answer['entry']} stays in force")
    return 0
