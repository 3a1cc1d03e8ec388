"""`linkbalancer drill DIRECTORY`: every fault of a topology on real packets, and the outages that it made."""

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from linkbalancer.cli.output import add_json_option, complain
from linkbalancer.lab.drill import LONG, Pace, run_drill
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import all_faults, select_faults
from linkbalancer.lab.lab import opened
from linkbalancer.lab.table import console_for, show_report

INTERRUPTED = 130


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("directory", type=Path, help="a configuration directory with topology.yaml (docs/drill.md)")
    parser.add_argument("--long", action="store_true", help="watch every fault and every healing for 10 s, not 2 s")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="rehearse this fault alone: a kind (cut), or a kind and its target (cut:l1); may be repeated",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there as JSON")
    add_json_option(parser)


def run(args: Namespace) -> int:
    """Run the drill: 0 when all is as it must be, 1 when something is not, 2 when it could not be run."""
    progress = console_for(sys.stderr)
    try:
        _check_output(args.output)
        with opened(args.directory) as lab:
            faults = select_faults(all_faults(lab.topology, tuple(lab.directory.rules.applications)), args.fault)
            report = run_drill(lab, faults, LONG if args.long else Pace(), lambda line: _tell(progress, line))
    except LabError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        complain("interrupted; everything is cleared")
        return INTERRUPTED
    text = json.dumps(report, indent=1) + "\n"
    if args.output is not None:
        args.output.write_text(text)
    if args.json:
        sys.stdout.write(text)
    else:
        show_report(report, console_for(sys.stdout))
    return 1 if report["failures"] else 0


def _tell(progress: Console, line: str) -> None:
    progress.print(line, highlight=False, markup=False, soft_wrap=True)


def _check_output(path: Path | None) -> None:
    """Find out now, and not after the drill, that the report cannot be written."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise LabError(f"cannot write the report to {path}")
