"""`linkbalancer keepalived render [--write]`: what the Keepalived that runs groups of this gateway must be told."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from linkbalancer.cli.check import read
from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.cli.places import DEFAULT_CONFIG
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.keepalived.section import MODE
from linkbalancer.config.load import load
from linkbalancer.config.rendering import places, rendered

EXAMPLES = [
    ("keepalived render", "show what to include from keepalived.conf"),
    ("keepalived render --write", "write it where the configuration says, with the folder that it needs"),
    ("keepalived render --existing", "only what instances that are there already must refer to"),
]

_MODE: Final = 0o600


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    deeds = parser.add_subparsers(dest="deed", required=True, metavar="render")
    one = deeds.add_parser("render", help="show, or write, what to include from keepalived.conf")
    add_json_option(one)
    add_run_dir_option(one)
    one.add_argument("config", nargs="?", type=Path, default=DEFAULT_CONFIG, help="the gateway's linkbalancer.yaml")
    one.add_argument("--existing", action="store_true", help="leave out the instances: they are there already")
    one.add_argument("--write", action="store_true", help="write it, and make the folder of the track files")


def run(args: Namespace) -> int:
    """Render; 0: done, 1: there is nothing to render, or the configuration is refused, 2: a file cannot be used."""
    try:
        loaded = load(str(args.config.absolute()), read)
        text = rendered(loaded, str(args.run_dir.absolute()), whole=not args.existing)
        path = Path(loaded.beside(loaded.config.keepalived.config))
    except ConfigErrors as error:
        for finding in error.findings:
            complain(str(finding))
        return 1
    except OSError as error:
        complain(unreadable(error, args.config))
        return 2
    if text is None:
        complain(f"no group has mode: {MODE}; docs/keepalived.md says when one should")
        return 1
    changed = None
    if args.write:
        try:
            _, track_dir = places(loaded, str(args.run_dir))
            changed = written(path, text, Path(track_dir))
        except OSError as error:
            complain(f"cannot write {error.filename or path}: {error.strerror or error}")
            return 2
    emit(args, {"path": str(path), "text": text, "changed": changed}, _told(text, path, changed=changed))
    return 0


def written(path: Path, text: str, track_dir: Path) -> bool:
    """Write the text where it belongs, whole or not at all, and make the folder; whether it was news."""
    track_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        if path.read_text() == text:
            return False
    except FileNotFoundError:
        pass
    fresh = path.with_name(f"{path.name}.new")
    with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, _MODE)) as file:
        file.write(text)
    fresh.replace(path)
    return True


def _told(text: str, path: Path, *, changed: bool | None) -> str:
    if changed is None:
        return text
    if not changed:
        return f"{path} says so already"
    return f"written to {path}; include it from keepalived.conf, and reload Keepalived"
