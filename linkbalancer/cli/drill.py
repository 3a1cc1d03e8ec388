"""`linkbalancer drill DIRECTORY`: every fault of a topology on real packets, and the outages that it made."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from linkbalancer.cli.main import INTERRUPTED
from linkbalancer.cli.output import add_json_option, complain
from linkbalancer.lab.directory import Directory, read_directory
from linkbalancer.lab.drill import LONG, Pace, run_drill
from linkbalancer.lab.edits import all_edits
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault, select_faults
from linkbalancer.lab.lab import lab_of
from linkbalancer.lab.repertoire import all_faults, double_faults
from linkbalancer.lab.table import console_for, matching, only, show_report


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("directory", type=Path, help="a configuration directory with topology.yaml (docs/drill.md)")
    parser.add_argument("--long", action="store_true", help="watch every fault and every healing for 10 s, not 2 s")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--reload", action="store_true", help="rehearse edits of the files and reloads in place of faults"
    )
    instead.add_argument(
        "--double",
        action="store_true",
        help="rehearse in place of single faults every pair of them on two links (three links: half an hour)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="rehearse this one alone: a kind (cut), or a kind and its target (cut:l1); may be repeated",
    )
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="NAME",
        help="show the lines of this application alone, or of all that a pattern names (sensor-*); may be repeated; "
        "all are rehearsed and judged, and the report has all of them",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there as JSON")
    add_json_option(parser)


def run(args: Namespace) -> int:
    """Run the drill: 0 when all is as it must be, 1 when something is not, 2 when it could not be run."""
    progress = console_for(sys.stderr)
    try:
        directory = read_directory(args.directory)
        known = _known(args, directory)
        faults = select_faults(known, args.fault)
        matching(directory.rules.applications, args.app)
        _check_output(args.output)
        with lab_of(directory) as lab:
            report = run_drill(lab, faults, LONG if args.long else Pace(), lambda line: _tell(progress, line))
    except LabError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        complain("interrupted; everything is cleared")
        return INTERRUPTED
    text = json.dumps(report, indent=1) + "\n"
    written = _write_output(args.output, text)
    if args.json:
        sys.stdout.write(text)
    else:
        show_report(only(report, args.app) if args.app else report, console_for(sys.stdout))
    return 0 if written and not report["failures"] else 1


def _known(args: Namespace, directory: Directory) -> list[Fault]:
    """Return the faults among which the command line chooses."""
    if args.reload:
        return all_edits(directory)
    if args.double:
        return double_faults(directory.topology)
    return all_faults(directory.topology, tuple(directory.rules.applications))


def _tell(progress: Console, line: str) -> None:
    progress.print(line, highlight=False, markup=False, soft_wrap=True)


def _check_output(path: Path | None) -> None:
    """Find out now, and not after the drill, that the report cannot be written; leave nothing new behind."""
    if path is None:
        return
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise LabError(_unwritable(path, error)) from error


def _write_output(path: Path | None, text: str) -> bool:
    """Write the report where it was asked for; whether that went well."""
    try:
        if path is not None:
            path.write_text(text)
    except OSError as error:
        complain(_unwritable(path, error))
        return False
    return True


def _unwritable(path: Path | None, error: OSError) -> str:
    return f"cannot write the report to {path}: {error.strerror}"
