"""`linkbalancer weight [show|set|reset]`: how links are weighed, what came of it, and changing it while all runs.

A change is an edit of one key of the configuration: checked with the whole of it, shown, written and applied; the
daemon then weighs otherwise from one moment to the next, and what it has learnt stays.
"""

import importlib
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli.applying import apply
from linkbalancer.cli.client import RefusedError, add_run_dir_option, ask
from linkbalancer.cli.output import add_json_option, complain, emit
from linkbalancer.cli.places import DEFAULT, GATEWAY_FILE, gateway_file, in_use
from linkbalancer.cli.screen import Row, Section, here, tables
from linkbalancer.cli.sources import LockedError, Source, SourceError, locked, read_source
from linkbalancer.cli.whoever import holder
from linkbalancer.config.document import Path as Place
from linkbalancer.config.findings import ConfigErrors, FieldError
from linkbalancer.config.keyedit import EditError, drop, put
from linkbalancer.config.ruleedit import Edited
from linkbalancer.config.weightwords import section

EXAMPLES: Final = (
    ("weight", "each link's weight for each VID, of what it is made, and what the far end made of it"),
    ("weight set 2 latency good=20ms bad=200ms", "weigh the link of VID 2 by its round-trip time"),
    ("weight set l1 available-bandwidth hold=1min", "weigh l1 by what is free of it, for all of its VIDs"),
    ("weight set 2 expression 'expression=100 - rtt / 1ms'", "by a formula of your own"),
    ("weight reset 2", "back to the link's own way of weighing"),
)
ACTIONS: Final = {
    "show": "show each link's weight for each VID, and of what it is made",
    "set": "weigh otherwise from now on",
    "reset": "take back what a VID or link was set to",
}
WHERE: Final = "a VID (`2`, `2/ipv6`) or a link, for all of its VIDs that say nothing of their own"
PATIENCE_S: Final = 5.0
"""How long to wait for somebody else who changes the file."""


def configure(parser: ArgumentParser) -> None:
    """Add the actions and their options; without an action it shows."""
    add_json_option(parser)
    add_run_dir_option(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        if name != "show":
            action.add_argument("where", metavar="WHERE", help=WHERE)
        if name == "set":
            action.add_argument("function", metavar="FUNCTION", help="static, latency, loss, ... (docs/weights.md)")
            words = "a parameter of the function, or a key of `weight`: good=20ms, hold=30s, mapping.min=50"
            action.add_argument("settings", nargs="*", metavar="KEY=VALUE", help=words)
        if name != "show":
            about = f"a gateway's {GATEWAY_FILE}, or its directory (default: {DEFAULT})"
            action.add_argument("--config", type=Path, metavar="CONFIG", help=about)
            action.add_argument("-n", "--dry-run", action="store_true", help="say what would change, write nothing")
            action.add_argument("--no-apply", action="store_true", help="write it, and leave it to `apply`")
        add_json_option(action)
        add_run_dir_option(action)


def run(args: Namespace) -> int:
    """Do it; 0: done, 1: refused, nothing is written, 2: it cannot be asked like this."""
    try:
        if args.action in {None, "show"}:
            return _show(args)
        return _change(args)
    except RefusedError as error:
        complain(str(error))
        return error.status
    except ConfigErrors as error:
        sys.stderr.writelines(f"{finding}\n" for finding in error.findings)
        return 1
    except (EditError, LockedError) as error:
        complain(str(error))
        return 1
    except UnicodeDecodeError as error:
        complain(f"the configuration is not UTF-8 text (byte {error.start}); save it as UTF-8")
        return 1
    except (FieldError, SourceError) as error:
        complain(str(error))
        return 2


def _show(args: Namespace) -> int:
    links: dict[str, Any] = ask(args.run_dir, "status")["links"]
    found = [
        {"link": name, **one, "far_end": link["wanted"].get(str(one["group"]))}
        for name, link in links.items()
        for one in link["weights"]
    ]
    emit(args, {"schema": 1, "weights": found}, _drawn(found))
    return 0


def _drawn(found: list[dict[str, Any]]) -> str:
    if not found:
        return "every link has the priorities that are configured at its far end (function static); see docs/weights.md"
    header = ("VID", "link", "weight", "priority", "far end", "because")
    rows = [_row(one) for one in sorted(found, key=lambda one: (str(one["group"]), one["link"]))]
    return "\n".join(tables([Section(header, tuple(rows))], here(everything=True), 0)).strip("\n")


def _row(one: dict[str, Any]) -> Row:
    weight = "-" if one["weight"] is None else f"{one['weight']:.3g}"
    priority = "as configured" if one["priority"] is None else str(one["priority"])
    told = one["far_end"]
    state = "-"
    if told is not None:
        state = "refuses" if told["refused"] else "has it" if told["acknowledged"] else "not heard yet"
    bad = told is not None and (told["refused"] or not told["acknowledged"])
    because = str(one["words"]).partition(": ")[2]
    return Row(int(bad), (str(one["group"]), one["link"], weight, priority, state, because))


def _change(args: Namespace) -> int:
    config = gateway_file(args.config or in_use(args.run_dir))
    real = config.resolve()
    with locked(real, holder(str(config), f"linkbalancer weight {args.action}"), PATIENCE_S):
        status = _edit(args, config, read_source(config))
    return apply(config, args.run_dir) if not (status or args.dry_run or args.no_apply) else status


def _edit(args: Namespace, config: Path, source: Source) -> int:
    text = source.text()
    where = _place(args.where)
    edited = drop(text, where, "weight") if args.action == "reset" else put(text, where, "weight", _section(args))
    if edited == text:
        emit(args, {"schema": 1, "file": str(config), "changed": False}, "it is so already; nothing to do")
        return 0
    line = next(at for at, pair in enumerate(zip(_lines(text), _lines(edited), strict=False), 1) if pair[0] != pair[1])
    args.apply = not args.no_apply
    # What follows needs the whole configuration and thus pydantic; `weight` alone answers without it.
    changing = importlib.import_module("linkbalancer.cli.rulechange")
    return int(changing.carry_out(args, changing.Change(source, Edited(edited, line), config)))


def _lines(text: str) -> list[str]:
    return [*text.splitlines(), ""]


def _section(args: Namespace) -> object:
    functions = importlib.import_module("linkbalancer.weights.function")
    return section(args.function, args.settings, plugin=args.function not in functions.BUILT_IN)


def _place(where: str) -> Place:
    """Return the section that a word means: a group by its VID, else a link by its name."""
    vid, slash, family = where.removeprefix("vid").strip().partition("/")
    if vid.isascii() and vid.isdecimal():
        return ("groups", f"{vid}/{family}" if slash else int(vid))
    return ("links", where)
