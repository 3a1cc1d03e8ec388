"""`linkbalancer completion SHELL`: the completion of bash or zsh, written from what the commands take.

What only the running daemon knows (links, VIDs, applications) the shell asks by `linkbalancer completion links`;
without a daemon there is nothing to offer, and nothing is said.
"""

import importlib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import Any, Final

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import write

EXAMPLES = (
    ("completion bash > ~/.local/share/bash-completion/completions/linkbalancer", "complete in your own bash"),
    ("completion links", "the names of the running daemon's links, one a line"),
)

PATIENCE_S: Final = 0.5
"""How long somebody who pressed Tab waits for names."""

NAMES: Final[Mapping[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    "links": lambda status: list(status["links"]),
    "vids": lambda status: sorted(status["groups"], key=int),
    "applications": lambda status: list(status["applications"]),
    "node": lambda status: [str(status["node"])],
}
"""What the daemon's status says of each kind of name."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("what", choices=("bash", "zsh", *NAMES), help="a shell, or a kind of name")
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Print it; no daemon, no names, and no error: a shell's line is no place for one."""
    if args.what in NAMES:
        try:
            status = ask(args.run_dir, "status", patience_s=PATIENCE_S)
            write("".join(f"{name}\n" for name in NAMES[args.what](status)))
        except (RefusedError, KeyError):
            return 0
        return 0
    # Imported here: they import every command, and names are wanted at once.
    shells = importlib.import_module("linkbalancer.cli.shells")
    commands = importlib.import_module("linkbalancer.cli.outline").outlines()
    write(shells.bash(commands) if args.what == "bash" else shells.zsh(commands))
    return 0
