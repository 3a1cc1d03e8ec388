"""The weight of a link that loses little: the worst loss that either end sees."""

from dataclasses import dataclass
from typing import ClassVar

from linkbalancer.weights.amounts import share_in_words
from linkbalancer.weights.view import View, falling, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """100 at a loss of `good` or less, 0 at `bad` or more, of the worst of round trips and either direction.

    Unknown while none of the three is known; what is not known of them is left out.
    """

    name: ClassVar[str] = "loss"

    good: float = 0.0
    bad: float = 0.1

    def weight(self, view: View) -> float | None:
        """Return the weight."""
        lost = _lost(view)
        return None if lost is None else falling(lost, self.good, self.bad)

    def because(self, view: View) -> tuple[str, ...]:
        """Return what it is made of."""
        lost = _lost(view)
        return (f"loss {'unknown' if lost is None else share_in_words(lost)}",)


def _lost(view: View) -> float | None:
    metrics = view.metrics
    return worst(metrics.loss, metrics.outward.loss, metrics.inward.loss)
