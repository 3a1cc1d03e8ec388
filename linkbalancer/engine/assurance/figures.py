"""The three figures of a link that service levels are about, the same at both of its ends as far as can be."""

from typing import Final, NamedTuple

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.weights.amounts import share_in_words, time_in_words
from linkbalancer.weights.filters import Smoothed
from linkbalancer.weights.metrics import Metrics

LOSS_TIME: Final[Duration] = 40 * SECOND
"""The loss is smoothed for so long besides: it is counted by some datagrams a second, and one lost is no 1.6 %."""


YOUNG: Final[Duration] = 10 * SECOND
"""For so long after a link opened its loss counts as none: one of the first ten datagrams is no 10 %."""


class Figures(NamedTuple):
    """Loss of the worse direction (0..1), round-trip time and jitter in nanoseconds; None where it is not known."""

    loss: float | None = None
    rtt: Duration | None = None
    jitter: Duration | None = None


NOTHING: Final = Figures()


class Steady:
    """What is known of an own link, with the loss smoothed."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.figures = NOTHING
        self._loss = Smoothed(LOSS_TIME)
        self._began: Instant | None = None
        self._at: Instant = 0

    def take(self, now: Instant, here: Metrics, peer: Metrics | None) -> None:
        """Take in what both ends know: of two answers the worse one, so that both ends have the same."""
        both = here if peer is None else here.joined(peer)
        there = Metrics() if peer is None else peer
        loss = _worst(both.outward.loss, both.inward.loss)
        loss = both.loss if loss is None else loss
        if loss is None:
            self._loss.forget()
        else:
            self._count(now, loss)
        self._at = now
        rtt, jitter = _worst(here.rtt, there.rtt), _worst(here.jitter, there.jitter)
        self.figures = Figures(
            self._loss.value, None if rtt is None else round(rtt), None if jitter is None else round(jitter)
        )

    def forget(self) -> None:
        """Know nothing again: the link closed."""
        self.figures, self._began = NOTHING, None
        self._loss.forget()

    def _count(self, now: Instant, loss: float) -> None:
        """Steady the loss, from none on."""
        if self._began is None or self._loss.value is None:
            self._began = now
        self._loss.take(loss if now >= self._began + YOUNG else 0.0, now - max(self._at, self._began))


def excess(level: ServiceLevel, figures: Figures, share: float = 1.0) -> str:
    """Name the first figure that is not below that share of its bound; empty when all known ones are."""
    for name, figure, bound, words in (
        ("loss", figures.loss, level.loss, share_in_words),
        ("rtt", figures.rtt, level.rtt, _time),
        ("jitter", figures.jitter, level.jitter, _time),
    ):
        if figure is not None and bound is not None and figure >= bound * share:
            return f"{name} {words(figure)} > {words(bound)}"
    return ""


def _time(duration: float) -> str:
    return time_in_words(round(duration))


def _worst(*figures: float | None) -> float | None:
    known = [one for one in figures if one is not None]
    return max(known) if known else None
