"""`linkbalancer rules list|add|move|remove|enable|disable`: the rule file, a rule at a time; the rest of it stays.

What comes out is checked with the whole configuration before anything is written.
"""

import importlib
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkbalancer.cli import naming
from linkbalancer.cli.applying import apply
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.intermixed import IntermixedParser
from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.cli.places import (
    DEFAULT,
    DEFAULT_CONFIG,
    GATEWAY_FILE,
    configuration_of,
    gateway_file,
    in_use,
    rule_file,
)
from linkbalancer.cli.rulelist import coloured, facts, plain
from linkbalancer.cli.sources import LockedError, Source, SourceError, locked, read_source
from linkbalancer.cli.whoever import holder
from linkbalancer.config.findings import ConfigErrors, FieldError
from linkbalancer.config.ruleedit import After, Before, Edited, End, Place, Top, add, disable, enable, move, remove
from linkbalancer.config.rulelines import (
    NameRefusedError,
    RuleLine,
    find,
    rule_lines,
    shadowing,
    written,
)

ACTIONS: Final = {
    "list": "show the rules in order: what each selects, where its packets may go, and where they are now",
    "add": "add a rule",
    "move": "move a rule; the first line that matches a packet decides",
    "remove": "remove a rule",
    "enable": "take back what commented a rule out",
    "disable": "comment a rule out",
}
RULE: Final = "a rule by its line's number, its application, or its @identity (see `rules list`)"
PATIENCE_S: Final = 5.0
"""How long to wait for somebody else who changes the file."""


@dataclass(frozen=True, slots=True)
class Files:
    """The rule file that is meant, and the configuration that it belongs to, if one is known."""

    rules: Path
    config: Path | None


def configure(parser: ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=IntermixedParser)
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        if name == "add":
            words = "such as '* * * * 22 tcp [1 2] name=ssh', in quotes, with or without App="
            action.add_argument("rule", metavar="RULE", help=words)
        elif name != "list":
            action.add_argument("rule", metavar="RULE", help=RULE)
        _add_files(action)
        if name in {"add", "move"}:
            _add_places(action, required=name == "move")
        add_run_dir_option(action)
        if name != "list":
            action.add_argument("-n", "--dry-run", action="store_true", help="say what would change, write nothing")
            action.add_argument("--apply", action="store_true", help="apply the configuration at once")
        add_json_option(action)


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument(
        "config",
        nargs="?",
        type=Path,
        metavar="CONFIG",
        help=f"a gateway's {GATEWAY_FILE}, or its directory (default: {DEFAULT})",
    )
    parser.add_argument("--file", type=Path, metavar="FILE", help="a rule file, instead of the one that CONFIG names")


def _add_places(parser: ArgumentParser, *, required: bool) -> None:
    place = parser.add_mutually_exclusive_group(required=required)
    place.add_argument("--before", metavar="RULE", help="put it before this rule")
    place.add_argument("--after", metavar="RULE", help="put it after this rule")
    place.add_argument("--top", action="store_true", help="put it before the first rule")
    place.add_argument("--end", action="store_true", help="put it after the last rule")


def run(args: Namespace) -> int:
    """Do it; 0: done, 1: refused, nothing is written, 2: it cannot be asked like this."""
    try:
        files = _files(args)
        if args.action == "list":
            return _list(args, files, read_source(files.rules).text())
        with locked(files.rules.resolve(), holder(str(files.rules), f"linkbalancer rules {args.action}"), PATIENCE_S):
            status = _change(args, files, read_source(files.rules))
        return apply(files.config, args.run_dir) if args.apply and not (status or args.dry_run) else status
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 1
    except UnicodeDecodeError as error:
        complain(f"{files.rules} is not UTF-8 text (byte {error.start}); save it as UTF-8")
        return 1
    except LockedError as error:
        complain(str(error))
        return 1
    except SourceError as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(unreadable(error, args.config))
        return 2


def _files(args: Namespace) -> Files:
    if args.file is None:
        config = gateway_file(args.config or in_use(args.run_dir))
        return Files(rule_file(config), config)
    beside = [] if args.config is None else [gateway_file(args.config)]
    places = [*beside, args.file.parent / GATEWAY_FILE, DEFAULT_CONFIG]
    return Files(args.file, configuration_of(args.file, places))


def _list(args: Namespace, files: Files, text: str) -> int:
    """Show the rules, and where each application is if a daemon says so."""
    lines = [line for line in _rule_lines(text, files) if line.is_rule]
    try:
        status = ask(args.run_dir, "status")
    except RefusedError:
        status = None
    known = {"schema": 1, "file": str(files.rules), "daemon": status is not None}
    draw = coloured if sys.stdout.isatty() else plain
    names = (status or {}).get("names", {})
    emit(args, {**known, "rules": facts(lines, status), "names": names}, draw(lines, status) + naming.plain(status))
    return 0


def _rule_lines(text: str, files: Files) -> list[RuleLine]:
    """Return the rules of a file's text, its sets in files beside it read."""
    return rule_lines(text, str(files.rules), lambda path: Path(path).read_text("utf-8-sig"))


def _change(args: Namespace, files: Files, source: Source) -> int:
    """Change one line; raises UnicodeDecodeError."""
    text = source.text()
    lines = _rule_lines(text, files)
    try:
        edited = _edited(args, files, text, lines)
    except FieldError as error:
        complain(str(error))
        return 2
    except NameRefusedError as error:
        complain(str(error))
        sys.stderr.writelines(f"  {line}\n" for line in error.candidates)
        return 1
    if edited.text == text:
        answer = {"schema": 1, "file": str(files.rules), "changed": False, "line": edited.number}
        emit(args, answer, "it is there already; nothing to do")
        return 0
    # What follows needs the whole configuration and thus pydantic; `rules list` answers without it.
    changing = importlib.import_module("linkbalancer.cli.rulechange")
    return int(changing.carry_out(args, changing.Change(source, edited, files.config)))


def _edited(args: Namespace, files: Files, text: str, lines: list[RuleLine]) -> Edited:
    match args.action:
        case "add":
            return _added(args, files, text, lines)
        case "move":
            line = find(lines, args.rule)
            return move(text, line.number, _place(args, lines))
        case "remove":
            return remove(text, find(lines, args.rule).number)
        case "enable":
            return enable(text, find(lines, args.rule, enabled=False).number)
        case _:
            return disable(text, find(lines, args.rule, enabled=True).number)


def _added(args: Namespace, files: Files, text: str, lines: list[RuleLine]) -> Edited:
    """Add a rule; one that would never match is refused unless its place was chosen."""
    edited = add(text, written(args.rule), _place(args, lines))
    if any((args.before, args.after, args.top, args.end)):
        return edited
    by = shadowing(_rule_lines(edited.text, files), edited.number)
    if by is not None:
        what = f"at the end it would never match: {by.application} takes all its packets before"
        raise NameRefusedError(what, f"say where it goes, such as --before {by.number}, or --end all the same", [by])
    return edited


def _place(args: Namespace, lines: list[RuleLine]) -> Place:
    if args.before is not None:
        return Before(find(lines, args.before).number)
    if args.after is not None:
        return After(find(lines, args.after).number)
    return Top() if args.top else End()
