"""What a command takes, as values: read off its argparse parser, for manual pages and completions.

So a command that is added, or an option, is in `--help`, in its page and in both shells at once.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from linkbalancer.cli.main import COMMANDS, module_of, parser_of


class Kind(StrEnum):
    """What the words at a place name, so that a shell can offer them."""

    FILE = "file"
    DIRECTORY = "directory"
    LINKS = "links"
    VIDS = "vids"
    APPLICATIONS = "applications"
    NODE = "node"
    COMMAND = "command"


_NAMED = {
    "LINK": Kind.LINKS,
    "VID": Kind.VIDS,
    "APP": Kind.APPLICATIONS,
    "APPLICATION": Kind.APPLICATIONS,
    "NODE": Kind.NODE,
    "FILE": Kind.FILE,
    "CONFIG": Kind.FILE,
    "PATH": Kind.FILE,
    "DIR": Kind.DIRECTORY,
    "DIRECTORY": Kind.DIRECTORY,
    "COMMAND": Kind.COMMAND,
}
"""What a place's name says of the words that belong there."""


@dataclass(frozen=True, slots=True)
class Place:
    """An option, or a place for words (`flags` empty)."""

    flags: tuple[str, ...]
    argument: str
    help: str
    kinds: tuple[Kind, ...] = ()
    choices: tuple[str, ...] = ()
    required: bool = False
    repeats: bool = False
    group: str = ""

    @property
    def usage(self) -> str:
        """The place as a synopsis has it."""
        words = self.argument if not self.flags else f"{self.flags[-1]} {self.argument}".rstrip()
        if self.repeats and not self.flags:
            words = f"{words} ..." if not words.endswith("...") else words
        return words if self.required else f"[{words}]"


@dataclass(frozen=True, slots=True)
class Outline:
    """One command, or one deed of it: `words` are what is typed to reach it."""

    words: tuple[str, ...]
    summary: str
    options: tuple[Place, ...]
    operands: tuple[Place, ...]
    inner: tuple["Outline", ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    def everything(self) -> Iterator["Outline"]:
        """Yield it and all within it."""
        yield self
        for one in self.inner:
            yield from one.everything()


def outlines() -> tuple[Outline, ...]:
    """Return every command."""
    found = []
    for name, summary in COMMANDS.items():
        examples = getattr(module_of(name), "EXAMPLES", ())
        found.append(outline(parser_of(name), (name,), summary, tuple(examples)))
    return tuple(found)


def outline(
    parser: argparse.ArgumentParser, words: tuple[str, ...], summary: str, examples: tuple[tuple[str, str], ...] = ()
) -> Outline:
    """Return what a parser takes."""
    options: list[Place] = []
    operands: list[Place] = []
    inner: list[Outline] = []
    for action, group in _actions(parser):
        if action.help == argparse.SUPPRESS:
            continue
        if action.nargs == argparse.PARSER and isinstance(action.choices, dict):
            said = {one.dest: one.help or "" for one in vars(action)["_choices_actions"]}
            inner += [outline(deed, (*words, name), said.get(name, "")) for name, deed in action.choices.items()]
        else:
            (options if action.option_strings else operands).append(_place(parser, action, group))
    return Outline(words, summary, tuple(options), tuple(operands), tuple(inner), examples)


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.Action, str]]:
    """Yield the parser's actions with the title of the group that each stands in, none for argparse's own two."""
    for number, group in enumerate(vars(parser)["_action_groups"]):
        for action in vars(group)["_group_actions"]:
            yield action, "" if number < 2 else str(group.title)


def _place(parser: argparse.ArgumentParser, action: argparse.Action, group: str) -> Place:
    flags = tuple(action.option_strings)
    choices = () if action.choices is None else tuple(str(choice) for choice in action.choices)
    argument = "" if flags and action.nargs == 0 else _argument(action, choices)
    facts = {**vars(action), "prog": parser.prog}
    help_text = (action.help or "") % {name: str(value) for name, value in facts.items()}
    repeats = action.nargs in {"*", "+", argparse.REMAINDER} or type(action).__name__ == "_AppendAction"
    required = action.required if flags else action.nargs not in {"?", "*"}
    named = () if choices or not argument else _kinds(argument, action)
    return Place(flags, argument, help_text, named, choices, required, repeats, group)


def _argument(action: argparse.Action, choices: tuple[str, ...]) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is not None:
        return action.metavar
    return "|".join(choices) if choices else action.dest.upper()


def _kinds(argument: str, action: argparse.Action) -> tuple[Kind, ...]:
    words = re.findall(r"[A-Z]+", f"{argument} {action.dest}".upper())
    kinds = tuple(dict.fromkeys(_NAMED[word] for word in words if word in _NAMED))
    return kinds or ((Kind.FILE,) if action.type is Path else ())
