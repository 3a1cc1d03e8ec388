"""When an agent's snapshot is written: soon after news, and seldom while nothing happens but adverts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.snapshot import ANEW, EVERY, SnapshotFile
from linkbalancer.engine.effects import Announce, Effect, SendAdvert

SIGN: Duration = 10 * MILLISECOND
"""At most how often it is noted that nothing but adverts has happened since."""


class Remembering:
    """One agent's hand on its snapshot.

    Args:
        file: where it is written.
        take: returns the snapshot of an instant.
        complain: where it is said that it could not be written.
    """

    def __init__(
        self, file: SnapshotFile, take: Callable[[Instant], Mapping[str, Any]], complain: Callable[[str, str], None]
    ) -> None:
        self._file, self._take, self._complain = file, take, complain
        self._at: Instant | None = None
        self._holds = False
        self._signed: Instant = 0

    def deadline(self) -> Instant | None:
        """Return when it is to be written."""
        return self._at

    def expire(self, now: Instant) -> None:
        """Write it, if it is time."""
        if self._at is not None and self._at <= now:
            self.write(now)

    def note(self, now: Instant, effects: Sequence[Effect]) -> None:
        """Take in what the engine wants done: all but adverts and announcements is news."""
        if not effects:
            return
        if all(isinstance(effect, SendAdvert | Announce) for effect in effects):
            self._at = now + ANEW if self._at is None else self._at
            return
        self._holds = False
        self._at = now + EVERY if self._at is None else min(self._at, now + EVERY)

    def sign(self, now: Instant) -> None:
        """Note that every advert that was due by now is sent, where that is all that has happened since it was written.

        Not while news waits to be written: a successor would go on with what is over.
        """
        if self._holds and now - self._signed >= SIGN:
            self._signed = now
            self._file.live(now)

    def write(self, now: Instant) -> None:
        """Write it."""
        self._at = None
        self._holds = self._file.write(self._take(now))
        if not self._holds:
            self._complain("write the snapshot", "it is too long")

    def forget(self) -> None:
        """Leave nothing to go on from."""
        self._at, self._holds = None, False
        self._file.forget()
