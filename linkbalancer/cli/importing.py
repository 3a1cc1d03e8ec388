"""`linkbalancer import keepalived FILE [-o DIR]`: a keepalived.conf as our configuration, and what it lacks."""

import contextlib
import errno
import os
import socket
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli.output import add_json_option, complain, emit, unreadable
from linkbalancer.config.findings import ConfigErrors, Finding, printable
from linkbalancer.config.keepalived.conversion import Conversion, convert
from linkbalancer.config.keepalived.remarks import Kind, Remark
from linkbalancer.config.keepalived.writing import File
from linkbalancer.config.load import load

EXAMPLES = [
    ("import keepalived /etc/keepalived/keepalived.conf", "show the configuration that it makes, and what it lacks"),
    ("import keepalived keepalived.conf -o new", "write it into the folder new, which linkbalancer check then accepts"),
]

_INCLUDED_MAX: Final = 4096
"""Files that one `include` may mean."""

_WORDS: Final = {
    Kind.LOST: "not carried over",
    Kind.CHANGED: "carried over, but different",
    Kind.NEEDLESS: "needless",
}


def configure(parser: ArgumentParser) -> None:
    """Add the command's options."""
    add_json_option(parser)
    parser.add_argument("kind", choices=["keepalived"], metavar="keepalived", help="whose configuration it is")
    parser.add_argument("file", type=Path, help="the keepalived.conf; what it includes is read too")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write the files there; none that is there already is touched"
    )
    parser.add_argument(
        "--config-id", metavar="ID", help="which lines with @ID are meant (Keepalived's -i); default: this host's name"
    )
    parser.add_argument("--node", metavar="NAME", help="the gateway's name, where no router_id says one")


def run(args: Namespace) -> int:
    """Convert; 0: a configuration, 1: it cannot be converted, 2: there is nothing to read, or nowhere to write."""
    host = socket.gethostname().partition(".")[0] or "gateway"
    try:
        conversion = convert(str(args.file), _read, matching, config_id=args.config_id or host, node=args.node or host)
        doubts = _checked(conversion)
    except ConfigErrors as error:
        conversion, doubts = Conversion((), (), error.findings), ()
    except OSError as error:
        complain(unreadable(error, args.file))
        return 2
    if args.output is not None and not conversion.errors:
        try:
            _write(args.output, conversion.files)
        except OSError as error:
            complain(f"cannot write {error.filename or args.output}: {error.strerror or error}")
            return 2
    emit(args, _as_data(conversion, doubts, args.output), _as_text(conversion, doubts, args.output))
    return 1 if conversion.errors else 0


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def matching(pattern: str, folder: str) -> list[str]:
    """Return the files that a pattern of `include` means, in order."""
    found: dict[str, None] = {}
    for one in _braces(pattern):
        with contextlib.suppress(ValueError, NotImplementedError):  # no pattern at all: it means no file
            whole = Path(folder) / one
            files = sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))
            found.update((str(file), None) for file in files if file.is_file() and _is_meant(file.name, whole.name))
    return list(found)[:_INCLUDED_MAX]


def _is_meant(name: str, pattern: str) -> bool:
    """Whether a pattern means a name: hidden files only where it begins as they do."""
    return pattern.startswith(".") or not name.startswith(".")


def _braces(pattern: str) -> list[str]:
    """Work out the braces of csh, `{a,b}`, which may stand in each other."""
    start = pattern.find("{")
    if start < 0:
        return [pattern]
    depth, pieces, begin = 0, [], start + 1
    for index in range(start, len(pattern)):
        one = pattern[index]
        depth += (one == "{") - (one == "}")
        if (one == "," and depth == 1) or (one == "}" and depth == 0):
            pieces.append(pattern[begin:index])
            begin = index + 1
        if depth == 0:
            made = (pattern[:start] + piece + pattern[index + 1 :] for piece in pieces)
            return [one for each in made for one in _braces(each)][:_INCLUDED_MAX]
    return [pattern]


def _checked(conversion: Conversion) -> tuple[Finding, ...]:
    """Return what `check` would warn of in the configuration that was made.

    Raises:
        ConfigErrors: It would refuse it.
    """
    if conversion.errors:
        return ()
    texts = {file.name: file.text for file in conversion.files}
    return load("linkbalancer.yaml", texts.__getitem__).warnings


def _write(directory: Path, files: tuple[File, ...]) -> None:
    """Write the files, secret ones for their owner alone.

    Raises:
        OSError: One of them is there already, or cannot be written.
    """
    for file in files:
        if os.path.lexists(directory / file.name):
            raise FileExistsError(errno.EEXIST, "it is there already; name another folder", str(directory / file.name))
    for file in files:
        path = directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if file.secret else 0o755)
        with open(path, "x", encoding="utf-8", opener=_opener(file)) as written:
            written.write(file.text)


def _opener(file: File) -> Callable[[str, int], int]:
    return lambda path, flags: os.open(path, flags, 0o600 if file.secret else 0o644)


def _as_data(conversion: Conversion, doubts: tuple[Finding, ...], output: Path | None) -> dict[str, Any]:
    return {
        "good": not conversion.errors,
        "errors": [asdict(error) for error in conversion.errors],
        "remarks": [{"kind": remark.kind.value, **asdict(remark.finding)} for remark in conversion.remarks],
        "warnings": [asdict(doubt) for doubt in doubts],
        "written": None if output is None or conversion.errors else str(output),
        "files": [
            {"name": file.name, "secret": True} if file.secret else {"name": file.name, "text": file.text}
            for file in conversion.files
        ],
    }


def _as_text(conversion: Conversion, doubts: tuple[Finding, ...], output: Path | None) -> str:
    """Say what became of everything; the files themselves where they are not written."""
    lines = [str(error) for error in conversion.errors]
    for kind in Kind:
        some = [remark for remark in conversion.remarks if remark.kind is kind]
        if some:
            lines += ["", f"{_WORDS[kind]}:", *(f"  {_line(remark)}" for remark in some)]
    if doubts:
        lines += ["", "what linkbalancer check warns of:", *(f"  {doubt}" for doubt in doubts)]
    if conversion.errors:
        return "\n".join([*lines, "", "nothing is converted"])
    if output is not None:
        names = ", ".join(file.name for file in conversion.files)
        steps = f"look through it, then: linkbalancer check {output}"
        return "\n".join([*lines, "", f"written to {output}: {names}", steps]).lstrip("\n")
    shown = [
        part for file in conversion.files if not file.secret for part in ("", f"--- {file.name}", file.text.rstrip())
    ]
    return "\n".join([*lines, *shown]).lstrip("\n")


def _line(remark: Remark) -> str:
    finding = remark.finding
    return printable(f"{finding.file}:{finding.line}: {finding.what}; {finding.remedy}")
