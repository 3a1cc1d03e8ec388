"""Tests of flap damping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.weights.damping import Damping, Flaps

DAMPING = Damping(half_life=30 * SECOND, suppress=3, reuse=1, longest=120 * SECOND)


def after(*instants: int, damping: Damping = DAMPING) -> Flaps:
    """Return what flaps at these instants come to."""
    flaps = Flaps()
    for instant in instants:
        flaps = flaps.flapped(instant, damping)
    return flaps


def test_one_flap_does_nothing() -> None:
    """Nor two: everybody stumbles."""
    assert not after(0).suppressed(0)
    assert not after(0, SECOND).suppressed(SECOND)


def test_the_penalty_halves() -> None:
    """Every half-life."""
    flaps = after(0)

    assert flaps.now(0, DAMPING) == pytest.approx(1)
    assert flaps.now(30 * SECOND, DAMPING) == pytest.approx(0.5)
    assert flaps.now(90 * SECOND, DAMPING) == pytest.approx(0.125)


def test_many_flaps_suppress_until_the_penalty_has_decayed() -> None:
    """From penalty 4 to 1 are two half-lives."""
    flaps = after(0, 0, 0, 0)

    assert flaps.suppressed(0)
    assert flaps.until == 60 * SECOND
    assert flaps.suppressed(60 * SECOND - 1)
    assert not flaps.suppressed(60 * SECOND)
    assert flaps.now(60 * SECOND, DAMPING) == pytest.approx(1)


def test_rare_flaps_never_suppress() -> None:
    """One a minute decays faster than it grows."""
    assert not any(after(*range(0, minute * 60 * SECOND, 60 * SECOND)).until for minute in range(1, 100))


def test_while_it_is_suppressed_each_flap_makes_it_longer_up_to_the_longest() -> None:
    """A link that flaps every second is let go at most `longest` after its last flap."""
    instants = [second * SECOND for second in range(600)]
    flaps = after(*instants)

    assert flaps.until is not None
    assert flaps.until - instants[-1] == pytest.approx(DAMPING.longest, rel=0.05)
    assert flaps.until - instants[-1] <= DAMPING.longest


def test_a_flap_while_suppressed_keeps_it_so_though_the_penalty_is_low() -> None:
    """Down to reuse it stays suppressed, and one flap on the way counts."""
    flaps = after(0, 0, 0).flapped(47 * SECOND, DAMPING)

    assert flaps.penalty < DAMPING.suppress
    assert flaps.suppressed(47 * SECOND)


@given(st.lists(st.integers(0, 90 * SECOND), min_size=1, max_size=50))
def test_the_penalty_is_bounded_and_every_suppression_ends(pauses: list[int]) -> None:
    """Whatever happens, `longest` after the last flap the link is tried again."""
    now, flaps = 0, Flaps()
    for pause in pauses:
        now += pause
        flaps = flaps.flapped(now, DAMPING)
        assert flaps.penalty <= DAMPING.most
    assert not flaps.suppressed(now + DAMPING.longest)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reuse": 3.0}, "penalty for reuse"),
        ({"reuse": 0.0}, "penalty for reuse"),
        ({"half_life": 0}, "half-life"),
        ({"longest": 0}, "longest"),
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, float], why: str) -> None:
    """A link that is suppressed must come back."""
    with pytest.raises(ValueError, match=why):
        Damping(**change)  # type: ignore[arg-type]


def test_a_very_short_half_life_overflows_nothing() -> None:
    """The bound is a bound."""
    assert after(0, 0, 0, 0, damping=Damping(half_life=1, longest=86400 * SECOND)).until == 2
