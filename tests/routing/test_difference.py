"""Tests of the difference between wanted and found."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.routing.difference import difference

NUMBERS = st.lists(st.integers(0, 9))


@given(NUMBERS, NUMBERS)
def test_applying_a_difference_reaches_what_is_wanted(wanted: list[int], found: list[int]) -> None:
    """Adding and removing makes found equal wanted; a second difference is empty."""
    to_add, to_remove = difference(wanted, found)
    after = [item for item in found if item not in to_remove] + list(to_add)

    assert set(wanted) == set(after)
    assert difference(wanted, after) == ((), ())


def test_a_difference_keeps_the_order_of_its_sources() -> None:
    """What to add comes as wanted, what to remove as found, each once."""
    assert difference([5, 1, 3, 1, 5], [4, 3, 2, 4]) == ((5, 1), (4, 2))
