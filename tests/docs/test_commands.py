"""Every `linkbalancer ...` in a code block of a document is a command that exists, with options that it has."""

import argparse
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.cli.main import COMMANDS, parser_of

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^ *```(console|sh|bash|)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PROMPTED = re.compile(r"^(?:\$|[a-z]\w*#) ")
_INLINE = re.compile(r"`(?:sudo )?linkbalancer ([^`]+)`")
_PLACEHOLDER = {"5m": "5m", "N": "1", "ID": "1", "DIR": "dir", "NAME": "name"}
"""What stands for a value of the reader's own, where a parser wants a value of a kind."""


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, without the program's name."""
    for language, block in _BLOCK.findall(text):
        lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        if language == "console":
            lines = [_PROMPTED.sub("", line) for line in lines if _PROMPTED.match(line)]
        for line in lines:
            for part in re.split(r"&&|;(?! )|; |\|(?!\|)", line) if "'" not in line else [line]:
                found = re.match(r"^(?:sudo )?linkbalancer (.*)$", part.strip())
                if found:
                    yield _words(found[1])
    for inline in _INLINE.findall(text):
        words = _words(inline.replace("\n", " "))
        if words and words[0] in COMMANDS:
            yield words


def _words(line: str) -> list[str]:
    words = shlex.split(re.sub(r"\$\(.*?\)", "1", line), comments=True)
    cut = next((index for index, word in enumerate(words) if re.match(r"[<>|&]", word)), len(words))
    return [_PLACEHOLDER.get(word, word) for word in words[:cut]]


def fault(words: list[str]) -> str | None:
    """Return what a parser has against a command; a word that is left out (`...`, `[N]`) is no fault."""
    if words[0].startswith("-"):
        return None
    if words[0] not in COMMANDS:
        return f"there is no command {words[0]}"
    if any(word.startswith(("[", "...")) or "|" in word for word in words):
        return _options(words)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            parser_of(words[0]).parse_args(words[1:])
        except SystemExit as end:
            if end.code and "required" not in said.getvalue():
                return said.getvalue().splitlines()[-1]
    return None


def _options(words: list[str]) -> str | None:
    known = set(_flags(parser_of(words[0])))
    options = {word.strip("[]") for word in words if word.strip("[]").startswith("--")}
    return f"unknown options {sorted(options - known)}" if options - known else None


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in vars(parser)["_actions"]:
        yield from action.option_strings
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                yield from _flags(inner)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_document_exists(page: Path) -> None:
    """The parser of the command takes it as it stands."""
    wrong = [f"linkbalancer {' '.join(words)}: {why}" for words in commands(page.read_text()) if (why := fault(words))]

    assert wrong == []


def test_a_wrong_command_is_found() -> None:
    """So that the test above cannot pass by finding nothing."""
    page = "```console\nb1# linkbalancer status --nonsense\n```\n`linkbalancer drain l1 --wish` `linkbalancer plan`"

    assert [words[0] for words in commands(page)] == ["status", "drain", "plan"]
    assert [bool(fault(words)) for words in commands(page)] == [True, True, False]
    assert fault(["dance"]) == "there is no command dance"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(page: Path) -> None:
    """Files are there, and headings have the names that links call them by."""
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            names = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in names, f"{target}#{anchor}"
