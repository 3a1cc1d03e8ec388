"""Tests of the choice of a VID (mission A3)."""

from linkbalancer.routing.application import Member
from linkbalancer.routing.choice import best_step, choose

STEPS = ((Member(3),), (Member(1), Member(2)))


def test_the_most_preferred_vid_that_works_is_chosen() -> None:
    """The first of the list wins while it works, whatever else works."""
    assert choose(STEPS, frozenset({1, 2, 3})) == 3


def test_the_next_vid_follows_when_the_preferred_one_fails() -> None:
    """Steps are taken in order, the members of a step in theirs."""
    assert choose(STEPS, frozenset({1, 2})) == 1
    assert choose(STEPS, frozenset({2})) == 2


def test_there_may_be_nothing_to_choose() -> None:
    """No VID of the list works: none is chosen, whatever others do."""
    assert choose(STEPS, frozenset({9})) is None


def test_the_best_step_is_the_first_of_which_anything_works() -> None:
    """A balanced step goes on with what is left of it."""
    assert best_step(STEPS, frozenset({1, 2, 3})) == STEPS[0]
    assert best_step(STEPS, frozenset({2})) == STEPS[1]
    assert best_step(STEPS, frozenset({9})) is None
