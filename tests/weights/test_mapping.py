"""Tests of mappings: monotone, and within what the far end may be told, whatever is configured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.weights.mapping import HIGHEST, LOWEST, Linear, Logarithmic, PriorityMapping, Steps

ranges = st.tuples(st.integers(LOWEST, HIGHEST), st.integers(LOWEST, HIGHEST)).map(sorted)
steps = st.lists(st.tuples(st.floats(0.01, 100), st.integers(LOWEST, HIGHEST)), max_size=8).map(
    lambda pairs: Steps(
        tuple(
            zip(
                (0.0, *sorted({weight for weight, _ in pairs})),
                sorted([100] + [priority for _, priority in pairs])[: len({weight for weight, _ in pairs}) + 1],
                strict=True,
            )
        )
    )
)
mappings = st.one_of(ranges.map(lambda ends: Linear(*ends)), ranges.map(lambda ends: Logarithmic(*ends)), steps)


@given(mappings, st.floats(-10, 110), st.floats(-10, 110))
def test_every_mapping_is_monotone_and_within_its_range(mapping: PriorityMapping, one: float, other: float) -> None:
    """A better weight never has a lower priority."""
    low, high = sorted((one, other))

    assert LOWEST <= mapping.priority(low) <= mapping.priority(high) <= HIGHEST


@given(ranges)
def test_the_ends_are_reached(ends: list[int]) -> None:
    """Weight 0 is the least priority, weight 100 the highest, to the number."""
    for mapping in (Linear(*ends), Logarithmic(*ends)):
        assert [mapping.priority(0), mapping.priority(100)] == ends


@given(st.floats(0, 99.9, allow_subnormal=False))
def test_an_ulp_never_turns_the_order(weight: float) -> None:
    """Neighbouring numbers are mapped in their order too."""
    for mapping in (Linear(), Logarithmic()):
        assert mapping.priority(weight) <= mapping.priority(weight + 1e-13)


def test_logarithmic_tells_small_weights_apart() -> None:
    """1 Mbit and 10 Mbit of a gigabit are 1 number apart when linear, and a third of the range when logarithmic."""
    assert Linear().priority(1) - Linear().priority(0.1) <= 3
    assert Logarithmic().priority(10) - Logarithmic().priority(1) > 80


def test_steps() -> None:
    """From each weight on, the priority beside it."""
    mapping = Steps(((0, 10), (20, 100), (80.5, 200)))

    assert [mapping.priority(weight) for weight in (0, 19.9, 20, 80, 80.5, 100)] == [10, 10, 100, 100, 200, 200]


@pytest.mark.parametrize("ends", [(1, 254), (2, 255), (100, 99)])
def test_other_ranges_are_refused(ends: tuple[int, int]) -> None:
    """1 means a dead link, 255 an owner."""
    with pytest.raises(ValueError, match="not within 2 to 254"):
        Linear(*ends)
    with pytest.raises(ValueError, match="not within 2 to 254"):
        Logarithmic(*ends)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((), "begin at weight 0"),
        (((1, 10),), "begin at weight 0"),
        (((0, 10), (20, 9)), "lower priority"),
        (((0, 10), (20, 11), (20, 12)), "must rise"),
        (((0, 10), (101, 11)), "must rise"),
        (((0, 1), (20, 11)), "within 2 to 254"),
        (((0, 10), (20, 255)), "within 2 to 254"),
    ],
)
def test_other_steps_are_refused(wrong: tuple[tuple[float, int], ...], why: str) -> None:
    """Not monotone, or beyond the range."""
    with pytest.raises(ValueError, match=why):
        Steps(wrong)
