"""`linkbalancer resume [WHAT|--all]`: what was drained serves again."""

from argparse import ArgumentParser, Namespace
from typing import Any

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.drain import called, listing
from linkbalancer.cli.output import add_json_option, complain, emit


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help="what was drained; may be left out where it is one thing"
    )
    parser.add_argument("--all", action="store_true", help="everything that is drained")
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Resume; 1: refused, 2: usage or missing rights."""
    what = " ".join(args.what)
    try:
        if not what and not args.all:
            drained = ask(args.run_dir, "status")["drained"]
            if len(drained) != 1:
                complain(f"say what, or --all; drained: {listing(drained)}" if drained else "nothing is drained")
                return 2 if drained else 0
            what = f"{drained[0]['kind']} {drained[0]['name']}"
        arguments = {"all": True} if args.all else {"what": what}
        answer = ask(args.run_dir, "resume", change=True, **arguments)
    except RefusedError as error:
        complain(str(error))
        return error.status
    names = [f"{called(one)} serves again; {_who_comes(one)} by election" for one in answer["resumed"]]
    emit(args, answer, "\n".join(names) or "nothing was drained")
    return 0


def _who_comes(entry: dict[str, Any]) -> str:
    return "it comes back" if entry["kind"] == "vid" else "its VIDs come back"
