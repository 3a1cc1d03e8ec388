"""`linkbalancer version`."""

from argparse import ArgumentParser, Namespace

from linkbalancer import __version__
from linkbalancer.cli.output import add_json_option, emit


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)


def run(args: Namespace) -> int:
    """Print the version."""
    emit(args, {"schema": 1, "version": __version__}, f"linkbalancer {__version__}")
    return 0
