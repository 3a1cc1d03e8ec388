"""Findings of the preflight: what breaks, how it was seen, how to mend it, and what `--fix` may do about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Severity(StrEnum):
    """How bad it is; the worst sorts first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class SetSwitch:
    """Set a switch below /proc/sys/net."""

    path: str
    value: str

    def __str__(self) -> str:
        return f"echo {self.value} > /proc/sys/net/{self.path}"


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a file of our own, whole; one that is there is replaced."""

    path: str
    text: str

    def __str__(self) -> str:
        lines = "".join(f"\n      {line}" for line in self.text.splitlines())
        return f"write {self.path}:{lines}"


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a command."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


Step: TypeAlias = SetSwitch | WriteFile | RunCommand


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: `breaks` what it breaks, `mend` what to do, `fix` what `--fix` does (None: it may not)."""

    name: str
    severity: Severity
    breaks: str
    mend: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: of which kind, on what (a device, a rule, a file), how it was seen.

    `more` replaces the kind's words where this one can be said more exactly.
    """

    kind: Kind
    subject: str
    seen: str
    steps: tuple[Step, ...] = ()
    more: dict[str, str] = field(default_factory=dict)

    @property
    def breaks(self) -> str:
        """What it breaks."""
        return self.more.get("breaks", self.kind.breaks)

    @property
    def mend(self) -> str:
        """What to do about it."""
        return self.more.get("mend", self.kind.mend)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "kind": self.kind.name,
            "severity": str(self.kind.severity),
            "subject": self.subject,
            "breaks": self.breaks,
            "seen": self.seen,
            "mend": self.mend,
            "fix": [str(step) for step in self.steps],
        }


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings without repetition, the worst first, in a lasting order."""
    once = {(one.kind.name, one.subject, one.seen): one for one in findings}
    return tuple(sorted(once.values(), key=lambda one: (one.kind.severity.rank, one.kind.name, one.subject, one.seen)))
