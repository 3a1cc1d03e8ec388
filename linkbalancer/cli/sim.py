"""`linkbalancer sim`: run the protocol in virtual time under random faults, judged at every step."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.links import OnProbeLoss
from linkbalancer.sim.draw import draw
from linkbalancer.sim.run import Verdict
from linkbalancer.sim.run import run as run_seed
from linkbalancer.sim.shape import LINKS_MAX, VIDS_MAX, Shape

TRACE_LINES = 80
"""How many of a failed run's last lines are shown."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    parser.add_argument("--seed", type=_within(0, 2**63), default=1, help="the first seed (default 1)")
    parser.add_argument("--seeds", type=_within(1, 10**9), default=100, metavar="COUNT", help="how many (default 100)")
    parser.add_argument("--links", type=_within(1, LINKS_MAX), default=2, help="links between the sides (default 2)")
    parser.add_argument("--vids", type=_within(1, VIDS_MAX), help="VRRP groups a side (default: one more than links)")
    parser.add_argument("--mode", type=OnProbeLoss, choices=tuple(OnProbeLoss), default=OnProbeLoss.DEMOTE)
    parser.add_argument("--trace", action="store_true", help="write every event of every run (long)")


def run(args: Namespace) -> int:
    """Run the seeds; return 1 if any judge objects."""
    shape = Shape(args.links, args.vids or args.links + 1, args.mode)
    verdicts = []
    for seed in range(args.seed, args.seed + args.seeds):
        verdict = run_seed(draw(seed, shape), keep_all=args.trace)
        verdicts.append(verdict)
        if args.trace:
            sys.stderr.write("\n".join((str(verdict.drawn), *verdict.trace.text(), "")))
        if verdict.objection is not None:
            complain(verdict.report(TRACE_LINES))
        _progress(len(verdicts), args.seeds)
    emit(args, _facts(shape, verdicts), _text(shape, verdicts))
    return 1 if any(verdict.objection is not None for verdict in verdicts) else 0


def _within(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")
        return int(text)

    return convert


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total} seeds" + ("\n" if done == total else ""))
        sys.stderr.flush()


def _facts(shape: Shape, verdicts: list[Verdict]) -> dict[str, Any]:
    settled = [verdict.settled_ms for verdict in verdicts if verdict.settled_ms is not None]
    return {
        "schema": 1,
        "links": shape.links,
        "vids": shape.vids,
        "mode": str(shape.mode),
        "seeds": len(verdicts),
        "events": sum(verdict.events for verdict in verdicts),
        "settled_ms_worst": max(settled, default=None),
        "objections": [
            {"seed": verdict.drawn.seed, "text": verdict.objection}
            for verdict in verdicts
            if verdict.objection is not None
        ],
    }


def _text(shape: Shape, verdicts: list[Verdict]) -> str:
    facts = _facts(shape, verdicts)
    failed = [str(objection["seed"]) for objection in facts["objections"]]
    worst = facts["settled_ms_worst"]
    network = f"{shape.links} links, {shape.vids} VIDs, on_probe_loss {shape.mode}"
    lines = [
        f"{network}: {facts['seeds']} seeds, {facts['events']} events",
        f"settled at the latest {worst:.0f} ms after the last change" if worst is not None else "nothing settled",
        "no judge objects" if not failed else f"judges object to {len(failed)} seeds: {', '.join(failed)}",
    ]
    return "\n".join(lines)
