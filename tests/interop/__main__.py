"""`make interop`: the whole matrix of our daemon beside a Debian Keepalived, as a table; exits 1 if a cell fails."""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.interop import matrix
from tests.interop.cases import Case, Event, Maker, covering, every_case, named
from tests.interop.makers import Keepalived, Ours
from tests.interop.trial import Outcome, Programs

_MAKERS = {"ours": Ours, "keepalived": Keepalived}


def main(words: Sequence[str] | None = None) -> int:
    """Carry out the cases that were asked for; return the exit status."""
    arguments = _arguments(words)
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 120)
    cases = named(every_case(), arguments.only.split())
    if arguments.covering:
        cases = covering(cases)
    if arguments.list or not cases:
        console.print(*cases, sep="\n")
        return 0 if cases else 2
    programs: Programs = dict(zip(Maker, (_MAKERS[name] for name in arguments.programs.split(",")), strict=True))
    console.print(f"{len(cases)} cases, {arguments.jobs} at a time")
    began = time.monotonic()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="interop-") as files:
        for outcome in matrix.run(cases, Path(files), arguments.jobs, programs):
            outcomes.append(outcome)
            verdict = "[red]failed[/]" if outcome.faults else "[green]good[/]"
            place = f"\\[{time.monotonic() - began:4.0f} s, {len(outcomes)}/{len(cases)}]"
            console.print(f"{place} {verdict} {outcome.case} ({outcome.seconds:.1f} s)", highlight=False)
            _explain(console, outcome, logs=arguments.logs)
    console.print(_table(outcomes))
    failed = [outcome for outcome in outcomes if outcome.faults]
    console.print(f"{len(outcomes) - len(failed)} good, {len(failed)} failed, {time.monotonic() - began:.0f} s")
    for outcome in failed:
        console.print(f"  again: make interop ONLY='{outcome.case}'", highlight=False)
    return 1 if failed else 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.interop", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="cases with all these words; -WORD: without it")
    parser.add_argument("--covering", action="store_true", help="few cases that have every pair of values")
    parser.add_argument("--jobs", type=int, default=6, metavar="N", help="cases at a time (default: 6)")
    parser.add_argument("--list", action="store_true", help="name the cases, and do nothing")
    parser.add_argument("--logs", action="store_true", help="show what both programs logged where a case failed")
    parser.add_argument(
        "--programs",
        default="ours,keepalived",
        metavar="A,B",
        help="what runs in place of ours and theirs: the judge itself is judged by `keepalived,keepalived`",
    )
    return parser.parse_args(words)


def _explain(console: Console, outcome: Outcome, *, logs: bool) -> None:
    for fault in outcome.faults:
        console.print(f"    {fault}", markup=False, highlight=False)
    if logs and outcome.faults:
        console.print(outcome.logs, markup=False, highlight=False)


def _table(outcomes: Sequence[Outcome]) -> Table:
    """Return the matrix: what happens, by what the gateways are; in each cell how many cases were good."""
    cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        cells[_row_name(outcome.case)][outcome.case.event].append(not outcome.faults)
    table = Table(title="ours beside Keepalived: good cases of all", box=box.SIMPLE)
    table.add_column("", no_wrap=True)
    for event in Event:
        table.add_column(event, justify="right", no_wrap=True)
    for name in sorted(cells):
        row = [cells[name].get(event, []) for event in Event]
        table.add_row(name, *(_cell(cell) for cell in row))
    return table


def _row_name(case: Case) -> str:
    return f"v{case.version} IPv{case.family} {case.cast}, {case.first} first"


def _cell(results: Sequence[bool]) -> str:
    if not results:
        return ""
    text = f"{sum(results)}/{len(results)}"
    return f"[green]{text}[/]" if all(results) else f"[red]{text}[/]"


if __name__ == "__main__":
    raise SystemExit(main())
