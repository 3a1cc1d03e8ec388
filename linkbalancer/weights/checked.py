"""The weight of a link behind which things work: the share of named checks that are up."""

from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.weights.amounts import share_in_words
from linkbalancer.weights.view import BEST, View


@dataclass(frozen=True, slots=True)
class Checks:
    """100 x the mean share of the named checks that is up: trackers, and the probes of static groups (by VID).

    Unknown while one of them is: what is not known yet moves nothing.
    """

    name: ClassVar[str] = "checks"

    names: tuple[str, ...]

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        shares = [view.checks.get(name) for name in self.names]
        known = [share for share in shares if share is not None]
        return BEST * sum(known) / len(known) if known and len(known) == len(shares) else None

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of."""
        return tuple(f"{name} {_in_words(view.checks.get(name))}" for name in self.names)


def _in_words(share: float | None) -> str:
    if share is None:
        return "unknown"
    return {0.0: "down", 1.0: "up"}.get(share, f"{share_in_words(share)} up")
