"""Debounce: something that goes up and down is believed once it has stayed there for a while."""

from dataclasses import dataclass

from linkbalancer.clock import Duration, Instant, is_due


@dataclass(slots=True)
class Debounce:
    """What is believed of something that is up or down: `ok`, None before it was ever seen.

    The first sight is believed at once; later ones when nothing else was seen for `up_delay`, or `down_delay`.
    """

    up_delay: Duration = 0
    down_delay: Duration = 0
    ok: bool | None = None
    _due: Instant | None = None

    def see(self, now: Instant, *, up: bool) -> bool:
        """Take in what is seen now; return whether what is believed has changed."""
        if self.ok is up:
            self._due = None
        elif self.ok is None:
            self.ok = up
            return True
        elif self._due is None:
            self._due = now + (self.up_delay if up else self.down_delay)
        return self.expire(now)

    def deadline(self) -> Instant | None:
        """Return when what is seen is believed, None while it is."""
        return self._due

    def expire(self, now: Instant) -> bool:
        """Let time pass; return whether what is believed has changed."""
        if not is_due(now, self._due):
            return False
        self.ok, self._due = not self.ok, None
        return True

    def recall(self, *, ok: bool) -> None:
        """Believe what a predecessor believed, before anything is seen."""
        self.ok, self._due = ok, None
