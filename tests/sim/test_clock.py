"""A gateway's own clock."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.clock import Clock


@given(st.integers(-200, 200), st.integers(0, 10**13), st.integers(0, 10**13), st.integers(1, 10**12))
def test_a_wait_is_as_long_as_it_must_be(ppm: int, shown: int, passed: int, ahead: int) -> None:
    """After it the clock shows what was waited for, and a nanosecond before it did not."""
    agenda = Agenda()
    clock = Clock(agenda, shown)
    clock.drift(ppm)
    agenda.now += passed
    due = clock.now() + ahead
    agenda.now += clock.wait(due)
    assert clock.now() >= due
    agenda.now -= 1
    assert clock.now() < due


@given(st.integers(-200, 200), st.lists(st.integers(0, 10**10), max_size=5))
def test_it_never_goes_back(ppm: int, pauses: list[int]) -> None:
    """Whatever is done to it, but for a boot."""
    agenda = Agenda()
    clock = Clock(agenda)
    for pause in pauses:
        before = clock.now()
        clock.drift(ppm)
        clock.leap(pause)
        assert clock.now() == before + pause
        agenda.now += pause
        assert clock.now() >= before + pause


def test_a_drift_is_what_it_says() -> None:
    """200 millionths of a second in a second."""
    agenda = Agenda()
    clock = Clock(agenda)
    clock.drift(200)
    agenda.now = SECOND
    assert clock.now() == SECOND + 200_000


def test_a_stopped_clock_knows_of_nothing() -> None:
    """It goes on from where it stood; a boot ends the stop too."""
    agenda = Agenda()
    clock = Clock(agenda, 5)
    clock.stop()
    agenda.now = 100
    assert clock.now() == 5
    clock.go_on()
    agenda.now = 103
    assert (clock.now(), clock.wait(9), clock.wait(8)) == (8, 1, 0)
    clock.stop()
    clock.boot(0)
    agenda.now = 110
    assert (clock.now(), clock.boots) == (7, 1)
