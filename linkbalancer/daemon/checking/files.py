"""Trackers that are files: whether one is there, or the number that stands in it."""

from collections.abc import Mapping
from pathlib import Path

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.tracked import Believed, Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.files import FileWatch, number_in

LOOK: Duration = SECOND
"""How often files are looked at without being told: a folder may be a network's, or not be there yet."""


class FileTracker(Believed):
    """One file: good while it is there; of one with a number, while that is 0 (its weight is multiplied by it)."""

    def __init__(self, name: str, tracker: Tracker, path: Path, changed: Changed) -> None:
        super().__init__("file", name, changed)
        self.path, self._number = path, tracker.number

    def look(self, now: Instant) -> None:
        """See how it is now; what cannot be seen changes nothing but the words."""
        try:
            value = number_in(self.path) if self._number else None
            there = self.path.exists()
        except OSError as error:
            self._puzzled(f"cannot be read: {error.strerror or error}")
            return
        if self._number and value is None:
            self._puzzled("holds no whole number: what it held before stands")
        elif self._number:
            text = f"holds {value}" if there else "is not there, which is 0"
            self.see(now, ok=value == 0, text=text, value=value)
        else:
            self.see(now, ok=there, text="is there" if there else "is not there")

    def _puzzled(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._changed(self.name)

    def begin(self, now: Instant) -> None:
        """Watch nothing itself: `Files` does."""

    def close(self) -> None:
        """Hold nothing."""


class Files:
    """All files that are tracked, and their watch."""

    def __init__(self, loop: Loop, trackers: Mapping[str, FileTracker]) -> None:
        """Watch; raises OSError."""
        self._trackers = trackers
        self._watch = FileWatch([one.path for one in trackers.values()])
        loop.add(self._watch, self._read)
        loop.every(LOOK, self._look)

    def begin(self, now: Instant) -> None:
        """See how they are."""
        for tracker in self._trackers.values():
            tracker.look(now)

    def _read(self, now: Instant) -> None:
        if self._watch.read():
            self.begin(now)

    def _look(self, now: Instant) -> None:
        self._watch.look()
        self.begin(now)
