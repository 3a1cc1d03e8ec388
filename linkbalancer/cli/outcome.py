"""Having the daemon change as a whole (reload, upgrade), and waiting for how that ends.

The api itself may be replaced by what is asked of it, so that the connection is lost: the outcome is then asked for by
the request's id, until somebody knows it.
"""

import sys
import time
import uuid
from argparse import Namespace
from pathlib import Path
from typing import Any

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.output import complain, emit
from linkbalancer.clock import MILLISECOND, in_words

PATIENCE_S = 150.0
"""How long an outcome is waited for: reading, and then taking over, may take a minute each."""

AGAIN_S = 0.05
"""How soon it is asked for again."""


def carry_out(run_dir: Path, verb: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Ask for a change; return its outcome (id, result, lines, notice, took_ms).

    Raises:
        RefusedError: the daemon refuses, does not run, or does not say how it ended.
    """
    asked = uuid.uuid4().hex
    end = time.monotonic() + patience_s
    ask(run_dir, "outcome", id=asked)  # a daemon that does not answer at all is told at once
    try:
        return ask(run_dir, verb, change=True, patience_s=patience_s, id=asked)
    except RefusedError as error:
        if error.kind != "unavailable":
            raise
    progress("the daemon's processes are being replaced")
    while time.monotonic() < end:
        time.sleep(AGAIN_S)
        try:
            outcome = ask(run_dir, "outcome", id=asked)["outcome"]
        except RefusedError:
            continue
        if outcome is not None:
            return dict(outcome)
    what = f"no outcome of the {verb} within {patience_s:.0f} s"
    raise RefusedError({"kind": "unavailable", "what": what, "remedy": "look at `linkbalancer status` and the log"})


def show(args: Namespace, verb: str) -> int:
    """Carry a change out and tell how it ended; return the exit status."""
    try:
        outcome = carry_out(args.run_dir, verb)
    except RefusedError as error:
        complain(str(error))
        return error.status
    took = in_words(outcome["took_ms"] * MILLISECOND)
    good = outcome["result"] in {"applied", "unchanged"}
    headline = f"{verb} {outcome['result']}" + (f" in {took}" if good else "")
    text = "\n".join((headline, *(f"  {line}" for line in outcome["lines"])))
    if good or args.json:
        emit(args, outcome, text)
    else:
        complain(text)
    return 0 if good else 1


def progress(text: str) -> None:
    """Tell a person at a terminal what is going on."""
    if sys.stderr.isatty():
        complain(text)
