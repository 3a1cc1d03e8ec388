"""`linkbalancer drain LINK|VID|NODE`: planned maintenance, moved by VRRP before anybody pulls a plug."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit, write

PATIENCE_S = 150.0

_WORDS = {"vid": "VID", "node": "gateway"}
"""The api gives a drain as long as two advertisement intervals and a second; it answers before this in any case."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help="a link's name, a VID (`1` or `vid 1`), or this gateway; none: list"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for everybody who looks at the status")
    parser.add_argument("--force", action="store_true", help="also where no other gateway takes over")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Drain, or list what is drained; 1: refused, 2: usage or missing rights."""
    what = " ".join(args.what)
    try:
        if not what:
            drained = ask(args.run_dir, "status")["drained"]
            emit(args, {"drained": drained}, listing(drained))
            return 0
        seen = ask(args.run_dir, "drain", change=True, what=what, preview=True)
        if not args.json:
            write("".join(f"{line}\n" for line in seen["lines"]))
        if seen["alone"] and not args.force:
            complain("nobody else would take it: nothing was done; mend the other gateway first, or say --force")
            return 1
        if not (args.yes or args.json) and not agreed(f"drain {called(seen)}?"):
            complain("nothing was done")
            return 1
        drained = ask(
            args.run_dir,
            "drain",
            change=True,
            patience_s=PATIENCE_S,
            what=f"{seen['kind']} {seen['name']}",
            reason=args.reason,
            force=args.force,
        )
    except RefusedError as error:
        complain(str(error))
        return error.status
    emit(args, drained, outcome(drained))
    return 0


def agreed(question: str) -> bool:
    """Ask on a terminal; where there is none, whoever gave the command has agreed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def listing(drained: list[dict[str, Any]]) -> str:
    """Return what is drained, a line each."""
    return "\n".join(map(entry_in_words, drained)) or "nothing is drained"


def entry_in_words(entry: dict[str, Any]) -> str:
    """Say what is drained, by whom, since when and why."""
    gone = "" if entry["known"] else " (this gateway has no such thing now)"
    return f"{called(entry)}{gone}: by {entry['who']} since {entry['at']}{because(entry)}"


def called(entry: dict[str, Any]) -> str:
    """Return what people call what an entry names, as `status` does: link l1, VID 3, gateway b1."""
    return f"{_WORDS.get(entry['kind'], entry['kind'])} {entry['name']}"


def because(entry: dict[str, Any]) -> str:
    """Return an entry's reason, if it has one."""
    return f": {entry['reason']}" if entry.get("reason") else ""


def outcome(answer: dict[str, Any]) -> str:
    """Say what has moved, and what has not."""
    entry = answer["drained"]
    moved = [f"VID {one['vid']} is on {one['to']} now" for one in answer["moved"]]
    moved += [f"VID {vid}: no other gateway has taken it" for vid in answer["unserved"]]
    moved += [f"VID {vid}: the far end of this link still has it" for vid in answer["following"]]
    seconds = answer["took_ms"] / 1000
    return "\n".join([*moved, f"{called(entry)} is drained, after {seconds:.2f} s"])
