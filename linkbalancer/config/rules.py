"""Rule files: `App=` lines (mission A2) and the sets that they name, read whole, with every error in its place.

App=<src> <dst> <tos> <sport> <dport> <proto> [<vids>] [name=<name>]  # comment
Set=@<name> <addresses>                                               # comment
"""

from collections.abc import Callable, Iterable
from typing import Final

from linkbalancer.config.addresssets import Sets, is_set_line
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.reading import read_text, said
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.config.ruleparsing import known, read_line
from linkbalancer.routing.garbage import uncollected
from linkbalancer.routing.rule import RuleSet

NOT_STEERED: Final = "IPv6 is classified, not steered: main's routes decide"
"""What a gateway has to say of rules and packets of IPv6 where no way has a far end over IPv6."""


def parse_rules(text: str, file: str, read: Callable[[str], str] | None = None) -> RuleFile:
    """Read a rule file's text; never raises, errors are in the answer.

    `read` returns the text of the files that sets are kept in; without it there are none.
    """
    lines = text.split("\n")
    readings = list(map(known, lines))
    sets = read_sets(
        [line if reading is None else "" for line, reading in zip(lines, readings, strict=True)], file, read
    )
    into = RuleFile(file, sets)
    with uncollected():
        for number, (line, reading) in enumerate(zip(lines, readings, strict=True), start=1):
            if reading is not None:
                into.take(number, reading)
            elif not is_set_line(line):
                read_line(into, number, line)
    into.errors += sets.errors
    for one in sets.unused():
        what, remedy = f"no rule uses the set {one.name}", "name it in a rule, or remove it"
        into.warn(one.line, one.column, what, remedy)
    return into


def parse_rule(line: str, sets: Sets) -> RuleFile:
    """Read one line by itself, as a rule of a file with these sets."""
    into = RuleFile(sets.file, sets)
    read_line(into, 1, line)
    return into


def read_sets(lines: Iterable[str], file: str, read: Callable[[str], str] | None = None) -> Sets:
    """Read the sets that a rule file's lines define."""
    sets = Sets(file, read or _no_file)
    for number, line in enumerate(lines, start=1):
        if is_set_line(line):
            sets.define(number, said(line))
    return sets


def load_rules(path: str, read: Callable[[str], str]) -> RuleSet:
    """Read a rule file by itself: any VID from 1 to 255 will do, balanced steps too.

    Raises:
        ConfigErrors: It has errors; all of them are in `findings`.
        OSError: `read` cannot read it.
    """
    parsed = parse_rules(read_text(path, read), path, read)
    if parsed.errors:
        raise ConfigErrors(parsed.errors)
    return parsed.ruleset


def _no_file(path: str) -> str:
    raise FileNotFoundError(2, "no files are read here", path)
