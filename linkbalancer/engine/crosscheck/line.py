"""One line of the cross-check: what is expected, what the kernel has, and where they differ why, and what to do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    """How what the kernel has compares with what is expected."""

    SAME = "same"
    DIFFERS = "differs"
    NOTE = "note"
    """Nothing is expected there: the kernel's word alone."""
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing compared: `check` names it, `why` explains it, `remedy` are commands or advice, the first one first."""

    check: str
    result: Result
    expected: str = ""
    kernel: str = ""
    why: str = ""
    since_ms: int | None = None
    remedy: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "check": self.check,
            "result": str(self.result),
            "expected": self.expected,
            "kernel": self.kernel,
            "why": self.why,
            "since_ms": self.since_ms,
            "remedy": list(self.remedy),
        }


def same(check: str, expected: str, kernel: str = "", why: str = "", since_ms: int | None = None) -> Line:
    """Return a line about what is as expected."""
    return Line(
        check=check, result=Result.SAME, expected=expected, kernel=kernel or expected, why=why, since_ms=since_ms
    )


def differs(check: str, expected: str, kernel: str, why: str, *remedy: str, since_ms: int | None = None) -> Line:
    """Return a line about what is not."""
    return Line(
        check=check,
        result=Result.DIFFERS,
        expected=expected,
        kernel=kernel,
        why=why,
        since_ms=since_ms,
        remedy=remedy,
    )


def note(check: str, kernel: str, why: str = "") -> Line:
    """Return a line about what is only told."""
    return Line(check=check, result=Result.NOTE, kernel=kernel, why=why)


def unseen(check: str, expected: str, why: str) -> Line:
    """Return a line about what could not be seen."""
    return Line(check=check, result=Result.UNSEEN, expected=expected, why=why)
