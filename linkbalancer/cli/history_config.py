"""`linkbalancer history config`: the configurations kept, newest first: when, who, how, their fate, what changed."""

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit

_WIDTH = 100
"""Characters of a difference that are shown."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """List; 1: no daemon answers, 2: it is not ours to ask."""
    try:
        answer = ask(args.run_dir, "configurations")
    except RefusedError as error:
        complain(str(error))
        return error.status
    emit(args, answer, table(answer))
    return 0


def table(answer: dict[str, Any]) -> str:
    """Return the list in columns; the one in force is marked."""
    rows = [("", "number", "when", "who", "how", "state", "what changed")]
    for one in answer["entries"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["at"]))
        mark = "*" if one["number"] == answer["in_force"] else ""
        state = one["state"] + (f" ({one['reason']})" if one["reason"] else "")
        summary = one["summary"] if len(one["summary"]) <= _WIDTH else one["summary"][: _WIDTH - 3] + "..."
        rows.append((mark, str(one["number"]), when, one["who"], one["how"], state, summary))
    if len(rows) == 1:
        return "no configuration is kept yet"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
