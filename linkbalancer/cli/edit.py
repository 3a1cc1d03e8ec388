"""`linkbalancer edit`: change the configuration in an editor, checked and planned before it is saved, as visudo does.

What is edited is a private copy. Whatever happens (a hang-up, ^C, a crash, a full disk), the file is the old or the new
one, whole, and the copy stays until its text is saved or given up.
"""

import contextlib
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from linkbalancer.cli.applying import apply
from linkbalancer.cli.client import add_run_dir_option
from linkbalancer.cli.drafts import Draft
from linkbalancer.cli.editing import KEPT, Decision, Session
from linkbalancer.cli.editors import HangUpError, NoEditorError, chosen, hang_up_raises
from linkbalancer.cli.output import complain, unreadable
from linkbalancer.cli.places import (
    DEFAULT,
    DEFAULT_CONFIG,
    GATEWAY_FILE,
    RULE_FILES,
    configuration_of,
    gateway_file,
    in_use,
    rule_file,
)
from linkbalancer.cli.question import question
from linkbalancer.cli.sources import SourceError, locked, read_source
from linkbalancer.cli.whoever import holder
from linkbalancer.config.findings import ConfigErrors

HUNG_UP: Final = 129
"""The exit status after a hang-up: 128 and the number of SIGHUP, as shells have it."""


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help=f"a gateway's {GATEWAY_FILE} or its directory: that and its rule file, one after the other; "
        f"or a rule file (*{RULE_FILES}) alone (default: {DEFAULT})",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--rules", action="store_true", help="just the rule file")
    part.add_argument("--yaml", action="store_true", help=f"just {GATEWAY_FILE}")
    add_run_dir_option(parser)


def run(args: Namespace) -> int:
    """Edit; 0: saved, or nothing changed, 1: refused or given up, 2: it cannot be edited."""
    try:
        config, paths = _meant(args)
        with hang_up_raises(), contextlib.ExitStack() as stack:
            drafts = [stack.enter_context(_draft(path)) for path in paths]
            decision = _session(config, drafts, args.run_dir)
    except (SourceError, NoEditorError) as error:
        complain(str(error))
        return 2
    except HangUpError:
        return HUNG_UP
    # The files are nobody's any more: whoever applies them finds no lock.
    return decision.status if decision.apply is None else apply(config, args.run_dir, *decision.apply)


def _meant(args: Namespace) -> tuple[Path | None, list[Path]]:
    """Return the configuration, if one is known, and the files to edit; raises SourceError."""
    args.file = args.file or in_use(args.run_dir)
    if args.file.suffix == RULE_FILES:
        if args.yaml:
            raise SourceError(f"{args.file} is a rule file; --yaml goes with a {GATEWAY_FILE}")
        return configuration_of(args.file, (args.file.parent / GATEWAY_FILE, DEFAULT_CONFIG)), [args.file]
    config = gateway_file(args.file)
    if args.yaml:
        return config, [config]
    try:
        rules = rule_file(config)
        read_source(rules)
    except (ConfigErrors, SourceError, OSError) as error:
        if args.rules or not config.exists():
            raise SourceError(unreadable(error, config) if isinstance(error, OSError) else str(error)) from None
        complain(f"its rule file is left alone: {error}")  # the configuration is broken, and about to be mended
        return config, [config]
    return config, [rules] if args.rules else [config, rules]


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Draft]:
    """Have a file locked while it is edited, and its copy made; raises SourceError."""
    source = read_source(path)
    with locked(source.real, holder(str(path), "linkbalancer edit")):
        draft = Draft.of(read_source(path))
        since = draft.left_over()
        if since is None or not _goes_on(draft, since):
            draft.begin()
        try:
            yield draft
        finally:
            if not draft.is_worth_keeping():
                draft.drop()


def _goes_on(draft: Draft, since: str) -> bool:
    """Ask whether to go on with an unfinished copy; remove it if not; raises SourceError to quit."""
    try:
        letter = question(
            f"{draft.source.path} has an unfinished edit of {since}, kept in {draft.copy}:",
            {"c": "continue with it", "d": "discard it and begin anew", "x": "quit"},
        )
    except (HangUpError, KeyboardInterrupt):
        letter = "x"
    if letter == "x":
        raise SourceError(f"nothing is changed; the unfinished copy is still there: {draft.copy}")
    if letter == "d":
        draft.drop()
    return letter == "c"


def _session(config: Path | None, drafts: list[Draft], run_dir: Path) -> Decision:
    """Edit until it is decided; whatever ends it before that, the copies stay and are named."""
    try:
        decision = Session(config, drafts, chosen(os.environ), run_dir).run()
    except HangUpError:
        decision = Decision(HUNG_UP, KEPT)
    except KeyboardInterrupt:
        decision = Decision(130, KEPT)
    except (SourceError, NoEditorError) as error:
        complain(str(error))
        decision = Decision(1, KEPT)
    except BaseException:
        _leave(drafts, kept=True)
        raise
    _leave(drafts, kept=decision.copies == KEPT)
    return decision


def _leave(drafts: list[Draft], *, kept: bool) -> None:
    """Remove the copies, or, if they are to be kept, those that hold nothing new, and say where the others are."""
    for draft in drafts:
        if not kept or not draft.is_worth_keeping():
            draft.drop()
            continue
        with contextlib.suppress(OSError):  # the terminal may be gone
            sys.stderr.write(f"\nlinkbalancer: {draft.source.path} is as it was. Your text is kept in {draft.copy}: ")
            sys.stderr.write("`linkbalancer edit` goes on with it.\n")
            sys.stderr.flush()
