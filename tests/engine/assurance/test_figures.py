"""The figures of a link: the same at both ends, and steady."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.assurance.figures import LOSS_TIME, NOTHING, YOUNG, Figures, Steady, excess
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.weights.metrics import Lane, Metrics

NEAR = Metrics(inward=Lane(loss=0.02), loss=0.5, rtt=70 * MILLISECOND, jitter=4 * MILLISECOND)
FAR = Metrics(inward=Lane(loss=0.08), rtt=72 * MILLISECOND, jitter=3 * MILLISECOND)
ALL = ServiceLevel(loss=0.01, rtt=80 * MILLISECOND, jitter=10 * MILLISECOND)


def steady(*said: tuple[int, Metrics, Metrics | None]) -> Figures:
    """Return what is known after this was said."""
    one = Steady()
    for now, here, peer in said:
        one.take(now, here, peer)
    return one.figures


def test_both_ends_have_the_same_figures() -> None:
    """Of two answers the worse one counts, whoever asks; of the losses that of the worse direction."""
    near, far = (steady((0, here, there), (SECOND, here, there)) for here, there in ((NEAR, FAR), (FAR, NEAR)))

    assert near == far
    assert near[1:] == (72 * MILLISECOND, 4 * MILLISECOND)


def test_loss_is_believed_slowly() -> None:
    """At first there is none; a lasting one is believed to 63 % after its time."""
    first, later = steady((0, NEAR, FAR)), steady((0, NEAR, FAR), (LOSS_TIME, NEAR, FAR))

    assert first.loss == 0
    assert later.loss == pytest.approx(0.08 * 0.632, rel=0.01)


def test_the_first_datagrams_show_nothing() -> None:
    """One of ten that never came is no 10 %; nor after the link was closed."""
    one = Steady()
    for begin in (0, 1000 * SECOND):
        for second in range(10):
            one.take(begin + second * SECOND, NEAR, FAR)
            assert one.figures.loss == 0
        one.take(begin + YOUNG, NEAR, FAR)
        assert one.figures.loss == pytest.approx(0.08 * 0.0247, rel=0.01)
        one.forget()


def test_a_direction_is_worth_more_than_a_round_trip() -> None:
    """Half of the round trips lost may be one bad direction; they count where no direction is known."""
    blind = Metrics(loss=0.5)

    assert steady((0, blind, None), (LOSS_TIME, blind, None)).loss == pytest.approx(0.5 * 0.632, rel=0.01)
    assert steady((0, NEAR, None), (LOSS_TIME, NEAR, None)).loss == pytest.approx(0.02 * 0.632, rel=0.01)


def test_what_is_not_known_is_not_guessed() -> None:
    """Nothing at all, or a loss that is known no more."""
    assert steady((0, Metrics(), None)) == NOTHING
    assert steady((0, NEAR, FAR), (LOSS_TIME, Metrics(), None)) == NOTHING


def test_a_link_that_closed_is_known_anew() -> None:
    """What was lost before it opened is as old."""
    one = Steady()
    one.take(0, NEAR, FAR)
    one.take(LOSS_TIME, NEAR, FAR)
    one.forget()

    assert one.figures == NOTHING
    one.take(2 * LOSS_TIME, NEAR, FAR)
    assert one.figures.loss == 0


@pytest.mark.parametrize(
    ("figures", "share", "words"),
    [
        (NOTHING, 1.0, ""),
        (Figures(0.0099, 79 * MILLISECOND, 9 * MILLISECOND), 1.0, ""),
        (Figures(0.0099, 79 * MILLISECOND, 9 * MILLISECOND), 0.8, "loss 0.99 % > 1 %"),
        (Figures(0.05, 79 * MILLISECOND), 1.0, "loss 5 % > 1 %"),
        (Figures(0.001, 120 * MILLISECOND), 1.0, "rtt 120 ms > 80 ms"),
        (Figures(jitter=10 * MILLISECOND), 1.0, "jitter 10 ms > 10 ms"),
    ],
)
def test_the_first_figure_that_is_too_much_is_named(figures: Figures, share: float, words: str) -> None:
    """With its bound; at the bound is not below it."""
    assert excess(ALL, figures, share) == words


def test_nothing_is_too_much_that_no_bound_is_for() -> None:
    """A level may name one figure only."""
    assert excess(ServiceLevel(rtt=80 * MILLISECOND), Figures(loss=1.0, jitter=SECOND)) == ""
