"""Debounce."""

from linkbalancer.clock import SECOND
from linkbalancer.health.debounce import Debounce


def test_the_first_sight_is_believed_at_once() -> None:
    """There is nothing to protect yet."""
    flap = Debounce(up_delay=SECOND, down_delay=SECOND)
    assert flap.see(0, up=False)
    assert flap.ok is False
    assert flap.deadline() is None


def test_what_stays_is_believed_after_its_delay() -> None:
    """Each direction has its own."""
    flap = Debounce(up_delay=3 * SECOND, down_delay=SECOND, ok=True)
    assert not flap.see(0, up=False)
    assert flap.deadline() == SECOND
    assert not flap.expire(SECOND - 1)
    assert flap.expire(SECOND)
    assert flap.ok is False
    assert not flap.see(SECOND, up=True)
    assert flap.deadline() == 4 * SECOND


def test_what_comes_back_in_time_was_nothing() -> None:
    """A flap shorter than the delay changes nothing, and the next one starts afresh."""
    flap = Debounce(down_delay=SECOND, ok=True)
    flap.see(0, up=False)
    assert not flap.see(SECOND // 2, up=True)
    assert flap.deadline() is None
    flap.see(2 * SECOND, up=False)
    assert flap.deadline() == 3 * SECOND
    assert flap.see(3 * SECOND, up=False)


def test_no_delay_is_none() -> None:
    """Without a delay what is seen is believed."""
    flap = Debounce(ok=True)
    assert flap.see(5, up=False)
    assert flap.see(5, up=True)
    assert not flap.see(5, up=True)


def test_a_predecessors_belief_is_taken_over() -> None:
    """What is seen then is judged against it."""
    flap = Debounce(down_delay=SECOND)
    flap.recall(ok=True)
    assert not flap.see(0, up=False)
    assert flap.ok is True
