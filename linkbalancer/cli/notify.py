"""`linkbalancer notify`: who is told of what happens, and how that goes; `notify test NAME` tells one of a test.

The daemon's notifier does it, and says how it ended. `--direct CONFIG` does it here, by a configuration's file: before
it is applied, or without a daemon.
"""

import importlib
from argparse import SUPPRESS, ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.cli.places import gateway_file

PATIENCE_S = 110.0

EXAMPLES = (
    ("notify", "who is told, and how that goes"),
    ("notify test operators", "have the daemon tell them that this is a test"),
    ("notify test operators --direct /etc/linkbalancer", "try what is not applied yet"),
)


def configure(parser: ArgumentParser) -> None:
    """Add the command's options, and what follows it."""
    add_json_option(parser)
    add_run_dir_option(parser)
    more = parser.add_subparsers(dest="part", metavar="test NAME")
    test = more.add_parser("test", help="tell one receiver that this is a test, and say how that ended")
    test.add_argument("name", metavar="NAME", help="the notification's name")
    test.add_argument(
        "--direct",
        type=Path,
        metavar="CONFIG",
        help="do it here, as this user, by this linkbalancer.yaml or its directory; no daemon is asked",
    )
    test.add_argument("--json", action="store_true", default=SUPPRESS, help=SUPPRESS)
    test.add_argument("--run-dir", type=Path, default=SUPPRESS, help=SUPPRESS)


def run(args: Namespace) -> int:
    """Tell; 1: not told, or no daemon answers, 2: there is no such notification, or it is not ours to ask."""
    try:
        if args.part is None:
            known = ask(args.run_dir, "status").get("notifications", {})
            emit(args, {"notifications": known}, listing(known))
            return 0
        answer = _direct(args) if args.direct is not None else _asked(args)
    except RefusedError as error:
        complain(str(error))
        return error.status
    emit(args, answer, outcome(args.name, answer))
    return 0 if answer["good"] else 1


def listing(known: dict[str, Any]) -> str:
    """Return a line for each notification."""
    return "\n".join(map(_line, known.items())) or "nobody is told: there is no notification in the configuration"


def outcome(name: str, answer: dict[str, Any]) -> str:
    """Say how a test ended."""
    verb = "was told" if answer["good"] else "was not told"
    return f"{name} {verb}: {answer['text']} ({answer['took_ms']:.0f} ms)"


def _line(item: tuple[str, dict[str, Any]]) -> str:
    name, one = item
    counts = [f"{one['delivered']} delivered", *(f"{one[key]} {key}" for key in ("merged", "dropped") if one[key])]
    counts += [f"{one['given_up']} given up"] if one["given_up"] else []
    counts += [f"{one['waiting']} waiting"] if one["waiting"] else []
    last = one["last"]
    return f"{name} ({one['way']}): {', '.join(counts)}" + (f"; last: {last['text']}" if last else "")


def _asked(args: Namespace) -> dict[str, Any]:
    return ask(args.run_dir, "notify-test", change=True, patience_s=PATIENCE_S, name=args.name)


def _direct(args: Namespace) -> dict[str, Any]:
    """Tell by a configuration's file, in this process; raises RefusedError."""
    path = gateway_file(args.direct)
    module = importlib.import_module("linkbalancer.daemon.rehearsal")  # much to import, for this alone
    try:
        return dict(module.rehearse(str(path), args.name))
    except module.RefusedError as refused:
        raise RefusedError({"kind": "usage", "what": "; ".join(refused.args)}) from None
