"""Where a gateway's files are when a command is told nothing else, and which file a word on the command line means."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

GATEWAY_FILE: Final = "linkbalancer.yaml"
DEFAULT_CONFIG: Final = Path("/etc/linkbalancer") / GATEWAY_FILE
RULE_FILES: Final = ".conf"
"""How the name of a rule file ends."""


def add_config_argument(parser: ArgumentParser) -> None:
    """Give a command its CONFIG."""
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="CONFIG",
        help=f"a gateway's {GATEWAY_FILE}, or its directory (default: {DEFAULT_CONFIG})",
    )


def gateway_file(path: Path) -> Path:
    """Return the configuration that a path means: a directory means the one in it."""
    return path / GATEWAY_FILE if path.is_dir() else path
