"""One change between two configurations, for people and for programs."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kind of change it is."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """A change: of what (`subject`), what it is, and what it does to flows, sessions and masterships."""

    kind: Kind
    subject: str
    what: str = ""
    effect: str = ""

    def __str__(self) -> str:
        """Write it as a line: `application web: VIDs 2 1 -> 1 2; its flows stay on VID 2`."""
        return self.shortly() + (f"; {self.effect}" if self.effect else "")

    def shortly(self) -> str:
        """Write it without what it does."""
        word = f" {self.kind}" if self.kind in {Kind.NEW, Kind.GONE, Kind.MOVED} else ""
        return f"{self.subject}{word}" + (f": {self.what}" if self.what else "")
