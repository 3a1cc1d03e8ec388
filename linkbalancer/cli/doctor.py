"""`linkbalancer doctor`: what on this host would break steering or failover, how it was seen, and how to mend it.

It needs no daemon. `--fix` shows what it would do, asks, does it, and looks again.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable, write
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, gateway_file, in_use
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import load
from linkbalancer.config.model import Config
from linkbalancer.daemon.preflight import Report, answers, examine
from linkbalancer.drivers import repair
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.preflight.finding import Step


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    add_run_dir_option(parser)
    parser.add_argument("--fix", action="store_true", help="show what can be mended here, ask, do it, and look again")
    parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        metavar="CONFIG",
        help=f"the gateway's {GATEWAY_FILE}, or its directory (default: {DEFAULT})",
    )


def run(args: Namespace) -> int:
    """Examine this host; 0: nothing found (but notes), 1: something is, 2: the configuration cannot be read."""
    if args.yes and not args.fix:
        complain("--yes answers what --fix asks; give both")
        return 2
    if args.fix and args.json and not args.yes:
        complain("--json asks nothing: give --yes too, or leave one of the two out")
        return 2
    args.config = gateway_file(args.config or in_use(args.run_dir))
    try:
        config = load(str(args.config), lambda path: Path(path).read_text(encoding="utf-8-sig")).config
    except ConfigErrors as errors:
        for finding in errors.findings:
            sys.stderr.write(f"{finding}\n")
        complain(f"doctor must know what to look for: mend {args.config} first")
        return 2
    except OSError as error:
        complain(unreadable(error, args.config))
        return 2
    report = examine(config, running=answers(args.run_dir))
    if args.fix and steps(report):
        report = fix(args, config, report)
    emit(args, report.to_json(), plain(report))
    return 0 if report.clean else 1


def steps(report: Report) -> tuple[Step, ...]:
    """Return everything that `--fix` may do, each once, files before the commands that have them read."""
    return tuple(dict.fromkeys(step for finding in report.findings for step in finding.steps))


def fix(args: Namespace, config: Config, report: Report) -> Report:
    """Show, ask, do; return what is found afterwards (or as before, if the answer is no)."""
    todo = steps(report)
    if not args.json:
        write("This can be mended here:\n" + "".join(f"  {step}\n" for step in todo))
        if not args.yes and not _agreed():
            write("Nothing was changed.\n\n")
            return report
    for step in todo:
        try:
            repair.perform(step)
        except DriverError as error:
            complain(f"not done: {error}")
    if not args.json:
        write("Done; looking again.\n\n")
    return examine(config, running=answers(args.run_dir))


def _agreed() -> bool:
    """Ask; whoever is no terminal, or says nothing, has not agreed."""
    if not sys.stdin.isatty():
        complain("nobody there to ask: give --yes")
        return False
    write("Do it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def plain(report: Report) -> str:
    """Return the report as text."""
    lines = []
    for one in report.findings:
        lines += [f"{one.kind.severity}: {one.kind.name}: {one.subject}"]
        lines += [f"    breaks  {one.breaks}", f"    seen    {one.seen}", f"    mend    {one.mend}"]
        if one.steps:
            lines.append(f"    fix     --fix {one.kind.fix}")
        lines.append("")
    if report.unseen:
        lines += ["Not seen, and so not judged:", *(f"    {one.what}: {one.why}" for one in report.unseen), ""]
    severities = [one.kind.severity for one in report.findings]
    counts = [(severities.count(one), str(one)) for one in dict.fromkeys(severities)]
    total = ", ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts)
    return "\n".join([*lines, total or "nothing found"])
