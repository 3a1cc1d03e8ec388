"""What the whole configuration is like with some of its files changed: every error, before any is written."""

import io
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.cli.check import key_state
from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.load import load
from linkbalancer.config.reading import read_text
from linkbalancer.config.rules import parse_rules
from linkbalancer.config.shadows import shadowed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong (`errors`) and what is doubtful."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def judge(config: Path | None, instead: Mapping[Path, bytes]) -> Verdict:
    """Check a configuration with other contents for some files; without one, those files as rule files.

    Raises:
        OSError: the configuration itself cannot be read.
    """

    def read(path: str) -> str:
        content = instead.get(Path(path).resolve())
        if content is None:
            return Path(path).read_text("utf-8-sig")
        return io.TextIOWrapper(io.BytesIO(content), "utf-8-sig").read()  # ends of lines as read_text has them

    try:
        if config is not None:
            return Verdict((), load(str(config), read, key_state).warnings)
        parsed = [parse_rules(read_text(str(path), read), str(path), read) for path in instead]
    except ConfigErrors as error:
        return Verdict(error.findings, ())
    return Verdict(
        tuple(sorted(one for file in parsed for one in file.errors)),
        tuple(sorted(one for file in parsed for one in (*file.warnings, *shadowed(file)))),
    )


def complain_of(findings: Iterable[Finding], word: str = "") -> None:
    """Write findings to standard error, as `check` does."""
    for one in findings:
        sys.stderr.write(f"{one.file}:{one.line}:{one.column}: {word}{one.what}; {one.remedy}\n")
