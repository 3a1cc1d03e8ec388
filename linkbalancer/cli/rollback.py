"""`linkbalancer rollback [N]`: the configuration before this one, or number N, again, files included."""

import os
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkbalancer.cli import changing
from linkbalancer.cli.apply import told, wait
from linkbalancer.cli.changing import BadFilesError
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit, write
from linkbalancer.cli.whoever import by_whom
from linkbalancer.config.difference import difference
from linkbalancer.daemon.configurations import Configurations, NotKeptError
from linkbalancer.daemon.texts import read_text

KEPT = ".before-rollback"
"""What the name of a replaced file ends with from then on."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--files", action="store_true", help="put back the files of the configuration in force, and change nothing else"
    )
    which.add_argument("number", nargs="?", type=int, metavar="N", help="see `linkbalancer history config`")


def run(args: Namespace) -> int:
    """Roll back; 0: done, 1: refused (or the files could not be put back), 2: usage or missing rights."""
    try:
        answer = changing.in_force(args.run_dir)
        outcome: dict[str, Any] = answer
        if not args.files:
            target = _target(args, answer)
            if not _agreed(args, answer, target):
                complain("nothing has changed")
                return 1
            outcome = wait(args.run_dir, "rollback", entry=args.number, sudo_user=by_whom())
            answer = changing.in_force(args.run_dir)
    except RefusedError as error:
        for line in changing.refused(error):
            complain(line)
        return error.status
    replaced, fault = _put_back(answer)
    lines = [] if args.files else [told({**outcome, "lines": []})]
    lines += [f"put back: {path}" + (f" (the other one is {kept})" if kept else "") for path, kept in replaced.items()]
    if fault is not None:
        lines.append(f"the files differ from the configuration in force: {fault}")
    emit(
        args,
        {**_shown(outcome), "files": replaced, "files_differ": fault},
        "\n".join(lines or ["the files are in force"]),
    )
    return 0 if fault is None else 1


def _shown(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in outcome.items() if key not in {"texts", "keys"}}


def _target(args: Namespace, answer: Mapping[str, Any]) -> int | None:
    """Return the entry that comes into force."""
    if args.number is not None:
        return int(args.number)
    entries = ask(args.run_dir, "configurations")["entries"]
    return next((one["before"] for one in entries if one["number"] == answer["entry"]), None)


def _agreed(args: Namespace, answer: Mapping[str, Any], target: int | None) -> bool:
    """Show what changes, and ask; what cannot be shown is the daemon's to refuse."""
    if args.json or target is None:
        return True
    try:
        old, new = changing.files_of(answer), changing.files_of(changing.in_force(args.run_dir, target))
    except BadFilesError:
        return True
    found = difference(old.side, new.side, changing.present(args.run_dir))
    write(f"back to configuration {target}:\n{changing.drawn(found, same_texts=False)}\n")
    return bool(args.yes) or changing.agreed("Roll back?")


def _put_back(answer: Mapping[str, Any]) -> tuple[dict[str, str | None], str | None]:
    """Make the files those of the configuration in force; return what was replaced, and what stood in the way."""
    replaced: dict[str, str | None] = {}
    if not isinstance(answer["entry"], int):
        return replaced, "it could not be kept"
    try:
        found = Configurations(Path(answer["store"])).read(answer["entry"])
        for name, text in found.texts.items():
            if not _is(name, text):
                replaced[name] = _replace(Path(name).resolve(), text, secret=name not in found.public())
    except NotKeptError as error:
        return replaced, f"{error}; `linkbalancer rollback --files` as root puts them back"
    except OSError as error:
        return replaced, f"{error.filename}: {error.strerror}; `linkbalancer rollback --files` as root puts them back"
    return replaced, None


def _is(path: str, text: str) -> bool:
    try:
        return read_text(path) == text
    except (OSError, UnicodeDecodeError):
        return False


def _replace(path: Path, text: str, *, secret: bool) -> str | None:
    """Write a file anew, with the owner and mode that it had; return where the old one is. Raises OSError."""
    fresh, kept = path.with_name(f".{path.name}.new"), path.with_name(path.name + KEPT)
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if secret else 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if there:
                found = path.stat()
                os.fchown(descriptor, found.st_uid, found.st_gid)
                os.fchmod(descriptor, found.st_mode & 0o777)
            os.fsync(descriptor)
        if there:
            kept.unlink(missing_ok=True)
            try:
                os.link(path, kept)
            except OSError:  # a file system without links
                shutil.copy2(path, kept)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return str(kept) if there else None
