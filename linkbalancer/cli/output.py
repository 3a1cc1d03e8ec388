"""How a command answers: one JSON document for machines, or text for people."""

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any


def add_json_option(parser: ArgumentParser) -> None:
    """Give a command its `--json`."""
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def emit(args: Namespace, data: Any, text: str) -> None:  # noqa: ANN401 - whatever json can write
    """Write `data` as JSON where `--json` was given, else `text`."""
    sys.stdout.write((json.dumps(data, indent=2) if args.json else text).rstrip("\n") + "\n")


def complain(text: str) -> None:
    """Write one line to standard error, after the program's name."""
    sys.stderr.write(f"linkbalancer: {text}\n")
