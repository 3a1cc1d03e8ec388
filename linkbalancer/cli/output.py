"""How a command answers: one JSON document for machines, or text for people."""

import contextlib
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any


class AnswerError(Exception):
    """Standard output takes no more, and not because its reader has seen enough; the argument says why."""


def add_json_option(parser: ArgumentParser) -> None:
    """Give a command its `--json`."""
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def emit(args: Namespace, data: Any, text: str) -> None:  # noqa: ANN401 - whatever json can write
    """Write `data` as JSON where `--json` was given, else `text`."""
    write((json.dumps(data, indent=2) if args.json else text).rstrip("\n") + "\n")


def write(text: str) -> None:
    """Write a part of the answer; raises AnswerError, BrokenPipeError."""
    with _answering():
        sys.stdout.write(text)


def finish() -> None:
    """Have the whole answer written; raises AnswerError, BrokenPipeError."""
    with _answering():
        sys.stdout.flush()


def give_up() -> None:
    """Write no more: what is left in the buffer would fail once more at the interpreter's end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AnswerError(f"cannot write the answer: {error.strerror}") from error


def unreadable(error: OSError, path: object) -> str:
    """Say that a file cannot be read: the one that the error names, else the one at `path`."""
    return f"cannot read {error.filename or path}: {error.strerror or error}"


def complain(text: str) -> None:
    """Write one line to standard error, after the program's name."""
    sys.stderr.write(f"linkbalancer: {text}\n")
