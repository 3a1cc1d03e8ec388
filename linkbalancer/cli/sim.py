"""`linkbalancer sim`: run the protocol in virtual time under random faults, judged at every step."""

import gc
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.links import OnProbeLoss
from linkbalancer.lvrrp import link
from linkbalancer.lvrrp.settings import ProbeFunction
from linkbalancer.sim.draw import KINDS, Draw, draw
from linkbalancer.sim.figures import figures
from linkbalancer.sim.histories import History, Scheme, bare, prepare, tell
from linkbalancer.sim.shape import LINKS_MAX, VIDS_MAX, Shape

TRACE_LINES = 80
"""How many of a failed run's last lines are shown."""
REPORTS_MAX = 3
"""How many failed runs are told at length; of the others the seed is enough."""
SEEDS_SHOWN = 20
BARE_SHARE = 20
"""One in so many histories runs once more without judges, to measure what these cost."""
CHUNK_MAX = 20
"""How many histories a process takes at a time."""
GARBAGE = 500_000
"""After so many new objects Python looks for garbage, and not after 700: a history leaves hardly any before its end."""
INTERVALS = {"random": (100, 200), "fixed": (150, 150), "adaptive": (100, 200)}
"""How probes are spaced, in ms, at the same pace on the average while anything happens (mission L7)."""
PACES = {
    "random": "every 100-200 ms",
    "fixed": "every 150 ms",
    "adaptive": "every 100-200 ms, in quiet times up to 1 s",
}

EXAMPLES = (
    ("sim --links 3 --vids 3 --runs 1000 --seed 1", "a thousand histories of three links, in figures"),
    ("sim --scheme one --interval fixed", "the scheme that came first, probing in step: how often it deadlocks"),
    ("sim --weights --links 3 --vids 3", "links whose measures change: VIDs go where the weights say, and rest there"),
    ("sim --loads --runs 1000", "VIDs take their loads along from link to link: they must not chase each other"),
    ("sim --attacks --runs 1000", "faults, and somebody who replays what passes and floods links with it"),
    ("sim --seed 4711 --runs 1 --trace", "one history again, with every event"),
)


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    parser.add_argument("--seed", type=_within(0, 2**63), default=1, help="the first seed (default 1)")
    parser.add_argument(
        "--runs", "--seeds", type=_within(1, 10**9), default=100, metavar="COUNT", help="how many (default 100)"
    )
    parser.add_argument("--links", type=_within(1, LINKS_MAX), default=2, help="links between the sides (default 2)")
    parser.add_argument("--vids", type=_within(1, VIDS_MAX), help="VRRP groups a side (default: one more than links)")
    parser.add_argument("--mode", choices=tuple(map(str, OnProbeLoss)), default=str(OnProbeLoss.DEMOTE))
    parser.add_argument(
        "--scheme",
        choices=tuple(map(str, Scheme)),
        default=str(Scheme.LVRRP),
        help="what the gateways run: the source's first or second scheme, or LVrrp, which the daemon runs (default)",
    )
    parser.add_argument(
        "--interval",
        choices=tuple(INTERVALS),
        default="random",
        help="probes every 100 to 200 ms, drawn anew each time (default); every 150 ms; or slower in quiet times",
    )
    parser.add_argument(
        "--faults", type=_kinds, default=tuple(KINDS), metavar="KIND,...", help=f"which may strike: {', '.join(KINDS)}"
    )
    _add_histories(parser)
    parser.add_argument("--jobs", type=_within(1, 1024), default=1, help="processes to share the runs (default 1)")
    parser.add_argument("--trace", action="store_true", help="write every event of every run (long)")


def _add_histories(parser: ArgumentParser) -> None:
    """Add what else may happen in histories."""
    parser.add_argument(
        "--weights",
        action="store_true",
        help="links are measured, weighed and change as the seed draws: VIDs must go by the weights (lvrrp alone)",
    )
    parser.add_argument(
        "--loads",
        action="store_true",
        help="as --weights, and in every history VIDs take their loads along from link to link (else in one of two)",
    )
    parser.add_argument(
        "--attacks",
        action="store_true",
        help="somebody without a key floods links with what he has recorded, forged: nothing may move (lvrrp alone)",
    )


def run(args: Namespace) -> int:
    """Run the histories; return 1 if any judge objects."""
    scheme, mode = Scheme(args.scheme), OnProbeLoss(args.mode)
    if scheme is not Scheme.LVRRP and args.interval == ProbeFunction.ADAPTIVE:
        complain(f"scheme {scheme} knows no adaptive intervals: use --interval random or fixed")
        return 2
    for option, wanted in (("weights", args.weights), ("loads", args.loads), ("attacks", args.attacks)):
        if scheme is not Scheme.LVRRP and wanted:
            complain(f"scheme {scheme} knows no {option}: leave out --{option}")
            return 2
    order = _order(args, scheme, mode)
    facts = measure(order, range(args.seed, args.seed + args.runs), args.jobs)
    failed = [objection["seed"] for objection in facts["objections"]]
    for seed in failed[:REPORTS_MAX]:
        complain(str(tell(scheme, order.draw(seed), lines=TRACE_LINES).text))
    if len(failed) > REPORTS_MAX:
        complain(f"{len(failed) - REPORTS_MAX} more like these; --seed N --runs 1 --trace shows any of them")
    facts = {"schema": 1, "interval": args.interval, "seeds": facts["runs"], **facts}
    emit(args, facts, _text(facts))
    return 1 if failed else 0


def _order(args: Namespace, scheme: Scheme, mode: OnProbeLoss) -> "Order":
    """Return what was asked for."""
    return Order(
        scheme,
        paced(Shape(args.links, args.vids or args.links + 1, mode), args.interval),
        args.faults,
        weighed=args.weights,
        laden=args.loads,
        attacked=args.attacks,
        keep_all=args.trace,
    )


def paced(shape: Shape, interval: str) -> Shape:
    """Return a network whose links are probed at intervals of that name."""
    return replace(shape, probe_ms=INTERVALS[interval], function=ProbeFunction(interval))


@dataclass(frozen=True, slots=True)
class Order:
    """What every history of a call has in common."""

    scheme: Scheme
    shape: Shape
    kinds: tuple[str, ...] = tuple(KINDS)
    weighed: bool = False
    laden: bool = False
    attacked: bool = False
    keep_all: bool = False

    def draw(self, seed: int) -> Draw:
        """Return what a seed decides."""
        weighed, loads = self.weighed, self.laden or None
        return draw(seed, self.shape, self.kinds, weighed=weighed, loads=loads, attacked=self.attacked)

    def run(self, seeds: range) -> tuple[list[History], float]:
        """Run some histories; return them, and how much CPU time they took."""
        began = process_time()
        done = [tell(self.scheme, self.draw(seed), keep_all=self.keep_all) for seed in seeds]
        return done, process_time() - began


def measure(order: Order, seeds: range, jobs: int) -> dict[str, Any]:
    """Run a history for each seed and return the figures; progress, and traces if wanted, go to standard error."""
    prepare(order.scheme, order.shape)
    gc.freeze()  # what is there now stays
    gc.set_threshold(GARBAGE)
    histories: list[History] = []
    spent = 0.0
    for done, seconds in _all(order, seeds, jobs):
        histories += done
        spent += seconds
        sys.stderr.write("".join(f"{history.text}\n" for history in done if history.text is not None))
        _progress(len(histories), len(seeds))
    return {
        "scheme": str(order.scheme),
        "links": order.shape.links,
        "vids": order.shape.vids,
        "mode": str(order.shape.mode),
        "weighed": order.weighed or order.laden,
        "laden": order.laden,
        "attacked": order.attacked,
        "compiled": is_compiled(),
        **figures(order.shape, histories),
        "events_per_second": _rate(sum(history.events for history in histories), spent),
        "events_per_second_bare": _bare(order, seeds),
    }


def is_compiled() -> bool:
    """Tell whether the machines run as machine code (`scripts/compile`), and not as they are written."""
    return Path(link.__file__).suffix != ".py"


def _all(order: Order, seeds: range, jobs: int) -> Iterator[tuple[list[History], float]]:
    """Run the histories some at a time, by as many processes as were asked for, and yield them in order."""
    size = 1 if jobs == 1 else max(1, min(CHUNK_MAX, len(seeds) // (4 * jobs)))
    chunks = [seeds[first : first + size] for first in range(0, len(seeds), size)]
    if jobs == 1:
        yield from map(order.run, chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(order.run, chunks)


def _bare(order: Order, seeds: range) -> int | None:
    """Measure the events a second without judges, on some of the same seeds."""
    began = process_time()
    some = seeds[: max(1, len(seeds) // BARE_SHARE)]
    events = sum(bare(order.scheme, order.draw(seed)) for seed in some)
    return _rate(events, process_time() - began)


def _rate(events: int, seconds: float) -> int | None:
    return round(events / seconds) if seconds else None


def _within(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")
        return int(text)

    return convert


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in KINDS:
            raise ArgumentTypeError(f"{name!r} is no kind of fault; there are: {', '.join(KINDS)}")
    return names


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total} runs" + ("\n" if done == total else ""))
        sys.stderr.flush()


def _text(facts: dict[str, Any]) -> str:
    """Write the figures for a person."""
    ms, rounds = facts["convergence_ms"], facts["convergence_rounds"]
    disturbances = facts["disturbances"]
    pace = PACES[facts["interval"]]
    worst = facts["settled_ms_worst"]
    network = f"{facts['links']} links, {facts['vids']} VIDs, on_probe_loss {facts['mode']}"
    others = f"{disturbances['untouched']} moved nothing, {disturbances['overtaken']} were not over before the next"
    bare_rate = _count(facts["events_per_second_bare"])
    core = "one core, compiled" if facts["compiled"] else "one core"
    weighed = ", links weighed" * facts["weighed"] + ", VIDs carry loads" * facts["laden"]
    also = weighed + ", attacked" * facts["attacked"]
    lines = [
        f"{network}: {facts['runs']} seeds, {facts['events']} events",
        f"scheme {facts['scheme']}{also}, probes {pace}, {facts['faults']} faults",
        "",
        f"{'convergence':24}{'median':>10}{'p99':>10}{'max':>10}",
        _row("  ms", ms, "{:,.0f}"),
        _row("  probe rounds", rounds, "{:.1f}"),
        f"  after {disturbances['measured']} disturbances; {others}",
        f"{'switches per fault':24}{facts['switches_per_fault']:10.2f}",
        f"{'crossings':24}{facts['crossings']:10,} in {facts['crossed_runs']} runs",
        *((f"{'adjusted priorities':24}{facts['adjusted']:10,}",) if facts["weighed"] else ()),
        f"{'violations':24}{facts['violations']:10,}",
        f"{'events per second':24}{_count(facts['events_per_second']):>10}, without judges {bare_rate} ({core})",
        "",
        f"settled at the latest {worst:.0f} ms after the last change" if worst is not None else "nothing settled",
        _objections([str(objection["seed"]) for objection in facts["objections"]]),
    ]
    return "\n".join(lines)


def _row(name: str, values: dict[str, float | None], form: str) -> str:
    cells = ("-" if values[key] is None else form.format(values[key]) for key in ("median", "p99", "max"))
    return f"{name:24}" + "".join(f"{cell:>10}" for cell in cells)


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _objections(seeds: list[str]) -> str:
    if not seeds:
        return "no judge objects"
    more = f" and {len(seeds) - SEEDS_SHOWN} more" if len(seeds) > SEEDS_SHOWN else ""
    return f"judges object to {len(seeds)} seeds: {', '.join(seeds[:SEEDS_SHOWN])}{more}"
