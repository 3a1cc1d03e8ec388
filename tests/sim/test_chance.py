"""Draws of the simulator."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.sim.chance import below


@given(st.integers(), st.lists(st.integers(1, 2**40), min_size=1, max_size=20))
def test_it_draws_what_randrange_would(seed: int, bounds: list[int]) -> None:
    """Histories of earlier releases stay what they were."""
    one, other = Random(seed), Random(seed)

    assert [one.randrange(bound) for bound in bounds] == [below(other, bound) for bound in bounds]
    assert one.getstate() == other.getstate()
