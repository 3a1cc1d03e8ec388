"""`linkbalancer plan [DIR|FILE]`: what `apply` would change, for applications, VIDs, links, and their flows."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from linkbalancer.cli import changing
from linkbalancer.cli.changing import BadFilesError, Files
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.footprint import kernel_changes
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.config.difference import Present, difference


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="also in the kernel: marks, tables, elements, chains"
    )
    parser.add_argument(
        "--from",
        dest="old",
        type=Path,
        metavar="OLD",
        help="compare with this directory or file, and ask no daemon",
    )
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="DIR|FILE",
        help="the new configuration (default: the files of the running daemon)",
    )


def run(args: Namespace) -> int:
    """Show the plan; 0: it can be applied, also when nothing changes; 1: it would be refused; 2: nothing to compare."""
    if args.old is not None and args.path is None:
        complain("name the new configuration too: plan --from OLD NEW")
        return 2
    try:
        notes: list[str] = []
        if args.old is not None:
            old, now, ids = changing.files_at(args.old), None, {}
        else:
            answer = changing.in_force(args.run_dir)
            notes = answer["lines"]
            old, now, ids = changing.files_of(answer), changing.present(args.run_dir), _ids(args.run_dir)
            args.path = args.path or Path(answer["path"])
        new = changing.files_at(args.path)
    except RefusedError as error:
        complain(f"{error}; to compare two directories: linkbalancer plan --from OLD NEW")
        return error.status
    except BadFilesError as error:
        complain("this configuration is refused:")
        for line in error.lines:
            complain(line)
        return 1
    except OSError as error:
        complain(unreadable(error, args.path or args.old))
        return 2
    _tell(args, (old, new), now, ids, notes)
    return 0


def _ids(run_dir: Path) -> dict[str, int]:
    try:
        return {name: one["id"] for name, one in ask(run_dir, "status")["applications"].items() if one["id"]}
    except RefusedError:
        return {}


def _tell(
    args: Namespace, sides: tuple[Files, Files], now: Present | None, ids: dict[str, int], notes: list[str]
) -> None:
    old, new = sides
    same = texts_same(old, new)
    found = difference(old.side, new.side, now)
    data = {**changing.as_json(found, same_texts=same), "warnings": list(new.warnings), "in_force": notes}
    lines = [changing.drawn(found, same_texts=same), *(f"warning: {line}" for line in new.warnings)]
    lines += [f"note: {line}" for line in notes]
    if args.verbose:
        places = {} if now is None else now.places
        data["kernel"] = kernel_changes(old.side.loaded, new.side.loaded, ids, places)
        lines += ["", "in the kernel:", *(f"  {line}" for line in data["kernel"] or ["nothing changes"])]
    emit(args, data, "\n".join(lines))


def texts_same(old: Files, new: Files) -> bool:
    """Return whether both have the same texts and, as far as can be seen, the same keys."""
    one, other = old.side, new.side
    keys = all(one.keys[name] == other.keys[name] for name in one.keys.keys() & other.keys.keys())
    rules = one.rules_text == other.rules_text
    return keys and rules and old.texts.get(one.loaded.path) == new.texts.get(other.loaded.path)
