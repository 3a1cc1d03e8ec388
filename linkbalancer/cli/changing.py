"""What the commands that change a configuration share: both sides of the change, its plan, and the question."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from linkbalancer.cli.check import GATEWAY_FILE, key_state
from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.config.changes import Kind
from linkbalancer.config.difference import NOTHING, Difference, Present, Side, key_marks
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import load
from linkbalancer.daemon.texts import Texts, read_text
from linkbalancer.links import Family, GroupId, LinkName
from linkbalancer.lvrrp.keys import parse_keys

ANSWER_S = 130.0
"""How long the daemon may take for a change, a little longer than it allows itself."""

_COLOURS = {Kind.NEW: "32", Kind.GONE: "31", Kind.CHANGED: "33", Kind.MOVED: "36"}
_TIME = re.compile(r"([0-9]{1,6})(s|m|min|h)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600}


class BadFilesError(Exception):
    """The files are refused; `lines` are the errors."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Files:
    """A configuration to compare: its meaning, its texts without secrets, and what is doubtful in it."""

    side: Side
    texts: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def seconds(text: str) -> int:
    """Read a time such as 30s, 5m or 1h; raises ValueError (for argparse)."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return int(match[1]) * _UNITS[match[2]]


def in_force(run_dir: Path, entry: int | None = None) -> dict[str, Any]:
    """Return the daemon's answer on what is in force, or on an entry; raises RefusedError."""
    return ask(run_dir, "configuration") if entry is None else ask(run_dir, "configuration", entry=entry)


def files_of(answer: Mapping[str, Any]) -> Files:
    """Return the configuration in the daemon's answer; raises BadFilesError where this program does not read it."""
    texts: Mapping[str, str] = answer["texts"]

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "not part of the configuration", path)
        return texts[path]

    keys = {name: tuple((int(number), str(mark)) for number, mark in marks) for name, marks in answer["keys"].items()}
    try:
        loaded = load(answer["path"], read)
    except (ConfigErrors, OSError) as error:
        raise BadFilesError(f"what the daemon has is not understood: {error}") from error
    return Files(Side(loaded, texts.get(answer["rules"], ""), keys), texts)


def files_at(path: Path, instead: Mapping[Path, bytes] | None = None) -> Files:
    """Return the configuration at a path (a directory: its linkbalancer.yaml).

    Args:
        path: where it is.
        instead: contents for some files (by their real paths) that are not written yet.

    Raises:
        BadFilesError: with every error, as the daemon would refuse it.
        OSError: the file itself cannot be read.
    """
    file = str(path / GATEWAY_FILE if path.is_dir() else path)
    texts = Texts()

    def read(name: str) -> str:
        content = (instead or {}).get(Path(name).resolve())
        if content is not None:
            texts.files[name] = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        return texts.read(name)

    try:
        loaded = load(file, read, _key_state)
    except ConfigErrors as errors:
        raise BadFilesError(*map(str, errors.findings)) from None
    keys = dict(
        _keys({name: link.key_file and loaded.beside(link.key_file) for name, link in loaded.config.links.items()})
    )
    rules = texts.files.get(loaded.rule_file, "")
    return Files(Side(loaded, rules, keys), texts.files, tuple(map(str, loaded.warnings)))


def _keys(paths: Mapping[LinkName, str | None]) -> Iterator[tuple[LinkName, tuple[tuple[int, str], ...]]]:
    for name, path in paths.items():
        if path is None:
            yield name, ()
            continue
        try:
            yield name, key_marks(parse_keys(read_text(path)))
        except (OSError, ValueError):
            continue  # not ours to read: not compared


def _key_state(path: str, content: Callable[[str], Doubt | None]) -> Doubt | None:
    """Judge a key file as the daemon does; one that we may not read is the daemon's to judge."""
    if not os.access(path, os.R_OK) and Path(path).exists():
        return None
    doubt = key_state(path, content)
    return None if doubt is None else replace(doubt, refused=doubt.refused or not doubt.what.endswith("by its group"))


def present(run_dir: Path) -> Present | None:
    """Return what the daemon does now, None where it does not say."""
    try:
        status = ask(run_dir, "status")
    except RefusedError:
        return None
    groups = {GroupId.read(name): group for name, group in status["groups"].items()}
    return Present(
        places={name: one["vid"] for name, one in status["applications"].items()},
        working=frozenset(one.vid for one, group in groups.items() if group["works"] and one.family is Family.IPV4),
        masters=frozenset(one for one, group in groups.items() if group["master"] == "self"),
        breaking={
            level["level"]: frozenset(map(int, level["breaks"]))
            for one in status["applications"].values()
            if (level := one.get("sla")) is not None
        },
    )


def drawn(found: Difference, *, same_texts: bool) -> str:
    """Return a difference as lines for people, coloured on a terminal."""
    if not found.changes:
        return NOTHING if same_texts else f"{NOTHING} but comments or layout"
    lines = []
    for change in found.changes:
        sign = {Kind.NEW: "+", Kind.GONE: "-"}.get(change.kind, "~")
        line = f"{sign} {change.shortly()}"
        if coloured():
            line = f"\033[{_COLOURS[change.kind]}m{line}\033[0m"
        lines.append(line + (f"; {change.effect}" if change.effect else ""))
    return "\n".join([*lines, *(f"  ({note})" for note in found.notes)])


def as_json(found: Difference, *, same_texts: bool) -> dict[str, Any]:
    """Return a difference for programs."""
    return {
        "changes": [asdict(change) for change in found.changes],
        "notes": list(found.notes),
        "nothing_changes": not found.changes,
        "same_texts": same_texts,
    }


def coloured() -> bool:
    """Return whether the answer is for a person's eyes."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def agreed(question: str) -> bool:
    """Ask at a terminal; elsewhere nobody is there to be asked, and the command is meant."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def refused(error: RefusedError) -> list[str]:
    """Return all that is to be said of a refusal."""
    lines = [str(line) for line in error.error.get("lines") or ()]
    return lines or [str(error)]


def dump(value: object) -> str:
    """Write an answer for programs."""
    return json.dumps(value, indent=2)
