"""Carrying out a change of a rule file: checked with everything, shown, and written whole or not at all."""

from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

from linkbalancer.cli.difference import coloured, difference
from linkbalancer.cli.output import complain, emit, unreadable
from linkbalancer.cli.places import DEFAULT_CONFIG
from linkbalancer.cli.sources import Source, SourceError, replace
from linkbalancer.cli.verdict import Verdict, complain_of, judge
from linkbalancer.config.ruleedit import Edited


@dataclass(frozen=True, slots=True)
class Change:
    """A rule file as read, what it is to become, and the configuration that it belongs to."""

    source: Source
    edited: Edited
    config: Path | None


def carry_out(args: Namespace, change: Change) -> int:
    """Check, show, write; 0: done, 1: refused and nothing is written, 2: it cannot be written."""
    content = change.edited.text.encode()
    try:
        verdict = judge(change.config, {change.source.real: content})
    except OSError as error:
        complain(unreadable(error, change.config))
        return 2
    complain_of(verdict.warnings, "warning: ")
    if verdict.errors:
        return _refuse(args, change, verdict)
    lines = difference(change.source.content, content, str(change.source.path))
    if not args.dry_run:
        try:
            replace(change.source, content)
        except SourceError as error:
            complain(str(error))
            return 1
    answer = {
        "schema": 1,
        "file": str(change.source.path),
        "changed": not args.dry_run,
        "line": change.edited.number,
        "difference": lines,
        "warnings": [asdict(one) for one in verdict.warnings],
    }
    emit(args, answer, f"{coloured(lines)}\n\n{_next(args, change)}")
    return 0


def _refuse(args: Namespace, change: Change, verdict: Verdict) -> int:
    complain_of(verdict.errors)
    count = len(verdict.errors)
    complain(f"{change.source.path} is as it was: with the change there would be {count} error{'s' * (count > 1)}")
    if args.json:
        emit(args, {"schema": 1, "changed": False, "errors": [asdict(one) for one in verdict.errors]}, "")
    return 1


def _next(args: Namespace, change: Change) -> str:
    if args.dry_run:
        return "nothing is written"
    if args.apply:
        return "written; it is being applied"
    if change.config is None:
        return "written; checked by itself, for no configuration is known to name it"
    words = "" if change.config == DEFAULT_CONFIG else f" {change.config}"
    return f"written; next: `linkbalancer plan{words}`, then `linkbalancer apply`"
