"""`linkbalancer history config`: hands over to the listing that is asked for."""

from argparse import ArgumentParser, Namespace

from linkbalancer.cli import history_config


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("what", choices=["config"], help="config: the configurations that were in force")
    history_config.configure(parser)


def run(args: Namespace) -> int:
    """List."""
    return history_config.run(args)
