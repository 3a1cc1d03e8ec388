"""How one try to tell somebody ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether they were told, and what they said; `away`: nobody is there to take it, which is no failure."""

    good: bool
    text: str
    away: bool = False


class NotToldError(Exception):
    """They were not told; the argument says why."""
