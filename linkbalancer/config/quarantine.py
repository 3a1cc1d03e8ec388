"""Quarantine: a configuration whose only errors are in rule lines, or in lines of sets, loaded without those lines.

For a gateway that starts and has nothing better: the lines that are right are worth more than none. Each faulty line is
made a comment where it stands, so that the others keep their numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.load import Loaded, load
from linkbalancer.config.rulefile import OTHER_LINE

ROUNDS: Final = 16
"""How often lines are left out: without a line, another one may say something else than it said before."""

LEFT_OUT: Final = "# left out: "
"""What a faulty line begins with from now on."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What is left: the configuration, the texts of its files that are used otherwise than they stand there, by path.

    `left_out` are the errors of the lines left out, of the rule file or of a set's.
    """

    loaded: Loaded
    texts: Mapping[str, str]
    left_out: tuple[Finding, ...]


def load_without_faulty_rules(path: str, read: Callable[[str], str]) -> Quarantined:
    """Load a configuration that `load` refuses, without its faulty rule lines.

    Raises:
        ConfigErrors: what `load` found, where anything but rule lines is wrong.
        OSError: `read` cannot read the file at `path` itself.
    """
    texts: dict[str, str] = {}
    left_out: list[Finding] = []
    first: ConfigErrors | None = None
    for _round in range(ROUNDS):
        try:
            loaded = load(path, lambda name: texts[name] if name in texts else read(name))
        except ConfigErrors as refused:
            first = first or refused
            faulty = _by_themselves(refused.findings)
            for file in {finding.file for finding in refused.findings}:
                here = [finding for finding in faulty if finding.file == file]
                if file == path or (text := _without(texts, file, read, here)) is None:
                    raise first from None
                texts[file] = text
            left_out += faulty
        else:
            return Quarantined(loaded, texts, tuple(left_out))
    assert first is not None
    raise first


def _by_themselves(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the errors of lines that are wrong by themselves, if there are any: others may be right without those."""
    return tuple(finding for finding in findings if OTHER_LINE not in finding.what) or findings


def _without(texts: dict[str, str], file: str, read: Callable[[str], str], faulty: list[Finding]) -> str | None:
    """Return the file's text with its faulty lines as comments, None where an error is in no line."""
    try:
        lines = (texts[file] if file in texts else read(file)).split("\n")
    except UnicodeDecodeError:
        return None
    for number in {finding.line for finding in faulty}:
        lines[number - 1] = LEFT_OUT + lines[number - 1]
    return "\n".join(lines)
