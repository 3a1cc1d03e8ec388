"""`make bench`: our daemon beside a Debian Keepalived in one run; a table for people, build/bench.json for programs."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks import figures, plan
from tests.benchmarks.figures import Figure
from tests.benchmarks.job import Setting
from tests.interop.makers import ROOT, Gateway, Keepalived

REPORT = ROOT / "build" / "bench.json"


def main(words: Sequence[str] | None = None) -> int:
    """Take the figures that were asked for; return 0 when they are there, whatever they say."""
    arguments = _arguments(words)
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 130)
    wanted = plan.chosen(arguments.only.split())
    if arguments.list or not wanted:
        console.print(*(name for job in wanted for name in job.names), sep="\n", highlight=False)
        return 0 if wanted else 2
    console.print(f"seed {arguments.seed}, {arguments.repeat} repetitions", highlight=False)
    began = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"\\[{time.monotonic() - began:4.0f} s] {text}", highlight=False)

    makers: dict[str, Callable[..., Gateway]] = (
        dict.fromkeys(plan.MAKERS, Keepalived) if arguments.peer_alone else plan.MAKERS
    )
    taken = []
    with tempfile.TemporaryDirectory(prefix="bench-") as files:
        setting = Setting(arguments.repeat, arguments.seed, Path(files), tell, makers)
        for figure in plan.run(wanted, setting):
            taken.append(figure)
            figures.write(taken, arguments.output)
    console.print(_table(taken))
    for figure in taken:
        if figure.terms:
            terms = ", ".join(f"{name.removesuffix('_ms')} {value:g} ms" for name, value in figure.terms.items())
            console.print(f"{figure.name}: {terms}", highlight=False)
    console.print(f"{len(taken)} figures in {time.monotonic() - began:.0f} s; written to {arguments.output}")
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="figures with all these words in their names")
    parser.add_argument("--repeat", type=int, default=15, metavar="N", help="repetitions (default: 15)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the phases that faults fall at (default: 1)"
    )
    parser.add_argument(
        "--output", type=Path, default=REPORT, metavar="FILE", help="the report (default: build/bench.json)"
    )
    parser.add_argument("--list", action="store_true", help="name the figures, and do nothing")
    parser.add_argument(
        "--peer-alone", action="store_true", help="Keepalived in the place of both: what the method itself adds"
    )
    return parser.parse_args(words)


def _table(taken: Sequence[Figure]) -> Table:
    table = Table(title="ours beside Keepalived: median / p90 / max", box=box.SIMPLE)
    for name, justify in (("figure", "left"), ("unit", "left"), ("ours", "right"), ("Keepalived", "right")):
        table.add_column(name, justify="left" if justify == "left" else "right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    for figure in taken:
        unit = f" {figure.unit}" if figure.goal and figure.goal.limit is not None else ""
        goal = f"{'[green]' if figure.reached else '[red]'}{figure.goal}{unit}[/]" if figure.goal else ""
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.name, figure.unit, _cell(figure.ours), _cell(figure.peer), ratio, goal)
    return table


def _cell(samples: Sequence[float]) -> str:
    if not samples:
        return ""
    found = figures.summary(samples)
    digits = 1 if found["max"] >= 1 else 4
    return " / ".join(f"{found[name]:.{digits}f}" for name in ("median", "p90", "max"))


if __name__ == "__main__":
    raise SystemExit(main())
