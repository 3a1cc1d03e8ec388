"""`linkbalancer replay FILE`: what the gateway's agent heard and decided, once more, input by input."""

import gzip
import re
import shutil
import sys
import textwrap
import time
import zlib
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from linkbalancer import __version__
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.cli.replayed import clock, concerns, date, difference, step_document, step_lines
from linkbalancer.cli.screen import here
from linkbalancer.cli.status import draw
from linkbalancer.clock import MILLISECOND, SECOND, Instant, in_words
from linkbalancer.engine.flight.inputs import RecordingError
from linkbalancer.engine.flight.tape import Head, Tape
from linkbalancer.engine.health import assess
from linkbalancer.sim.replay import Replay, Step

EXAMPLES = (
    ("replay", "which recordings there are, and of what time"),
    ("replay 20261122T020412.118Z.jsonl.gz", "run one again: each decision, and whether it is the one of then"),
    ("replay FILE --link l1 --since 03:12 --until 03:12:30", "what was decided about a link in half a minute"),
    ("replay FILE --until 03:12:07.4 --state", "what the gateway's status was at an instant"),
)

FOLDER = Path("/var/lib/linkbalancer/flight")

LARGEST: Final = 2 << 30
"""Bytes of a recording, unpacked."""

_AFTER: Final = re.compile(r"\+([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|min|h)?", re.ASCII)
_CLOCK: Final = re.compile(
    r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2})[T ])?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(\.[0-9]{1,9})?", re.ASCII
)
_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "min": 60 * SECOND, "h": 3600 * SECOND}
_WIDTH: Final = 100


class When(Protocol):
    """An instant, once it is known when a recording begins."""

    def __call__(self, head: Head) -> Instant:
        """Return it."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    words = "03:12:07.5, '2026-11-22 03:12:07', or +90s after the beginning"
    parser.add_argument("--since", type=when, metavar="WHEN", help=f"show nothing before: {words}")
    parser.add_argument("--until", type=when, metavar="WHEN", help="stop there")
    parser.add_argument("--vid", type=int, metavar="VID", help="show only what is about this VID")
    parser.add_argument("--link", metavar="NAME", help="show only what is about this link")
    parser.add_argument("--all", action="store_true", help="show also what led to no news: adverts, answers, timers")
    parser.add_argument("--state", action="store_true", help="show the gateway's status where the replay ends")
    parser.add_argument(
        "--any-version", action="store_true", help="replay also what another version recorded; it may well differ"
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=FOLDER,
        metavar="FILE|DIR",
        help="a recording; of a directory, list what is in it (default: %(default)s)",
    )


def run(args: Namespace) -> int:
    """Replay; 0: the same decisions, 1: others, or the recording is damaged, 2: it cannot be told."""
    try:
        if args.file.is_dir():
            return _list(args)
        with args.file.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        tape = Tape(_lines(args.file, packed=packed))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        complain(f"{args.file}: it is damaged, or was not copied whole; copy it again")
        return 1
    except OSError as error:
        complain(unreadable(error, args.file))
        return 2
    except RecordingError as error:
        complain(f"{args.file}: {error}")
        return 1
    if tape.head.version != __version__ and not args.any_version:
        complain(
            f"{args.file} was recorded by linkbalancer {tape.head.version}, and this is {__version__}, which may decide"
            " otherwise: replay it with that version, or with --any-version to see where they differ"
        )
        return 2
    try:
        return _replay(args, tape)
    except RecordingError as error:
        complain(f"{args.file}: {error}")
        return 1


def when(text: str) -> When:
    """Read an instant: a time of day, with or without its date, or a time after the beginning."""
    after = _AFTER.fullmatch(text)
    if after is not None:
        span_ns = round(float(after[1]) * _UNITS[after[2] or "s"])
        return lambda head: head.at + span_ns
    found = _CLOCK.fullmatch(text)
    if found is None or (form := _form(found[1] or "2026-01-01", found[2])) is None:
        raise ArgumentTypeError(f"{text!r} is no time: write 03:12:07.5, '2026-11-22 03:12:07' or +90s")
    day, moment, fraction = found[1], found[2], round(float(f"0{found[3] or ''}") * SECOND)

    def resolved(head: Head) -> Instant:
        seconds = time.mktime(time.strptime(f"{day or date(head, head.at)} {moment}", form))
        instant = int(seconds) * SECOND + fraction - head.wall
        # A time of day is the first one that was so after the beginning.
        return instant + 86400 * SECOND if day is None and instant + SECOND < head.at else instant

    return resolved


def _form(day: str, moment: str) -> str | None:
    """Return the form of a day and a time of it, None where there is no such time."""
    form = f"%Y-%m-%d {'%H:%M:%S' if moment.count(':') == 2 else '%H:%M'}"
    try:
        time.strptime(f"{day} {moment}", form)
    except ValueError:
        return None
    return form


def _lines(path: Path, *, packed: bool) -> Iterator[bytes]:
    with gzip.open(path) if packed else path.open("rb") as file:
        size = 0
        for line in file:
            size += len(line)
            if size > LARGEST:
                raise RecordingError(f"it is larger than {LARGEST >> 30} GiB, as no recording is")
            yield line


def _replay(args: Namespace, tape: Tape) -> int:
    head, replay = tape.head, Replay(tape)
    since = head.at if args.since is None else args.since(head)
    until = None if args.until is None else args.until(head)
    steps: list[dict[str, Any]] = []
    shown = 0
    last: Step | None = None
    if not args.json:
        emit(args, None, _title(head))
    for step in replay.steps(until):
        last = step
        if step.now < since or not concerns(step, args.vid, args.link) or not (args.all or step.words()):
            continue
        shown += 1
        if args.json:
            steps.append(step_document(head, step))
        else:
            emit(args, None, "\n".join(_folded(step_lines(head, step))))
    end = head.at if last is None else last.now
    state = _state(replay, end if until is None else max(end, until)) if args.state else None
    differs = last is not None and bool(last.differs)
    if args.json:
        document = _document(tape, replay, last, end)
        emit(args, document | {"steps": steps} | ({"state": state} if args.state else {}), "")
        return 1 if differs else 0
    lines = [""] if shown else []
    if state is not None:
        lines += [
            f"The status at {clock(head, end if until is None else until)}:",
            "",
            draw(state, here(everything=True)),
            "",
        ]
    emit(args, None, "\n".join([*lines, *_folded(_verdict(tape, replay, last, end, shown=shown))]))
    return 1 if differs else 0


def _state(replay: Replay, now: Instant) -> dict[str, Any]:
    """Return the gateway's status as the agent knows it: without what other processes add."""
    status = replay.agent.status(now)
    health, findings = assess(status)
    return {**status, "health": health, "findings": findings}


def _title(head: Head) -> str:
    began = f"{date(head, head.at)} {clock(head, head.at)}"
    how = "the agent's start" if head.begins == "start" else "the midst of the agent's life"
    return f"{head.node}, recorded by linkbalancer {head.version} from {began} on, which was {how}"


def _document(tape: Tape, replay: Replay, last: Step | None, end: Instant) -> dict[str, Any]:
    head = tape.head
    diverged = None
    if last is not None and last.differs:
        diverged = step_document(head, last) | {"why": last.differs, "then": list(last.then())}
    return {
        "schema": 1,
        "node": head.node,
        "version": head.version,
        "begins": head.begins,
        "began": f"{date(head, head.at)} {clock(head, head.at)}",
        "lasts_ms": (end - head.at) // MILLISECOND,
        "inputs": replay.handled,
        "same": diverged is None,
        "diverged": diverged,
        "lost": replay.lost,
        "cut_bytes": tape.cut,
    }


def _verdict(tape: Tape, replay: Replay, last: Step | None, end: Instant, *, shown: int) -> list[str]:
    head, lines = tape.head, list[str]()
    many = f"{replay.handled:,} input{'s' if replay.handled != 1 else ''}"
    if last is not None and last.differs:
        lines.append(
            f"NOT THE SAME from input #{last.number} on, at {clock(head, last.now)}; {last.number - 1:,} before it are."
        )
        return lines + difference(last)
    if not shown:
        lines.append("Nothing to show: no input led to news that was asked for (--all shows every input).")
    lines.append(f"The same decisions: {many} in {in_words(end - head.at)}, to {clock(head, end)}.")
    if replay.lost:
        lines.append(
            f"At least {replay.lost:,} inputs were lost there (the recorder was too slow): the recording ends."
        )
    elif tape.cut:
        lines.append(
            f"The file's last line is not whole ({tape.cut} bytes): it was copied meanwhile, or its writer was killed."
        )
    return lines


def _folded(lines: Sequence[str]) -> list[str]:
    """Fold lines that are too long for a terminal below their own beginning."""
    if not sys.stdout.isatty():
        return list(lines)
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    return [
        piece
        for line in lines
        for piece in (textwrap.wrap(line, width, subsequent_indent=" " * 8, drop_whitespace=False) or [""])
    ]


# -- which there are ---------------------------------------------------------------------------------------------------


def _list(args: Namespace) -> int:
    """List a directory's recordings, oldest first."""
    found = [about for path in sorted(args.file.iterdir()) if (about := _about(path)) is not None]
    lines = [f"{one['began']}  {one['size'] / 2**20:6.1f} MiB  {one['begins']:5}  {one['file']}" for one in found]
    head = "began                        size  from   file"
    none = f"no recording in {args.file} (`flight_recording:` in the configuration says how many are kept)"
    emit(args, {"schema": 1, "recordings": found}, "\n".join([head, *lines]) if found else none)
    return 0


def _about(path: Path) -> dict[str, Any] | None:
    """Return what the list says of a file, None for one that is no recording, or cannot be read."""
    if path.name.startswith(".") or ".jsonl" not in path.name:
        return None
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        first = next(_lines(path, packed=packed), b"")
        head = Tape([first]).head
    except (EOFError, OSError, RecordingError, zlib.error):
        return None
    began = f"{date(head, head.at)} {clock(head, head.at)}"
    return {
        "file": str(path),
        "node": head.node,
        "version": head.version,
        "began": began,
        "begins": head.begins,
        "size": path.stat().st_size,
    }
