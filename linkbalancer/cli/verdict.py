"""What the whole configuration is like with some of its files changed: every error and warning, before any is written."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.cli.check import key_state
from linkbalancer.config.document import parse
from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.load import beside, load
from linkbalancer.config.rules import parse_rules, read_text


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
        return Path(path).read_text("utf-8-sig") if content is None else content.decode("utf-8-sig")

    try:
        if config is not None:
            return Verdict((), load(str(config), read, key_state).warnings)
        parsed = [parse_rules(read_text(str(path), read), str(path)) for path in instead]
    except ConfigErrors as error:
        return Verdict(error.findings, ())
    return Verdict(
        tuple(sorted(one for file in parsed for one in file.errors)),
        tuple(sorted(one for file in parsed for one in file.warnings)),
    )


def rule_file(config: Path) -> Path:
    """Return the rule file that a configuration names.

    Raises:
        ConfigErrors: it names none, or is no YAML.
        OSError: it cannot be read.
    """
    document = parse(read_text(str(config), lambda path: Path(path).read_text("utf-8-sig")), str(config))
    values = document.values if isinstance(document.values, dict) else {}
    name = values.get("applications")
    if not isinstance(name, str) or not name:
        place = Finding(str(config), 1, 1, "names no rule file", "add a key such as applications: apps.conf")
        raise ConfigErrors([*document.errors, place])
    return Path(beside(str(config), name))


def configuration_of(rules: Path, places: Iterable[Path]) -> Path | None:
    """Return the first configuration of some places that has a file as its rule file."""
    for config in places:
        try:
            if rule_file(config).resolve() == rules.resolve():
                return config
        except (OSError, ConfigErrors):
            continue
    return None


def complain_of(findings: Iterable[Finding], word: str = "") -> None:
    """Write findings to standard error, as `check` does."""
    for one in findings:
        sys.stderr.write(f"{one.file}:{one.line}:{one.column}: {word}{one.what}; {one.remedy}\n")
