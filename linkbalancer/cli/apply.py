"""`linkbalancer apply [--confirm 5m]`: check the files, show what changes, put them in force, on trial if asked."""

import sys
import threading
import time
import uuid
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from linkbalancer.cli import changing
from linkbalancer.cli.changing import BadFilesError
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit, write
from linkbalancer.cli.plan import texts_same
from linkbalancer.cli.whoever import by_whom
from linkbalancer.clock import MILLISECOND, in_words
from linkbalancer.config.difference import difference
from linkbalancer.daemon.trial import LONGEST_S, SHORTEST_S

FOLLOWED_S = 30.0
"""How long a change is followed whose answer was cut off."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument(
        "--confirm",
        type=_confirm,
        metavar="TIME",
        help="revert after TIME (30s, 5m, 1h) unless `linkbalancer confirm` comes; at once when a link is lost",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--again", action="store_true", help="also a configuration that was taken back before")


def run(args: Namespace) -> int:
    """Apply; 0: in force, 1: refused, 2: usage or missing rights."""
    try:
        answer = changing.in_force(args.run_dir)
        goes_on = _shown(args, answer)
        if goes_on is not None:
            return goes_on
        outcome = wait(args.run_dir, "apply", confirm_s=args.confirm, again=args.again, sudo_user=by_whom())
    except RefusedError as error:
        for line in changing.refused(error):
            complain(line)
        return error.status
    emit(args, outcome, told(outcome))
    return 0


def _confirm(text: str) -> int:
    try:
        found = changing.seconds(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time: write such as 30s, 5m or 1h") from None
    if not SHORTEST_S <= found <= LONGEST_S:
        raise ArgumentTypeError(f"{text} is out of range: use {SHORTEST_S}s to {LONGEST_S // 3600}h")
    return found


def _shown(args: Namespace, answer: dict[str, Any]) -> int | None:
    """Check the files and show what changes; return the exit status where that is all."""
    try:
        old, new = changing.files_of(answer), changing.files_at(Path(answer["path"]))
    except BadFilesError as error:
        complain("this configuration is refused, and nothing has changed:")
        for line in error.lines:
            complain(line)
        return 1
    except OSError as error:
        complain(f"no plan: {error.filename} cannot be read here: {error.strerror}; the daemon judges it")
        return None
    same = texts_same(old, new)
    found = difference(old.side, new.side, changing.present(args.run_dir))
    if not args.json:
        write(changing.drawn(found, same_texts=same) + "\n")
        for line in new.warnings:
            complain(f"warning: {line}")
    if not args.yes and not args.json and not same and not changing.agreed("Apply this?"):
        complain("nothing has changed")
        return 1
    return None


def wait(run_dir: Path, verb: str, **arguments: object) -> dict[str, Any]:
    """Ask for a change and wait for its end, even when the process that was asked dies; raises RefusedError."""
    name = uuid.uuid4().hex
    with _progress():
        try:
            return ask(run_dir, verb, change=True, patience_s=changing.ANSWER_S, id=name, **arguments)
        except RefusedError as error:
            if error.kind != "unavailable":
                raise
            found = _follow(run_dir, name)
            if found is None:
                raise
    if "refused" in found:
        raise RefusedError(found["refused"])
    return found


def _follow(run_dir: Path, name: str) -> dict[str, Any] | None:
    """Find out what became of a change whose answer was cut off, None where that cannot be known.

    A new api process is told the outcome by the supervisor; after a death of everybody only the entry tells.
    """
    end = time.monotonic() + FOLLOWED_S
    while time.monotonic() < end:
        time.sleep(0.2)
        with suppress(RefusedError):
            outcome = ask(run_dir, "outcome", id=name)["outcome"]
            entries = ask(run_dir, "configurations")["entries"]
            entry = next((one for one in entries if one["id"] == name), {"state": "applying"})
            if outcome is None and entry["state"] == "applying":
                continue
            if (outcome or {}).get("result") in {"refused", "failed"} or entry["state"] == "failed":
                lines = (outcome or {}).get("lines") or [entry.get("reason")]
                return {"refused": {"kind": "refused", "what": lines[0], "lines": lines}}
            return {"result": "applied", "took_ms": (outcome or {}).get("took_ms"), **changing.in_force(run_dir)}
    return None


@contextmanager
def _progress() -> Iterator[None]:
    """Show at a terminal that time passes."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def tick() -> None:
        began = time.monotonic()
        while not done.wait(0.5):
            sys.stderr.write(f"\rtaking over ... {time.monotonic() - began:.0f} s ")
            sys.stderr.flush()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sys.stderr.write("\r\033[K")


def told(outcome: dict[str, Any]) -> str:
    """Say how a change ended, and until when it must be confirmed."""
    took = outcome.get("took_ms")
    time_taken = "" if took is None else f" (in {in_words(int(took) * MILLISECOND)})"
    number = outcome.get("entry")
    which = "it" if number is None else f"configuration {number}"
    if outcome.get("result") == "unchanged":
        lines = [f"nothing had to change: {which} is in force{time_taken}"]
    else:
        lines = [f"{which} is in force{time_taken}"]
    until = outcome.get("confirm_until_ms")
    if until is not None:
        clock = time.strftime("%H:%M:%S", time.localtime(until / 1000))
        left = in_words(outcome["confirm_left_ms"] * MILLISECOND)
        lines.append(f"it reverts at {clock} (in {left}) unless `linkbalancer confirm` comes before")
    return "\n".join([*lines, *map(str, outcome.get("lines") or ())])
