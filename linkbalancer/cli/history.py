"""`linkbalancer history`: what happened, a line for each thing that began something, with what came of it.

`history show ID` tells one of them step by step; `history config` lists the configurations that were in force.
"""

import importlib
import importlib.util
import re
import shutil
import sys
import time
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit, finish, write
from linkbalancer.clock import MICROSECOND, in_words

CONFIGURATIONS = "linkbalancer.cli.history_config"
POLL_S = 0.3
"""How often `--follow` asks."""

QUIET_MS = 1500
LONG_MS = 10_000
"""`--follow` tells a chain once nothing was added for this long, or it has gone on for that long."""

_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
_CLOCKS: Final = ("%H:%M:%S", "%H:%M")

_RED, _GREEN, _YELLOW, _DIM, _PLAIN = "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[0m"
_COLOURS: Final = {
    "link-closed": _RED,
    "alarm": _RED,
    "process": _RED,
    "lost": _RED,
    "device": _YELLOW,
    "stranger": _YELLOW,
    "put-back": _YELLOW,
    "link-opened": _GREEN,
}


def configure(parser: ArgumentParser) -> None:
    """Add the command's options, and what follows it."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument(
        "--since", type=instant, metavar="WHEN", help="not before: 1h, 30min, 2d, 03:00, '2026-11-21 03:00'"
    )
    parser.add_argument("--until", type=instant, metavar="WHEN", help="not after")
    parser.add_argument("--app", metavar="NAME", help="only what touched this application")
    parser.add_argument("--vid", type=int, metavar="VID", help="only what touched this VID")
    parser.add_argument("--link", metavar="NAME", help="only what touched this link")
    parser.add_argument(
        "--kind", metavar="KIND", help="only with a record of this kind, such as link-closed or process"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="the newest N (default 100, at most 1000)")
    parser.add_argument("--before", type=int, metavar="ID", help="older than this one: the page before")
    parser.add_argument("--follow", action="store_true", help="go on and tell what happens, until Ctrl-C")
    more = parser.add_subparsers(dest="part", metavar="show ID | config")
    show = more.add_parser("show", help="tell one of them step by step")
    show.add_argument("id", type=_number, metavar="ID", help="its number in the list, or that of one of its steps")
    show.add_argument("--json", action="store_true", default=SUPPRESS, help=SUPPRESS)
    show.add_argument("--run-dir", type=Path, default=SUPPRESS, help=SUPPRESS)
    if importlib.util.find_spec(CONFIGURATIONS) is not None:
        module = importlib.import_module(CONFIGURATIONS)
        module.configure(more.add_parser("config", help="the configurations that were in force"))


def run(args: Namespace) -> int:
    """Tell; 1: no daemon answers or there is no such record, 2: usage, or it is not ours to ask."""
    if args.part == "config":
        return int(importlib.import_module(CONFIGURATIONS).run(args))
    try:
        if args.part == "show":
            story = ask(args.run_dir, "history-show", id=args.id)
            emit(args, story, tell(story, colour=sys.stdout.isatty()))
        elif args.follow:
            return _follow(args)
        else:
            answer = ask(args.run_dir, "history", **_filters(args))
            emit(args, answer, listing(answer, colour=sys.stdout.isatty()))
    except RefusedError as error:
        complain(str(error))
        return error.status
    return 0


def listing(answer: dict[str, Any], *, colour: bool = False) -> str:
    """Return the list, newest last."""
    lines = [line(chain, colour=colour) for chain in answer["chains"]]
    if not lines:
        return "nothing happened (that fits and is remembered)"
    if answer["more"]:
        oldest = answer["chains"][0]["id"]
        lines.insert(0, f"(there is more: --before {oldest}, or --limit)")
    return "\n".join(lines)


def line(chain: dict[str, Any], *, colour: bool = False) -> str:
    """Return one chain's line: when, its id, what began it, what came of it, how long that took."""
    stamp = f"{_when(chain['at_us'])}  {chain['id']:>5}  "
    text = str(chain["headline"])
    came = "; ".join(chain["consequences"])
    if came:
        came = f"-> {came}; {_over(chain['took_ms'])}"
    elif chain["records"] > 1:
        came = f"-> {chain['records'] - 1} more steps; {_over(chain['took_ms'])}"
    if not colour:
        return f"{stamp}{text} {came}".rstrip()
    # On a terminal what came of it stands below what began it, unless both fit in one line.
    width = shutil.get_terminal_size().columns
    joint = " " if len(f"{stamp}{text} {came}") <= width else "\n" + " " * len(stamp)
    painted = f"{_COLOURS.get(chain['kind'], '')}{text}{_PLAIN}"
    return f"{_DIM}{stamp}{_PLAIN}{painted}" + (f"{joint}{came}" if came else "")


def tell(story: dict[str, Any], *, colour: bool = False) -> str:
    """Return one chain step by step: each below what it follows from, with its time since the beginning."""
    steps = story["steps"]
    depths: dict[int, int] = {}
    lines = [f"{story['id']}: {story['headline']}", f"began {_date(story['at_us'])} {_clock(story['at_us'])}", ""]
    for step in _in_order(steps):
        depth = depths[step["id"]] = 0 if step["cause"] is None else depths.get(step["cause"], 0) + 1
        figures = f" ({step['measured']})" if step["measured"] else ""
        after = f"+{_span(step['after_ms'])}" if step["after_ms"] else "at once" if depth else "0 ms"
        mark = f"{'  ' * (depth - 1)}-> " if depth else ""
        paint, plain = (_COLOURS.get(step["kind"], ""), _PLAIN) if colour else ("", "")
        lines.append(f"{after:>11}  {mark}{paint}{step['sentence']}{plain}{figures}")
    if story["records"] > len(steps):
        lines.append(f"{'':11}  ... and {story['records'] - len(steps)} more")
    summary = "; ".join(story["consequences"])
    lines += ["", f"{summary or 'nothing else came of it'}; {_over(story['took_ms'])}"]
    return "\n".join(lines)


def instant(text: str, now_s: float | None = None) -> float:
    """Read `1h` (ago), `03:00` (the last time that it was so), `2026-11-21 03:00`; return seconds since 1970."""
    now = time.clock_gettime(time.CLOCK_REALTIME) if now_s is None else now_s
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(s|min|m|h|d|w)", text)
    if match is not None:
        return now - float(match[1]) * _UNITS[match[2]]
    today = time.strftime("%Y-%m-%d", time.localtime(now))
    for form in _FORMS:
        if (seconds := _parsed(text, form)) is not None:
            return seconds
    for form in _CLOCKS:
        if (seconds := _parsed(f"{today} {text}", f"%Y-%m-%d {form}")) is not None:
            return seconds if seconds <= now else seconds - 86400
    raise ArgumentTypeError(f"{text!r} is no time: write 1h, 30min, 2d, 03:00 or '2026-11-21 03:00'")


def _parsed(text: str, form: str) -> float | None:
    try:
        return time.mktime(time.strptime(text, form))
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int:
    """Read an id, with or without `#`."""
    if not re.fullmatch("#?[0-9]{1,15}", text, re.ASCII):
        raise ArgumentTypeError(f"{text!r} is no id: take one from `linkbalancer history`")
    return int(text.removeprefix("#"))


def _filters(args: Namespace) -> dict[str, Any]:
    names = ("since", "until", "app", "vid", "link", "kind", "limit", "before")
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _follow(args: Namespace, pause: Callable[[float], None] = time.sleep) -> int:
    """Tell the last things, and then each new one once it is over."""
    colour = sys.stdout.isatty()
    filters = {"limit": 10, **_filters(args)}
    told = 0
    while True:
        chains = ask(args.run_dir, "history", **filters)["chains"]
        for chain in chains:
            if chain["quiet_ms"] < QUIET_MS and chain["took_ms"] < LONG_MS:
                break  # the next ones wait with it, so that the order stays
            told = chain["id"]
            emit(args, chain, line(chain, colour=colour)) if args.json else write(line(chain, colour=colour) + "\n")
        finish()
        filters = {**_filters(args), "after": told} if told else filters
        pause(POLL_S)


def _in_order(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return steps so that each stands below what it follows from, before what came later of something else."""
    children: dict[int | None, list[dict[str, Any]]] = {}
    known = {step["id"] for step in steps}
    for step in steps:
        children.setdefault(step["cause"] if step["cause"] in known else None, []).append(step)
    ordered: list[dict[str, Any]] = []
    waiting = children.get(None, [])[::-1]
    while waiting:
        step = waiting.pop()
        ordered.append(step)
        waiting += children.get(step["id"], [])[::-1]
    return ordered


def _when(microseconds: int) -> str:
    """Return the local time of day; with the date where that is not today's."""
    today = _date(time.clock_gettime_ns(time.CLOCK_REALTIME) // 1000)
    return _clock(microseconds) if _date(microseconds) == today else f"{_date(microseconds)} {_clock(microseconds)}"


def _clock(microseconds: int) -> str:
    local = time.localtime(microseconds // 1_000_000)
    return time.strftime("%H:%M:%S", local) + f".{microseconds // 1000 % 1000:03}"


def _date(microseconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(microseconds // 1_000_000))


def _over(milliseconds: float) -> str:
    return f"all over after {_span(milliseconds)}" if milliseconds else "all over at once"


def _span(milliseconds: float) -> str:
    return in_words(int(milliseconds * 1000) * MICROSECOND)
