"""Rise and fall: how many results in a row it takes until a check is believed."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counter:
    """Counts results; `ok` is what is believed, None before the first result where nothing is assumed.

    The first result decides at once, as long as nothing is assumed; from then on it takes `rise` passes in a row, or
    `fall` failures, to change what is believed.
    """

    rise: int
    fall: int
    ok: bool | None = None
    streak: int = 0

    def count(self, *, passed: bool) -> bool:
        """Take in a result; return whether what is believed has changed."""
        if self.ok is passed:
            self.streak = 0
            return False
        self.streak += 1
        if self.ok is not None and self.streak < (self.rise if passed else self.fall):
            return False
        self.ok, self.streak = passed, 0
        return True

    def recall(self, *, ok: bool) -> None:
        """Believe what a predecessor believed: it takes as many results as ever to change that."""
        self.ok, self.streak = ok, 0
