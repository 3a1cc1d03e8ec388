"""`make fuzz`: every decoder under libFuzzer, the time shared alike; any exception is a failure, with its bytes."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.found import names
from tests.fuzz.session import Outcome, Session

_STEP_S = 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz; 0: nothing was raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=600, help="in total (default: 600)")
    parser.add_argument("--runs", type=int, help="so many executions of each decoder, in place of a time")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (default: 2)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="decoders to take, by name, commas between")
    parser.add_argument("--directory", type=Path, default=Path("build/fuzz"), help="for corpora and findings")
    args = parser.parse_args(argv)
    chosen = [name for name in names() if not args.only or name in args.only.split(",")]
    if not chosen:
        parser.error(f"there is no such decoder; there are {', '.join(names())}")
    share = max(1, args.seconds * min(args.jobs, len(chosen)) // len(chosen))
    amount = f"-max_total_time={share}" if args.runs is None else f"-runs={args.runs}"
    for name in chosen:
        shutil.rmtree(args.directory / name / "findings", ignore_errors=True)
    return _report(_fuzz(chosen, args.directory.resolve(), amount, args.jobs, args.seed))


def _fuzz(chosen: Sequence[str], directory: Path, amount: str, jobs: int, seed: int) -> list[Outcome]:
    """Keep so many children at work until every decoder has had its turn."""
    waiting, running, done = list(chosen), list[Session](), list[Outcome]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Session(waiting.pop(0), directory, amount, seed))
            for session in [one for one in running if not one.running()]:
                running.remove(session)
                done.append(session.outcome())
                sys.stdout.write(f"{done[-1]}\n")
                sys.stdout.flush()
            time.sleep(_STEP_S)
    finally:
        for session in running:
            session.stop()
    return done


def _report(done: Sequence[Outcome]) -> int:
    bad = [outcome.name for outcome in done if not outcome.good]
    executions = sum(outcome.executions for outcome in done)
    failed = f"{len(bad)} failed: {', '.join(bad)}" if bad else "nothing raised"
    sys.stdout.write(f"{len(done)} decoders, {executions} executions: {failed}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
