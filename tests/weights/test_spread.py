"""Tests of spread, by elections: the highest priority wins, of equals the higher address, until nothing moves."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.weights.mapping import Linear
from linkbalancer.weights.spread import Spread

MAPPING = Linear()
sizes = st.integers(1, 12)
useful = st.floats(1, 100)


def round_of(weights: Sequence[float], masters: Sequence[int | None], spread: Spread, *, sticky: bool) -> list[int]:
    """Elect once for every VID, by what all links knew before; return the link of each."""
    elected = []
    for vid, present in enumerate(masters):
        standing = []
        for link, weight in enumerate(weights):
            before = sum(one == link for one in masters[:vid])
            priority = MAPPING.priority(spread.weight(weight, before))
            # `sticky`: of equals a living Master stays it; else the higher address wins, as among two Masters.
            standing.append((priority, sticky and link == present, link))
        elected.append(max(standing)[2])
    return elected


def settled(
    weights: Sequence[float], start: Sequence[int | None], spread: Spread, *, sticky: bool = False
) -> list[int]:
    """Elect until nothing moves; never more rounds than VIDs, and one to see it."""
    masters: Sequence[int | None] = start
    for _ in range(len(start) + 1):
        elected = round_of(weights, masters, spread, sticky=sticky)
        if elected == masters:
            return elected
        masters = elected
    raise AssertionError(f"not settled: {masters}")


def starts(links: int, vids: int) -> st.SearchStrategy[list[int | None]]:
    """Return any state to begin from: each VID on any link, or on none."""
    return st.lists(st.none() | st.integers(0, links - 1), min_size=vids, max_size=vids)


@given(data=st.data(), links=sizes, weight=useful, sticky=st.booleans(), spread=st.sampled_from(list(Spread)[1:]))
def test_as_many_vids_as_equal_links_have_one_each(
    *, data: st.DataObject, links: int, weight: float, sticky: bool, spread: Spread
) -> None:
    """From any start, in as many rounds as there are VIDs (mission L9); `weighted` needs weights that can be halved."""
    weight = weight if spread is Spread.EVEN else max(weight, 5)
    masters = settled([weight] * links, data.draw(starts(links, links)), spread, sticky=sticky)

    assert sorted(masters) == list(range(links))


@given(data=st.data(), links=sizes, sticky=st.booleans())
def test_even_has_one_each_on_unequal_links_too(*, data: st.DataObject, links: int, sticky: bool) -> None:
    """As long as every link is of use."""
    weights = data.draw(st.lists(useful, min_size=links, max_size=links))
    masters = settled(weights, data.draw(starts(links, links)), Spread.EVEN, sticky=sticky)

    assert sorted(masters) == list(range(links))


@given(st.data(), st.integers(1, 6), st.integers(0, 24))
def test_even_gives_no_link_two_more_than_another(data: st.DataObject, links: int, vids: int) -> None:
    """More VIDs than links, or fewer: the numbers differ by one at most, up to six VIDs before."""
    weights = data.draw(st.lists(useful, min_size=links, max_size=links))
    vids = min(vids, 6 * links)
    counts = Counter(settled(weights, data.draw(starts(links, vids)), Spread.EVEN))
    numbers = [counts[link] for link in range(links)]

    assert max(numbers) - min(numbers) <= 1


@given(st.data(), st.integers(2, 6))
def test_a_useless_link_gets_nothing_while_another_is_of_use(data: st.DataObject, links: int) -> None:
    """However many VIDs the others have."""
    weights = [0.0, *data.draw(st.lists(useful, min_size=links - 1, max_size=links - 1))]
    for spread in Spread:
        needed = weights if spread is Spread.EVEN else [0.0, *([100.0] * (links - 1))]
        masters = settled(needed, data.draw(starts(links, links + 2)), spread)
        assert 0 not in masters


def seats(weights: Sequence[float], vids: int) -> Counter[int]:
    """Give seats by D'Hondt's method, exactly."""
    given: Counter[int] = Counter()
    for _ in range(vids):
        given[max(range(len(weights)), key=lambda link: (weights[link] / (given[link] + 1), link))] += 1
    return given


@pytest.mark.parametrize("weights", [(100, 50), (90, 60, 30), (100, 20), (40, 80, 80, 20)])
@pytest.mark.parametrize("vids", range(1, 9))
def test_weighted_is_in_proportion(weights: tuple[float, ...], vids: int) -> None:
    """As seats of a parliament; what the rounding to priorities moves is one VID at most."""
    counts, exact = Counter(settled(weights, [None] * vids, Spread.WEIGHTED)), seats(weights, vids)

    assert all(abs(counts[link] - exact[link]) <= 1 for link in range(len(weights)))


def test_weighted_lets_a_much_better_link_carry_several() -> None:
    """Which `even` does not."""
    assert settled([100, 20], [None] * 2, Spread.WEIGHTED) == [0, 0]
    assert settled([100, 20], [None] * 2, Spread.EVEN) == [0, 1]


@given(useful, st.integers(0, 300), st.sampled_from(list(Spread)))
def test_more_vids_before_are_never_better(weight: float, before: int, spread: Spread) -> None:
    """And nothing leaves 0 to 100; without spread they do not matter."""
    now, then = spread.weight(weight, before), spread.weight(weight, before + 1)

    assert 0 <= then <= now <= 100
    assert (then == now) == (spread is Spread.NONE)


@given(useful, useful, st.integers(0, 50), st.sampled_from(list(Spread)))
def test_a_better_weight_stays_better(one: float, other: float, before: int, spread: Spread) -> None:
    """Of two links with as many VIDs."""
    low, high = sorted((one, other))

    assert spread.weight(low, before) <= spread.weight(high, before)
